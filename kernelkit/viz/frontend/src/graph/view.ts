// A model to walk through. The groups of the picture are the items of an ARIA tree, so both are always the same.

import { element, setText, svg } from "../shared/dom";
import { arrange, pathOf, type Box, type Scene } from "./scene";
import { KINDS, STATES, type Description } from "./schema";
import css from "./style.css";
import { bytesText, cut, numberText, pythonShape } from "./words";

const MOST_BOXES = 6_000;
const NAMES = ["input", "layer", "operation", "output", "group", "repeated blocks", "block"];

/** Statistics of one weight, as kernelkit.viz.graph's reader adds them. */
export interface Weight { name: string; shape: number[]; mean: number; std: number; low: number; high: number; counts: number[] }

let views = 0;

export class GraphView {
  readonly node: HTMLElement;
  private readonly view: HTMLElement;
  private readonly picture: SVGSVGElement;
  private readonly world: SVGGElement;
  private readonly side: HTMLElement;
  private readonly said: HTMLElement;
  private readonly search: HTMLInputElement;
  private readonly observer: ResizeObserver;
  private readonly id = `kg${++views}`;
  private opened = new Set<number>();
  private across = false;
  private scene!: Scene;
  private nodes = new Map<number, SVGGElement>();
  private lines: { source: number; target: number; path: SVGPathElement }[] = [];
  private active = 0;
  private chosen = -1;
  private hits: number[] = [];
  private hit = -1;
  private zoom = 1;
  private left = 0;
  private top = 0;
  private fitted = false;

  /** `look` gives what else is shown of a node when it is chosen. */
  constructor(
    private readonly model: Description, private readonly weights: Map<number, Weight[]> = new Map(),
    private readonly look: (row: number) => Node | null = () => null,
  ) {
    const text = model.strings;
    this.world = svg("g");
    this.picture = svg("svg", { role: "tree", "aria-label": `Layers of ${cut(text[model.model], 80)}` }, this.marker(), this.world);
    this.said = element("div", { class: "kg-said", role: "status" });
    this.view = element("div", {
      class: "kg-view", wheel: (event: WheelEvent) => this.wheel(event), pointerdown: (event: PointerEvent) => this.drag(event),
    }, this.picture, this.said);
    this.side = element("div", { class: "kg-side", hidden: true });
    this.search = element("input", {
      type: "search", placeholder: "Find a layer", "aria-label": "Find a layer", input: () => this.find(),
      keydown: (event: KeyboardEvent) => {
        if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
        event.stopPropagation(); // a notebook's own keys
      },
    });
    const button = (label: string, title: string, click: () => void) =>
      element("button", { type: "button", title, "aria-label": title, click }, label);
    const groups = model.nodes.parent.some((p) => p >= 0);
    this.node = element("div", { class: "kernelkit-graph", keydown: (event: KeyboardEvent) => this.key(event) },
      element("style", {}, css),
      element("div", { class: "kg-head" },
        element("span", { class: "kg-name" }, cut(text[model.model], 80)),
        element("span", { class: "kg-facts" }, facts(model)),
        element("div", { class: "kg-tools" }, this.search,
          ...(groups ? [button("Open all", "Open all groups", () => this.openAll()), button("Close", "Close all groups", () => this.show(new Set()))] : []),
          button("⇄", "Run to the right or down", () => { this.across = !this.across; this.draw(); this.fit(); }),
          button("−", "Zoom out", () => this.scale(1 / 1.3)), button("+", "Zoom in", () => this.scale(1.3)),
          button("Fit", "Fit the model into the view", () => this.fit()))),
      ...(model.error || model.note ? [element("div", { class: model.error ? "kg-error" : "kg-head" }, errorText(model))] : []),
      element("div", { class: "kg-body" }, this.view, this.side));
    for (let row = model.error?.node ?? -1; row >= 0; row = model.nodes.parent[row]) this.opened.add(model.nodes.parent[row]);
    this.draw();
    this.across = this.scene.height > 480 && arrange(model, this.opened, true).width < 1100;
    if (this.across) this.draw();
    this.observer = new ResizeObserver(() => { if (!this.fitted && this.view.clientWidth) this.fit(); });
    this.observer.observe(this.view);
  }

  destroy(): void {
    this.observer.disconnect();
    this.node.remove();
  }

  // Drawing ---------------------------------------------------------------------------------------------------------

