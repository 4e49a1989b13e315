// What is known of one node, as a list of names and values.

import { element } from "../shared/dom";
import type { Description } from "./schema";
import { bytesText, cut, flopsText, pythonShape } from "./words";

export function detailOf({ nodes, strings, tensors, edges }: Description, row: number, more: [string, string][] = []): HTMLElement {
  const rows: [string, string][] = [];
  const add = (name: string, value: string | number | null | false | undefined) => { if (value) rows.push([name, String(value)]); };
  const shapes = (list: number[]) => list.slice(0, 8).map((t) => `${pythonShape(tensors[t].slice(1))} ${strings[tensors[t][0]!]}`).join(", ");
  const others = (from: "source" | "target", to: "source" | "target") => {
    const found = new Set<string>();
    edges[from].forEach((r, i) => { if (r === row && found.size < 12) found.add(strings[nodes.name[edges[to][i]]]); });
    return [...found].map((name) => cut(name, 40)).join(", ");
  };
  add("Class", cut(strings[nodes.class[row]], 120));
  add("Input", shapes(nodes.inputs[row]));
  add("Output", shapes(nodes.outputs[row]));
  const params = nodes.params[row] ?? 0, trained = nodes.trainable_params[row] ?? 0;
  add("Parameters", params && params.toLocaleString("en") + (trained < params ? ` (${(params - trained).toLocaleString("en")} frozen)` : ""));
  add("Weights", params && bytesText(nodes.weight_bytes[row] ?? 0));
  add("Outputs", nodes.output_bytes[row] && `${bytesText(nodes.output_bytes[row]!)} a sample`);
  add("Work", nodes.flops[row] && `${flopsText(nodes.flops[row]!)} a sample`);
  add("Calls", (nodes.calls[row] ?? 0) > 1 && nodes.calls[row]);
  add("Activation", nodes.activation[row] !== null && cut(strings[nodes.activation[row]!], 80));
  add("Arguments", nodes.config[row] !== null && cut(strings[nodes.config[row]!], 600));
  add("Fed by", others("target", "source"));
  add("Feeds", others("source", "target"));
  for (const [name, value] of more) add(name, value);
  return element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}
