// A model's file to look into: its graph, its layers, how it was trained, and its weights.

import { element, setText, svg } from "../../../kernelkit/viz/frontend/src/shared/dom";
import { KINDS, check } from "../../../kernelkit/viz/frontend/src/graph/schema";
import { GraphView } from "../../../kernelkit/viz/frontend/src/graph/view";
import { bytesText, cut, pythonShape } from "../../../kernelkit/viz/frontend/src/graph/words";
import { FileError, sizeText } from "./bytes";
import { short, type Item } from "./config";
import { arraysOf, openModel, type ArrayEntry, type ModelFile, type Place, type TreeEntry, type Weights } from "./open";
import { statistics, type Statistics } from "./statistics";
import css from "./style.css";

const ROWS = 200; // rows that are added at a time
const ATONCE = 24; // arrays of one layer whose statistics are read at once

let views = 0;

export class FileView {
  readonly node = element("div", { class: "kernelkit-file" });
  private readonly body = element("div", { class: "kf-body" });
  private readonly foot = element("div", { class: "kf-foot", role: "status" });
  private readonly stop = new AbortController();
  private readonly id = `kf${++views}`;
  private graph: GraphView | null = null;
  private file: ModelFile | null = null;
  private tabs: { name: string; tab: HTMLButtonElement; panel: HTMLElement; fill: (() => void) | null }[] = [];

  constructor(private readonly name: string, place: Omit<Place, "signal">) {
    this.node.append(element("style", {}, css), element("div", { class: "kf-wait", role: "status" }, "Reading the file …"));
    void this.load({ ...place, signal: this.stop.signal });
  }

  dispose(): void {
    this.stop.abort();
    this.graph?.destroy();
    this.node.remove();
  }

  private async load(place: Place): Promise<void> {
    try {
      const file = await openModel(this.name, place);
      if (this.stop.signal.aborted) return;
      this.file = file;
      this.show(file);
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.node.replaceChildren(element("style", {}, css), element("div", { class: "kf-bad", role: "alert" },
        element("strong", {}, cut(this.name, 120)), element("p", {}, words(error))));
    }
  }

  private show(file: ModelFile): void {
    const list = element("div", { class: "kf-tabs", role: "tablist", "aria-label": "Contents of the file", keydown: (e: KeyboardEvent) => this.key(e) });
    const add = (name: string, fill: (panel: HTMLElement) => void) => {
      const number = this.tabs.length;
      const panel = element("div", { class: "kf-panel", role: "tabpanel", id: `${this.id}-p${number}`, "aria-labelledby": `${this.id}-t${number}`, tabindex: 0 });
      const tab = element("button", { type: "button", role: "tab", id: `${this.id}-t${number}`, "aria-controls": panel.id, click: () => this.select(number) }, name);
      this.tabs.push({ name, tab, panel, fill: () => fill(panel) });
      list.append(tab);
      this.body.append(panel);
    };
    if (file.model || !file.weights) add("Graph", (panel) => this.fillGraph(panel, file));
    if (file.model) add("Layers", (panel) => this.fillLayers(panel, file));
    if (file.training) add("Training", (panel) => panel.append(outline(file.training)));
    if (file.weights) add("Weights", (panel) => this.fillWeights(panel, file));
    const facts = file.facts.filter(([, value]) => value.length <= 40);
    const long = file.facts.filter(([, value]) => value.length > 40);
    if (long.length) add("About", (panel) => panel.append(listed(long)));
    const head = element("div", { class: "kf-head" }, element("span", { class: "kf-name" }, cut(this.name, 120)),
      element("span", { class: "kf-facts" }, [file.format, sizeText(file.source.size), ...facts.map(([name, value]) => `${name} ${value}`)].join(" · ")), list);
    this.node.replaceChildren(element("style", {}, css), head, this.body, this.foot);
    this.select(0);
  }

  private select(number: number): void {
    this.tabs.forEach(({ tab, panel }, i) => {
      tab.setAttribute("aria-selected", String(i === number));
      tab.tabIndex = i === number ? 0 : -1;
      panel.hidden = i !== number;
    });
    const { fill } = this.tabs[number];
    this.tabs[number].fill = null;
    fill?.();
    this.count();
  }