  private marker(): SVGElement {
    const shape = svg("path", { d: "M1 1 7 4 1 7", fill: "none", stroke: "currentColor" });
    const size = { viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" };
    return svg("defs", {}, svg("marker", { id: `${this.id}-arrow`, ...size }, shape));
  }

  private draw(): void {
    this.scene = arrange(this.model, this.opened, this.across);
    this.nodes.clear();
    const boxes = [...this.scene.boxes].sort((a, b) => a.row - b.row);
    const back: Node[] = [], front: Node[] = [];
    for (const box of boxes) (box.open ? back : front).push(this.box(box));
    this.lines = this.scene.lines.map(({ points, source, target, arrow }) => ({
      source, target,
      path: svg("path", { d: pathOf(points), ...(arrow ? { "marker-end": `url(#${this.id}-arrow)` } : {}) }),
    }));
    const lines = svg("g", { class: "kg-lines", "aria-hidden": "true" }, ...this.lines.map((line) => line.path));
    this.world.replaceChildren(svg("g", { role: "none" }, ...back), lines, svg("g", { role: "none" }, ...front));
    if (!this.nodes.has(this.active)) this.active = boxes.find((b) => b.row >= 0)?.row ?? 0;
    this.nodes.get(this.active)?.setAttribute("tabindex", "0");
    this.mark();
    this.move();
  }

  private box(box: Box): SVGGElement {
    const node = svg("g", { transform: `translate(${box.x} ${box.y})`, class: classes(box) });
    if (box.kind === KINDS.repeat && !box.open) {
      node.append(svg("rect", { class: `kg-${box.family}`, x: 5, y: -5, width: box.width, height: box.height, rx: 6 }));
    }
    node.append(svg("rect", { class: `kg-${box.family}`, width: box.width, height: box.height, rx: 6 }));
    const label = (text: string, attributes: Record<string, string | number>) => {
      const part = svg("text", attributes);
      setText(part, text);
      node.append(part);
    };
    const sign = box.opens ? (box.open ? "▾ " : "▸ ") : "";
    label(sign + box.title, { x: box.open ? 11 : 13, y: box.open ? 19 : box.subtitle ? 18 : 17.5 });
    if (box.subtitle && box.open) label(box.subtitle, { class: "kg-sub", x: box.width - 12, y: 19, "text-anchor": "end" });
    else if (box.subtitle) label(box.subtitle, { class: "kg-sub", x: 13, y: 33 });
    if (box.row < 0) return node;
    node.setAttribute("role", "treeitem");
    node.setAttribute("aria-level", String(box.depth + 1));
    node.setAttribute("tabindex", "-1");
    const state = box.state === STATES.failed ? ", failed here" : box.state === STATES.unreached ? ", not called" : "";
    node.setAttribute("aria-label", `${box.title}, ${NAMES[box.kind]}, ${box.subtitle}${state}`);
    if (box.opens) node.setAttribute("aria-expanded", String(box.open));
    node.addEventListener("click", () => { if (!this.dragged) this.choose(box.row, box.opens && !box.open ? "open" : "show"); });
    node.addEventListener("dblclick", () => { if (box.open) this.toggle(box.row); });
    node.addEventListener("pointerenter", () => this.hover(box.row));
    node.addEventListener("pointerleave", () => this.hover(-1));
    node.addEventListener("focus", () => { this.active = box.row; });
    this.nodes.set(box.row, node);
    return node;
  }

  private mark(): void {
    for (const [row, node] of this.nodes) {
      node.classList.toggle("kg-chosen", row === this.chosen);
      node.classList.toggle("kg-found", row === this.hits[this.hit]);
      node.setAttribute("aria-selected", String(row === this.chosen));
    }
    this.hover(this.chosen);
  }

  private hover(row: number): void {
    const near = row < 0 ? this.chosen : row;
    for (const line of this.lines) line.path.classList.toggle("kg-near", near >= 0 && (line.source === near || line.target === near));
  }

  /** Choose a node, wherever it is, and bring it into view. */
  reveal(row: number): void {
    this.uncover(row);
    this.choose(row, "show");
    this.center(row);
  }

  // Opening and choosing --------------------------------------------------------------------------------------------

  private show(opened: Set<number>, keep = -1): void {
    const before = this.boxOf(keep);
    const was = before ? [before.x, before.y] : null;
    this.opened = opened;
    this.draw();
    const after = this.boxOf(keep);
    if (was && after) { // what was opened stays where it is
      this.left += (was[0] - after.x) * this.zoom;
      this.top += (was[1] - after.y) * this.zoom;
      this.move();
      this.nodes.get(keep)?.focus({ preventScroll: true });
    } else this.fit();
  }

  private toggle(row: number): void {
    const opened = new Set(this.opened);
    if (!opened.delete(row)) opened.add(row);
    this.show(opened, row);
  }

  private openAll(): void {
    const groups = new Set(this.model.nodes.parent.filter((p) => p >= 0));
    if (this.model.nodes.name.length > MOST_BOXES) this.say(`Too many nodes to open them all: ${this.model.nodes.name.length}.`);
    else this.show(groups);
  }

  private boxOf(row: number): Box | undefined {
    return row < 0 ? undefined : this.scene.boxes.find((box) => box.row === row);
  }

  private choose(row: number, how: "open" | "show"): void {
    this.active = row;
    this.chosen = row;
    if (how === "open") this.toggle(row);
    this.mark();
    this.detail(row);
  }

  private detail(row: number): void {
    const { nodes, strings, tensors, edges } = this.model;
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
    add("Work", nodes.flops[row] && `${numberText(nodes.flops[row]!)} FLOPs a sample`);
    add("Calls", (nodes.calls[row] ?? 0) > 1 && nodes.calls[row]);
    add("Activation", nodes.activation[row] !== null && cut(strings[nodes.activation[row]!], 80));
    add("Arguments", nodes.config[row] !== null && cut(strings[nodes.config[row]!], 600));
    add("Fed by", others("target", "source"));
    add("Feeds", others("source", "target"));
    const list = element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
    const close = element("button", { type: "button", class: "kg-close", "aria-label": "Close", click: () => {
      this.chosen = -1;
      this.side.hidden = true;
      this.mark();
      this.nodes.get(row)?.focus();
    } }, "×");
    const pictures = (this.weights.get(row) ?? []).map(histogram);
    const more = this.look(row);
    this.side.replaceChildren(close, element("h4", {}, cut(strings[nodes.name[row]], 200)), list, ...pictures, ...(more ? [more] : []));
    this.side.hidden = false;
  }

  // Finding ---------------------------------------------------------------------------------------------------------

  private find(): void {
    const words = this.search.value.trim().toLowerCase();
    const { nodes, strings } = this.model;
    this.hits = !words ? [] : nodes.name.map((_, row) => row).filter((row) =>
      nodes.kind[row] < KINDS.repeat && (strings[nodes.name[row]].toLowerCase().includes(words) || strings[nodes.class[row]].toLowerCase().includes(words)));
    this.hit = -1;
    if (!words) this.say("");
    else if (!this.hits.length) this.say(`No layer's name or class holds “${cut(words, 40)}”.`);
    else return this.next(1);
    this.mark();
  }

  private next(step: number): void {
    if (!this.hits.length) return;
    this.hit = (this.hit + step + this.hits.length) % this.hits.length;
    const row = this.hits[this.hit];
    this.uncover(row);
    this.center(row);
    this.say(`${this.hit + 1} of ${this.hits.length}`);
  }

  /** Open all groups that a node is in. */
  private uncover(row: number): void {
    for (let p = this.model.nodes.parent[row]; p >= 0; p = this.model.nodes.parent[p]) this.opened.add(p);
    this.draw();
  }

  private say(text: string): void {
    setText(this.said, text);
  }

  // Moving ----------------------------------------------------------------------------------------------------------

  private dragged = false;

  private move(): void {
    this.world.setAttribute("transform", `translate(${this.left} ${this.top}) scale(${this.zoom})`);
    this.picture.classList.toggle("kg-far", this.zoom < 0.35);
  }

  fit(): void {
    const { clientWidth: width, clientHeight: height } = this.view;
    if (!width || !height) return;
    this.fitted = true;
    const room = 18;
    const whole = Math.min((width - 2 * room) / this.scene.width, (height - 2 * room) / this.scene.height);
    this.zoom = Math.min(1.15, Math.max(whole, 0.42)); // never too small to read: it begins at the top then
    this.left = Math.max(room, (width - this.scene.width * this.zoom) / 2);
    this.top = Math.max(room, (height - this.scene.height * this.zoom) / 2);
    if (this.scene.width * this.zoom > width) this.left = this.across ? room : (width - this.scene.width * this.zoom) / 2;
    this.move();
  }

  private center(row: number): void {
    const box = this.boxOf(row);
    if (!box) return;
    this.zoom = Math.max(this.zoom, 0.7);
    this.left = this.view.clientWidth / 2 - (box.x + box.width / 2) * this.zoom;
    this.top = this.view.clientHeight / 2 - (box.y + Math.min(box.height, 60) / 2) * this.zoom;
    this.move();
  }

  private scale(factor: number, x = this.view.clientWidth / 2, y = this.view.clientHeight / 2): void {
    const zoom = Math.min(4, Math.max(0.02, this.zoom * factor));
    this.left = x - ((x - this.left) * zoom) / this.zoom;
    this.top = y - ((y - this.top) * zoom) / this.zoom;
    this.zoom = zoom;
    this.move();
  }

  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const place = this.view.getBoundingClientRect();
    this.scale(Math.exp(-event.deltaY / 300), event.clientX - place.left, event.clientY - place.top);
  }

