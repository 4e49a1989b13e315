// Two models side by side: layers matched by class, arguments, shapes and order, not by name.

import { element, setText } from "../../../kernelkit/viz/frontend/src/shared/dom";
import { KINDS, type Description } from "../../../kernelkit/viz/frontend/src/graph/schema";
import { cut, pythonShape } from "../../../kernelkit/viz/frontend/src/graph/words";
import { FileError } from "./bytes";
import { openModel, type Place } from "./open";
import css from "./style.css";

const MOST_CELLS = 9_000_000; // of the table in which the longest common row of layers is found
const MOST_ROWS = 4_000;

export interface Leaf { name: string; title: string; config: string; shape: string; params: number | null; frozen: boolean }
export interface Row { status: "same" | "changed" | "left" | "right"; left: Leaf | null; right: Leaf | null; said: string }

export function leavesOf({ nodes, strings, tensors }: Description): Leaf[] {
  return nodes.kind.flatMap((kind, row): Leaf[] => {
    if (kind > KINDS.op || (kind === KINDS.input && nodes.parent[row] >= 0)) return [];
    const shapes = nodes.outputs[row].slice(0, 4).map((t) => pythonShape(tensors[t].slice(1)));
    return [{ name: strings[nodes.name[row]], title: strings[nodes.class[row]], config: nodes.config[row] === null ? "" : strings[nodes.config[row]!],
      shape: shapes.join(", "), params: nodes.params[row], frozen: nodes.trainable[row] === 0 }];
  });
}

/** Match equal layers first, then, between them, layers of the same class. */
export function compareLeaves(left: Leaf[], right: Leaf[]): Row[] {
  const whole = (leaf: Leaf) => JSON.stringify([leaf.title, leaf.config, leaf.shape, leaf.params]);
  const rows: Row[] = [];
  for (const [a, b] of gaps(left, right, whole)) for (const [x, y] of gaps(a, b, (leaf) => leaf.title)) {
    for (let i = 0; i < Math.max(x.length, y.length); i++) rows.push(...rowOf(x[i] ?? null, y[i] ?? null));
  }
  return rows;
}

function rowOf(left: Leaf | null, right: Leaf | null): Row[] {
  if (!left || !right) return [{ status: left ? "left" : "right", left, right, said: "" }];
  if (left.title !== right.title) return [...rowOf(left, null), ...rowOf(null, right)];
  const said: string[] = [];
  const [mine, yours] = [left.config.split(", "), right.config.split(", ")];
  const gone = mine.filter((p) => p && !yours.includes(p)), come = yours.filter((p) => p && !mine.includes(p));
  if (gone.length || come.length) said.push(`${gone.join(", ") || "nothing"} → ${come.join(", ") || "nothing"}`);
  if (left.shape !== right.shape) said.push(`${left.shape || "?"} → ${right.shape || "?"}`);
  if (left.params !== right.params) said.push(`parameters ${number(left.params)} → ${number(right.params)}`);
  if (left.frozen !== right.frozen) said.push(left.frozen ? "frozen → trainable" : "trainable → frozen");
  return [{ status: said.length ? "changed" : "same", left, right, said: said.join("; ") }];
}

/** Cut two rows where they have an element in common: pairs of single equal ones, and of what lies between. */
function gaps(left: Leaf[], right: Leaf[], key: (leaf: Leaf) => string): [Leaf[], Leaf[]][] {
  const [a, b] = [left.map(key), right.map(key)];
  let start = 0, end = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [n, m] = [a.length - start - end, b.length - start - end];
  const found: [Leaf[], Leaf[]][] = [];
  for (let i = 0; i < start; i++) found.push([[left[i]], [right[i]]]);
  if (n * m > 0 && n * m <= MOST_CELLS) {
    const width = m + 1;
    const common = new Uint16Array((n + 1) * width); // the longest common row from each place on
    for (let i = n - 1; i >= 0; i--) for (let j = m - 1; j >= 0; j--) {
      common[i * width + j] = a[start + i] === b[start + j] ? common[(i + 1) * width + j + 1] + 1
        : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
    let i = 0, j = 0, fromI = 0, fromJ = 0;
    const between = () => { if (i > fromI || j > fromJ) found.push([left.slice(start + fromI, start + i), right.slice(start + fromJ, start + j)]); };
    while (i < n && j < m) {
      if (a[start + i] === b[start + j]) {
        between();
        found.push([[left[start + i++]], [right[start + j++]]]);
        [fromI, fromJ] = [i, j];
      } else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) i++;
      else j++;
    }
    [i, j] = [n, m];
    between();
  } else if (n + m > 0) found.push([left.slice(start, start + n), right.slice(start, start + m)]);
  for (let i = end; i > 0; i--) found.push([[left[left.length - i]], [right[right.length - i]]]);
  return found;
}