  private key(event: KeyboardEvent): void {
    const at = this.tabs.findIndex(({ tab }) => tab === event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.tabs.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = (to + this.tabs.length) % this.tabs.length;
    this.select(next);
    this.tabs[next].tab.focus();
  }

  /** Say how little of the file was read. */
  private count(): void {
    if (!this.file) return;
    const { requests, received, size } = this.file.source;
    const much = received < size ? `${sizeText(received)} of ${sizeText(size)}` : `all ${sizeText(size)}`;
    setText(this.foot, `Read ${much} in ${requests} request${requests === 1 ? "" : "s"}. Nothing in the file was run.`);
  }

  // Graph and layers ------------------------------------------------------------------------------------------------

  private fillGraph(panel: HTMLElement, file: ModelFile): void {
    panel.classList.add("kf-graph");
    if (!file.model) {
      panel.append(element("p", { class: "kf-none" }, file.trouble));
      return;
    }
    try {
      const { description, items } = file.model;
      this.graph = new GraphView(check(description), { look: (row) => this.look(file, items[row]) });
      panel.append(this.graph.node);
    } catch (error) {
      panel.append(element("p", { class: "kf-none" }, words(error)));
    }
  }

  /** What is shown of a layer's weights when it is chosen. */
  private look(file: ModelFile, item: Item | null): HTMLElement | null {
    if (!item || item.kind !== KINDS.layer) return null;
    const place = element("div", { class: "kf-weights" });
    if (!file.weights) {
      if (file.unread) place.append(element("p", {}, file.unread));
      return place;
    }
    place.append(element("p", { role: "status" }, "Reading weights …"));
    const path = file.legacy ? item.legacy : item.path;
    void (async () => {
      try {
        const arrays = await arraysOf(file.weights!, path, item);
        const figures = arrays.slice(0, ATONCE).map((array) => arrayFigure(array, this.stop.signal, () => this.count(), true));
        const rest = arrays.length - figures.length;
        place.replaceChildren(...figures, ...(rest > 0 ? [element("p", {}, `${rest} more under Weights.`)] : []));
        if (!arrays.length) place.replaceChildren(element("p", {}, "The file has no weights of this layer itself."));
      } catch (error) {
        place.replaceChildren(element("p", { class: "kf-wrong" }, words(error)));
      }
      this.count();
    })();
    return place;
  }

  private fillLayers(panel: HTMLElement, file: ModelFile): void {
    const { description, unknown } = file.model!;
    const { nodes, strings, tensors } = description;
    const depth: number[] = [];
    nodes.parent.forEach((p) => depth.push(p < 0 ? 0 : depth[p] + 1));
    const rows = nodes.name.map((_, row) => row).filter((row) => nodes.kind[row] !== KINDS.output);
    const shape = (row: number) => nodes.outputs[row].slice(0, 4).map((t) => (strings[tensors[t][0]!] === "?" ? "?" : pythonShape(tensors[t].slice(1)))).join(", ");
    const line = (row: number): HTMLTableRowElement => {
      const params = nodes.params[row];
      const group = nodes.kind[row] >= KINDS.group;
      const name = element("button", { type: "button", click: () => this.jump(row) }, cut(strings[nodes.name[row]], 60) + (nodes.count[row]! > 1 ? ` × ${nodes.count[row]}` : ""));
      const cell = element("th", { scope: "row", class: group ? "kf-group" : "" }, name);
      cell.style.paddingLeft = `${14 + 18 * Math.min(12, depth[row])}px`;
      return element("tr", {}, cell, element("td", {}, cut(strings[nodes.class[row]], 60)), element("td", {}, shape(row)),
        element("td", { class: "kf-number" }, params === null ? "?" : params ? params.toLocaleString("en") : "–"),
        element("td", {}, params && nodes.trainable_params[row] === 0 ? "frozen" : ""),
        element("td", { class: "kf-soft" }, nodes.config[row] === null ? "" : cut(strings[nodes.config[row]!], 120)));
    };
    const search = element("input", { type: "search", placeholder: "Find a layer", "aria-label": "Find a layer", input: () => fill(),
      keydown: (e: KeyboardEvent) => e.stopPropagation() });
    const said = element("span", { class: "kf-soft", role: "status" });
    const table = element("tbody", {});
    const more = element("button", { type: "button", class: "kf-more", click: () => grow() }, "Show more");
    let wanted: number[] = [], shown = 0;
    const grow = () => {
      table.append(...wanted.slice(shown, shown + ROWS).map(line));
      shown = Math.min(wanted.length, shown + ROWS);
      more.hidden = shown >= wanted.length;
    };
    const fill = () => {
      const asked = search.value.trim().toLowerCase();
      wanted = !asked ? rows : rows.filter((row) => strings[nodes.name[row]].toLowerCase().includes(asked) || strings[nodes.class[row]].toLowerCase().includes(asked));
      table.replaceChildren();
      shown = 0;
      grow();
      setText(said, asked && !wanted.length ? `No layer's name or class holds “${cut(asked, 40)}”.` : asked ? `${wanted.length} found` : totals());
    };
    const totals = (): string => {
      const { params, trainable_params, weight_bytes } = description.totals;
      const frozen = params! - trainable_params!;
      const rest = unknown ? `, and those of ${unknown} layer${unknown === 1 ? "" : "s"} that only the weights show` : "";
      return `${params!.toLocaleString("en")} parameters${frozen ? ` (${frozen.toLocaleString("en")} frozen)` : ""} · ${bytesText(weight_bytes!)}${rest}`;
    };
    panel.append(element("div", { class: "kf-tools" }, search, said),
      element("div", { class: "kf-scroll" }, element("table", { class: "kf-layers" },
        element("thead", {}, element("tr", {}, ...["Layer", "Class", "Output", "Parameters", "State", "Arguments"].map((t) => element("th", { scope: "col" }, t)))), table), more));
    fill();
  }

  /** Show a layer in the graph. */
  private jump(row: number): void {
    this.select(0);
    this.graph?.reveal(row);
  }

  // Weights ---------------------------------------------------------------------------------------------------------

  private fillWeights(panel: HTMLElement, file: ModelFile): void {
    if (file.trouble && !file.model) panel.append(element("p", { class: "kf-none" }, file.trouble));
    const top = element("div", { class: "kf-tree" });
    panel.append(top);
    void this.branch(top, file.weights!, "");
  }

  private async branch(place: HTMLElement, weights: Weights, path: string): Promise<void> {
    const wait = element("p", { role: "status", class: "kf-soft" }, "Reading …");
    place.append(wait);
    try {
      let entries = await weights.children(path);
      if (!path && entries.length > 1) entries = [...entries.filter((e) => /layers|model_weights/.test(e.name)), ...entries.filter((e) => !/layers|model_weights/.test(e.name))];
      wait.remove();
      let shown = 0;
      const more = element("button", { type: "button", class: "kf-more", click: () => grow() }, "Show more");
      const grow = () => {
        more.before(...entries.slice(shown, shown + ROWS).map((entry) => this.leaf(entry, weights)));
        shown = Math.min(entries.length, shown + ROWS);
        more.hidden = shown >= entries.length;
      };
      place.append(more);
      grow();
      if (!entries.length) place.append(element("p", { class: "kf-soft" }, "Nothing."));
      const first = !path && place.querySelector("details");
      if (first) first.open = true;
    } catch (error) {
      wait.remove();
      place.append(element("p", { class: "kf-wrong" }, words(error)));
    }
    this.count();
  }

  private leaf(entry: TreeEntry, weights: Weights): HTMLElement {
    const name = cut(entry.name, 80);
    if (entry.kind === "link") return element("p", { class: "kf-soft" }, `${name}: ${entry.said}`);
    if (entry.array) return arrayFigure({ ...entry.array, name }, this.stop.signal, () => this.count(), false);
    let filled = false;
    const inner = element("div", { class: "kf-branch" });
    return element("details", {
      toggle: (event: Event) => {
        if (filled || !(event.currentTarget as HTMLDetailsElement).open) return;
        filled = true;
        if (entry.path.split("/").length > 64) inner.append(element("p", { class: "kf-soft" }, "Groups are nested too deep."));
        else void this.branch(inner, weights, entry.path);
      },
    }, element("summary", {}, name), inner);
  }
}

/** An array: its name, its form, and its statistics, at once or when asked for. */
function arrayFigure(array: ArrayEntry, signal: AbortSignal, done: () => void, atOnce: boolean): HTMLElement {
  const { dataset } = array;
  const form = `${pythonShape(dataset.shape)} ${dataset.dtype} · ${sizeText(dataset.bytes)}`;
  const place = element("div", {});
  const read = async () => {
    place.replaceChildren(element("p", { role: "status", class: "kf-soft" }, "Reading …"));
    try {
      place.replaceChildren(picture(await statistics(array.file, dataset, signal)));
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(element("p", { class: "kf-wrong" }, words(error)));
    }
    done();
  };
  if (atOnce) void read();
  else place.append(element("button", { type: "button", click: () => void read() }, "Statistics"));
  return element("figure", { class: "kf-array" }, element("figcaption", {}, element("strong", {}, cut(array.name, 80)), ` ${form}`), place);
}

function picture(found: Statistics): HTMLElement {
  if (!found.count) return element("p", { class: "kf-soft" }, "It is empty.");
  const top = Math.max(1, ...found.counts);
  const bars = svg("g", { class: "kf-bars" }, ...found.counts.map((count, i) => svg("path", { d: `M${6 * i} ${54 - (50 * count) / top}h5V54h-5z` })));
  const axis = svg("path", { class: "kf-axis", d: "M0 54.5h191" });
  const n = (x: number) => String(Number(x.toPrecision(3)));
  const odd = [[found.nan, "NaN"], [found.inf, "infinite"]].filter(([count]) => count).map(([count, what]) => `${count.toLocaleString("en")} ${what}`);
  const zeros = found.zeros / found.read;
  const parts = [`mean ${n(found.mean)}`, `std ${n(found.std)}`, ...(zeros > 0 ? [`${n(100 * zeros)} % zeros`] : [])];
  const sample = found.read < found.count ? `From ${found.read.toLocaleString("en")} of ${found.count.toLocaleString("en")} numbers.` : "";
  return element("div", { class: "kf-picture" },
    svg("svg", { width: 192, height: 56, viewBox: "0 0 192 56", role: "img", "aria-label": "Histogram of the values" }, bars, axis),
    element("div", { class: "kf-ends" }, element("span", {}, n(found.low)), element("span", {}, n(found.high))),
    element("div", {}, parts.join(" · ")),
    ...(odd.length ? [element("div", { class: "kf-wrong" }, odd.join(", "))] : []),
    ...(sample ? [element("div", { class: "kf-soft" }, sample)] : []));
}

/** What was given to compile(), as a list; objects inside of it one level deeper. */
function outline(value: any): HTMLElement {
  const rows: [string, string][] = [];
  const stack: { name: string; value: any; depth: number }[] = [{ name: "", value, depth: 0 }];
  while (stack.length && rows.length < 300) {
    const { name, value: one, depth } = stack.pop()!;
    const config = one?.class_name && typeof one.config === "object" && one.config !== null ? one.config : null;
    if (name) rows.push([name, config ? short(one) : typeof one === "object" && one !== null && depth < 6 ? "" : short(one)]);
    const inner = config ?? one;
    if (typeof inner !== "object" || inner === null || depth >= 6) continue;
    const plain = Array.isArray(inner) && inner.every((v) => typeof v !== "object");
    if (plain && name) { rows[rows.length - 1][1] = inner.slice(0, 30).map(short).join(", "); continue; }
    const entries = Object.entries(inner).slice(0, 100).reverse();
    for (const [key, v] of entries) if (v !== null && !(config && key === "name")) stack.push({ name: `${name ? `${name} › ` : ""}${cut(key, 40)}`, value: v, depth: depth + 1 });
  }
  return rows.length ? listed(rows) : element("p", { class: "kf-none" }, "The model was not compiled.");
}

function listed(rows: [string, string][]): HTMLElement {
  return element("dl", { class: "kf-list" }, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function words(error: unknown): string {
  if (error instanceof FileError) return error.message;
  if (error instanceof RangeError) return "The file is damaged: it refers to bytes after its end.";
  return `This cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