  private drag(event: PointerEvent): void {
    if (event.button !== 0) return;
    const [x, y, left, top] = [event.clientX, event.clientY, this.left, this.top];
    this.dragged = false;
    const on = (e: PointerEvent) => {
      if (!this.dragged && Math.hypot(e.clientX - x, e.clientY - y) < 5) return;
      this.dragged = true;
      this.view.classList.add("kg-drag");
      this.left = left + e.clientX - x;
      this.top = top + e.clientY - y;
      this.move();
    };
    const off = () => {
      this.view.classList.remove("kg-drag");
      removeEventListener("pointermove", on);
      removeEventListener("pointerup", off);
      removeEventListener("pointercancel", off);
    };
    addEventListener("pointermove", on);
    addEventListener("pointerup", off);
    addEventListener("pointercancel", off);
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.target instanceof SVGElement)) return;
    const rows = [...this.nodes.keys()];
    const at = rows.indexOf(this.active);
    const { parent } = this.model.nodes;
    const box = this.boxOf(this.active);
    const actions: Record<string, () => void> = {
      ArrowDown: () => this.focus(rows[Math.min(at + 1, rows.length - 1)]),
      ArrowUp: () => this.focus(rows[Math.max(at - 1, 0)]),
      Home: () => this.focus(rows[0]),
      End: () => this.focus(rows[rows.length - 1]),
      ArrowRight: () => { if (box?.opens && !box.open) this.toggle(box.row); else if (box?.open) this.focus(rows[at + 1]); },
      ArrowLeft: () => { if (box?.open) this.toggle(box.row); else if (parent[this.active] >= 0) this.focus(parent[this.active]); },
      Enter: () => this.choose(this.active, "show"),
      " ": () => { if (box?.opens) this.toggle(box.row); else this.choose(this.active, "show"); },
      "+": () => this.scale(1.3), "-": () => this.scale(1 / 1.3), "0": () => this.fit(), "/": () => this.search.focus(),
      Escape: () => { this.chosen = -1; this.side.hidden = true; this.mark(); },
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  private focus(row: number | undefined): void {
    if (row === undefined) return;
    this.nodes.get(this.active)?.setAttribute("tabindex", "-1");
    this.active = row;
    const node = this.nodes.get(row);
    const box = this.boxOf(row);
    node?.setAttribute("tabindex", "0");
    node?.focus({ preventScroll: true });
    if (!box) return;
    const x = this.left + box.x * this.zoom, y = this.top + box.y * this.zoom;
    const seen = x > 0 && y > 0 && x + 60 < this.view.clientWidth && y + 30 < this.view.clientHeight;
    if (!seen) this.center(row);
  }
}