/** Open two files and show them side by side. */
export class CompareView {
  readonly node = element("div", { class: "kernelkit-file" }, element("style", {}, css), element("div", { class: "kf-wait", role: "status" }, "Reading both files …"));
  private readonly stop = new AbortController();

  constructor(names: [string, string], places: [Omit<Place, "signal">, Omit<Place, "signal">]) {
    void this.load(names, places);
  }

  dispose(): void {
    this.stop.abort();
    this.node.remove();
  }

  private async load(names: [string, string], places: [Omit<Place, "signal">, Omit<Place, "signal">]): Promise<void> {
    try {
      const files = await Promise.all(places.map((place, i) => openModel(names[i], { ...place, signal: this.stop.signal })));
      files.forEach((file, i) => { if (!file.model) throw new FileError(`${names[i]}: ${file.trouble}`); });
      const [left, right] = files.map((file) => file.model!.description);
      this.show(names, compareLeaves(leavesOf(left), leavesOf(right)), [left, right]);
    } catch (error) {
      if (this.stop.signal.aborted) return;
      const said = error instanceof Error ? error.message : String(error);
      this.node.replaceChildren(element("style", {}, css), element("div", { class: "kf-bad", role: "alert" }, cut(said, 1000)));
    }
  }

  private show(names: [string, string], rows: Row[], models: Description[]): void {
    const counts = { same: 0, changed: 0, left: 0, right: 0 };
    for (const row of rows) counts[row.status]++;
    const head = names.map((name, i) => `${cut(name, 80)} · ${number(models[i].totals.params)} parameters`);
    const facts = rows.length === counts.same ? "Both have the same layers." : `${counts.same} the same, ${counts.changed} differ, ${counts.left} only left, ${counts.right} only right`;
    const only = element("input", { type: "checkbox", checked: counts.same > 30 && counts.same < rows.length, change: () => fill() });
    const body = element("tbody", {});
    const rest = element("p", { class: "kf-none" });
    const fill = () => {
      const wanted = rows.filter((row) => !only.checked || row.status !== "same");
      body.replaceChildren(...wanted.slice(0, MOST_ROWS).map((row) => element("tr", { class: `kf-${row.status}` },
        element("td", {}, SIGNS[row.status]), element("td", {}, said(row.left)), element("td", {}, said(row.right)), element("td", {}, cut(row.said, 400)))));
      setText(rest, wanted.length > MOST_ROWS ? `${wanted.length - MOST_ROWS} more rows.` : "");
      rest.hidden = wanted.length <= MOST_ROWS;
    };
    fill();
    this.node.replaceChildren(element("style", {}, css),
      element("div", { class: "kf-tools" }, element("strong", {}, "Two models"), element("span", { class: "kf-soft", role: "status" }, facts), element("label", {}, only, " Only differences")),
      element("div", { class: "kf-scroll", style: "flex: 1 1 auto; min-height: 0; overflow: auto" }, element("table", { class: "kf-compared" },
        element("thead", {}, element("tr", {}, element("td", {}), ...[...head, "Difference"].map((t) => element("th", { scope: "col" }, t)))), body), rest));
  }
}

const SIGNS = { same: "", changed: "≠", left: "−", right: "+" };

function said(leaf: Leaf | null): string {
  return leaf ? `${cut(leaf.name, 60)} (${cut(leaf.title, 40)}) ${cut(leaf.shape, 60)}` : "";
}

function number(value: number | null | undefined): string {
  return value == null ? "?" : value.toLocaleString("en");
}