function classes(box: Box): string {
  const state = box.state === STATES.failed ? " kg-failed" : box.state === STATES.unreached ? " kg-unreached" : "";
  return `kg-node${box.open ? " kg-open" : ""}${box.frozen ? " kg-frozen" : ""}${state}`;
}

function facts({ totals, strings, class: kind }: Description): string {
  const params = totals.params ?? 0, frozen = params - (totals.trainable_params ?? 0);
  const parts = [cut(strings[kind], 60), `${params.toLocaleString("en")} parameters` + (frozen > 0 ? ` (${frozen.toLocaleString("en")} frozen)` : "")];
  if (totals.weight_bytes) parts.push(bytesText(totals.weight_bytes));
  if (totals.flops) parts.push(`${numberText(totals.flops)} FLOPs a sample`);
  return parts.join(" · ");
}

function errorText({ error, note }: Description): string {
  if (!error) return cut(note, 1000);
  const shapes = error.shapes.slice(0, 8).map((s) => pythonShape(s.map((d) => (typeof d === "number" ? d : null)))).join(", ");
  const where = error.layer ? `Fails at ${cut(error.layer, 80)} in ${cut(error.in, 80)}` : `Fails in ${cut(error.in, 80)}`;
  return `${where}${shapes ? `, which was given ${shapes}` : ""}: ${cut(error.message, 2000)}`;
}

function histogram(weight: Weight): HTMLElement {
  let top = 1;
  for (const count of weight.counts) top = Math.max(top, count);
  const bars = svg("g", { fill: "#3b82f6" }, ...weight.counts.map((count, i) =>
    svg("path", { d: `M${5 * i} ${52 - (46 * count) / top}h4V52h-4z` })));
  const picture = svg("svg", { width: 164, height: 54, viewBox: "0 0 164 54", role: "img", "aria-label": "How often which values occur" }, bars);
  const n = (x: number) => String(Number(x.toPrecision(3)));
  return element("figure", {}, element("figcaption", {}, `${cut(weight.name, 60)} ${pythonShape(weight.shape)}`), picture,
    element("figcaption", {}, `${n(weight.low)} to ${n(weight.high)} · mean ${n(weight.mean)} · std ${n(weight.std)}`));
}
