// A model to walk through. The groups of the picture are the items of an ARIA tree, so both are always the same.

import { element, setText, svg } from "../shared/dom";
import { ColorBar } from "./bar";
import { colorOf, Colors, textOf, TITLES } from "./colors";
import { detailOf } from "./detail";
import { arranging, pathOf, type Box, type Scene } from "./scene";
import { KINDS, STATES, type Description } from "./schema";
import { Sliced } from "./sliced";
import css from "./style.css";
import { outputFigure, readOutputs, readWeights, weightFigure, type Output, type Weight } from "./weights";
import { bytesText, cut, flopsText, pythonShape } from "./words";

const MOST_BOXES = 6_000;
const MOST_LINES = 10_000;
const REST = 100; // boxes or lines that are made without a rest
const NAMES = ["input", "layer", "operation", "output", "group", "repeated blocks", "block"];

/** What a graph has beside its description; all of it may come from anybody. */
export interface Extras {
  weights?: unknown;
  outputs?: unknown;
  colors?: unknown;
  /** By which a view that replaces this one finds what was opened. */
  key?: unknown;
  /** What else is shown of a node when it is chosen. */
  look?: (row: number) => Node | null;
  /** Asks the kernel for something. */
  ask?: (kind: string) => void;
}

interface Kept { opened: Set<number>; across: boolean; zoom: number; left: number; top: number; measure: ColorBar["measure"] }

const KEPT = 40;
const kept = new Map<string, Kept>();
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
  private scene: Scene = { width: 0, height: 0, boxes: [], lines: [] };
  private nodes = new Map<number, SVGGElement>();
  private subtitles = new Map<number, { text: SVGTextElement; rects: SVGRectElement[]; box: Box }>();
  private weights = new Map<number, Weight[]>();
  private outputs = new Map<number, Output>();
  private readonly keptAs: string;
  private readonly look: (row: number) => Node | null;
  private readonly colors: Colors;
  private readonly bar: ColorBar;
  private readonly waits = element("div", { class: "kg-waits", role: "status", hidden: true });
  private readonly slices = new Sliced((cancel) => {
    this.waits.hidden = cancel === null;
    this.waits.replaceChildren(...(cancel ? ["Arranging the layers … ", element("button", { type: "button", click: cancel }, "Cancel")] : []));
  });
  private lines: { source: number; target: number; path: SVGPathElement }[] = [];
  private active = 0;
  private chosen = -1;
  private hits: number[] = [];
  private hit = -1;
  private zoom = 1;
  private left = 0;
  private top = 0;
  private fitted = false;
  private whole = false; // whether it is seen as `fit` has put it
  private room = 0; // the width of the page that it had

  constructor(private readonly model: Description, extras: Extras = {}) {
    const count = model.nodes.name.length;
    this.weights = readWeights(extras.weights, count);
    this.outputs = readOutputs(extras.outputs, count);
    this.look = extras.look ?? (() => null);
    this.keptAs = typeof extras.key === "string" ? extras.key.slice(0, 100) : "";
    this.colors = new Colors(model);
    this.bar = new ColorBar(this.colors, () => this.paint(), () => extras.ask?.("time"));
    const text = model.strings;
    this.world = svg("g");
    this.picture = svg("svg", { role: "tree", "aria-label": `Layers of ${cut(text[model.model], 80)}` }, this.marker(), this.world);
    this.said = element("div", { class: "kg-said", role: "status" });
    this.view = element("div", {
      class: "kg-view", wheel: (event: WheelEvent) => this.wheel(event), pointerdown: (event: PointerEvent) => this.drag(event),
    }, this.picture, this.said, this.waits);
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
          button("⇄", "Direction of the layers: right or down", () => this.turn()),
          button("−", "Zoom out", () => this.scale(1 / 1.3)), button("+", "Zoom in", () => this.scale(1.3)),
          button("Fit", "Fit the model into the view", () => this.fit()))),
      ...(model.error || model.note ? [element("div", { class: model.error ? "kg-error" : "kg-head" }, errorText(model))] : []),
      this.bar.node, element("div", { class: "kg-body" }, this.view, this.side));
    for (let row = model.error?.node ?? -1; row >= 0; row = model.nodes.parent[row]) this.opened.add(model.nodes.parent[row]);
    const before = kept.get(this.keptAs);
    if (before) {
      [this.opened, this.across] = [new Set(before.opened), before.across];
      [this.zoom, this.left, this.top, this.fitted] = [before.zoom, before.left, before.top, true];
      this.bar.measure = before.measure;
    }
    this.slices.start(before ? this.working(this.opened, this.across) : this.beginning(), (scene) => {
      this.drawn(scene);
      if (!this.fitted) this.fit();
    });
    if (extras.colors !== undefined) this.receiveColors(extras.colors, true, null);
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.view);
  }

  destroy(): void {
    if (this.keptAs) {
      const { opened, across, zoom, left, top } = this;
      kept.delete(this.keptAs);
      kept.set(this.keptAs, { opened, across, zoom, left, top, measure: this.bar.measure });
      if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
    }
    this.slices.cancel();
    this.observer.disconnect();
    this.node.remove();
  }

  /** Take over what a kernel sends: kernelkit/viz/cards/walk.py. */
  receive(message: any): void {
    const count = this.model.nodes.name.length;
    if (message?.kind === "colors") {
      this.bar.canMeasure = Array.isArray(message.can) && message.can.includes("time");
      this.receiveColors(message.colors, message.full === true, message.step);
    } else if (message?.kind === "statistics") {
      this.weights = readWeights(message.weights, count);
      this.outputs = readOutputs(message.outputs, count);
      if (this.chosen >= 0 && !this.side.hidden) this.detail(this.chosen);
    }
  }

  private receiveColors(value: unknown, full: boolean, step: unknown): void {
    this.colors.receive(value, full);
    this.bar.update(typeof step === "number" ? step : null);
    this.paint();
    if (this.chosen >= 0 && !this.side.hidden) this.detail(this.chosen);
  }

  // Drawing ---------------------------------------------------------------------------------------------------------

  private marker(): SVGElement {
    const shape = svg("path", { d: "M1 1 7 4 1 7", fill: "none", stroke: "currentColor" });
    const size = { viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" };
    return svg("defs", {}, svg("marker", { id: `${this.id}-arrow`, ...size }, shape));
  }

  /** The first scene: to the right where that fits better. */
  private *beginning(): Generator<void, [Scene, Node[]]> {
    const down = yield* arranging(this.model, this.opened, false);
    if (down.height <= 480) return yield* this.drawing(down);
    const right = yield* arranging(this.model, this.opened, true);
    this.across = right.width < 1100;
    return yield* this.drawing(this.across ? right : down);
  }

  private *working(opened: Set<number>, across: boolean): Generator<void, [Scene, Node[]]> {
    return yield* this.drawing(yield* arranging(this.model, opened, across));
  }

  /** Make the nodes of a scene. Nothing of it is seen before `drawn`. */
  private *drawing(scene: Scene): Generator<void, [Scene, Node[]]> {
    const nodes = new Map<number, SVGGElement>(), subtitles: typeof this.subtitles = new Map();
    const boxes = [...scene.boxes].sort((a, b) => a.row - b.row);
    const back: Node[] = [], front: Node[] = [], lines: typeof this.lines = [];
    for (const [i, box] of boxes.entries()) {
      (box.open ? back : front).push(this.box(box, nodes, subtitles));
      if (i % REST === REST - 1) yield;
    }
    for (const [i, { points, source, target, arrow }] of scene.lines.slice(0, MOST_LINES).entries()) {
      const path = svg("path", { d: pathOf(points), ...(arrow ? { "marker-end": `url(#${this.id}-arrow)` } : {}) });
      lines.push({ source, target, path });
      if (i % REST === REST - 1) yield;
    }
    const drawn = svg("g", { class: "kg-lines", "aria-hidden": "true" }, ...lines.map((line) => line.path));
    [this.nextNodes, this.nextSubtitles, this.nextLines] = [nodes, subtitles, lines];
    return [scene, [svg("g", { role: "none" }, ...back), drawn, svg("g", { role: "none" }, ...front)]];
  }

  private nextNodes = this.nodes;
  private nextSubtitles = this.subtitles;
  private nextLines = this.lines;

  private drawn([scene, parts]: [Scene, Node[]]): void {
    [this.scene, this.nodes, this.subtitles, this.lines] = [scene, this.nextNodes, this.nextSubtitles, this.nextLines];
    this.world.replaceChildren(...parts);
    if (!this.nodes.has(this.active)) this.active = this.nodes.keys().next().value ?? 0;
    this.nodes.get(this.active)?.setAttribute("tabindex", "0");
    const hidden = scene.lines.length - MOST_LINES;
    if (hidden > 0) this.say(`${hidden.toLocaleString("en")} lines are not drawn.`);
    this.mark();
    this.move();
    this.paint();
  }

  /** Color the boxes by the measure that is chosen. */
  private paint(): void {
    const { measure, index } = this.bar;
    const values = measure ? this.colors.at(measure, index) : null;
    const range = measure ? this.colors.range(measure) : null;
    for (const [row, { text, rects, box }] of this.subtitles) {
      const value = box.open ? undefined : values?.get(row);
      const node = this.nodes.get(row)!;
      const colored = value !== undefined && measure && range;
      node.classList.toggle("kg-colored", Boolean(colored));
      node.classList.toggle("kg-plain", Boolean(measure) && !colored && !box.open);
      for (const rect of rects) {
        rect.style.fill = colored ? colorOf(measure, value, range) : "";
        rect.style.stroke = rect.style.fill;
      }
      const said = colored ? textOf(measure, value) : box.subtitle;
      if (text.textContent !== said) setText(text, said);
      node.setAttribute("aria-label", labelOf(box) + (colored ? `, ${TITLES[measure]} ${said}` : ""));
    }
  }

  private box(box: Box, nodes: Map<number, SVGGElement>, subtitles: typeof this.subtitles): SVGGElement {
    const node = svg("g", { transform: `translate(${box.x} ${box.y})`, class: classes(box) });
    if (box.kind === KINDS.repeat && !box.open) {
      node.append(svg("rect", { class: `kg-${box.family}`, x: 5, y: -5, width: box.width, height: box.height, rx: 6 }));
    }
    node.append(svg("rect", { class: `kg-${box.family}`, width: box.width, height: box.height, rx: 6 }));
    const label = (text: string, attributes: Record<string, string | number>) => {
      const part = svg("text", attributes);
      setText(part, text);
      node.append(part);
      return part;
    };
    const sign = box.opens ? (box.open ? "▾ " : "▸ ") : "";
    label(sign + box.title, { x: box.open ? 11 : 13, y: box.open ? 19 : box.subtitle ? 18 : 17.5 });
    const place: Record<string, string | number> = box.open ? { x: box.width - 12, y: 19, "text-anchor": "end" } : { x: 13, y: 33 };
    const text = box.subtitle ? label(box.subtitle, { class: "kg-sub", ...place }) : null;
    if (box.row < 0) return node;
    if (text) subtitles.set(box.row, { text, rects: [...node.querySelectorAll("rect")], box });
    node.setAttribute("role", "treeitem");
    node.setAttribute("aria-level", String(box.depth + 1));
    node.setAttribute("tabindex", "-1");
    node.setAttribute("aria-label", labelOf(box));
    if (box.opens) node.setAttribute("aria-expanded", String(box.open));
    node.addEventListener("click", () => { if (!this.dragged) this.choose(box.row, box.opens && !box.open ? "open" : "show"); });
    node.addEventListener("dblclick", () => { if (box.open) this.toggle(box.row); });
    node.addEventListener("pointerenter", () => this.hover(box.row));
    node.addEventListener("pointerleave", () => this.hover(-1));
    node.addEventListener("focus", () => { this.active = box.row; });
    nodes.set(box.row, node);
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
    this.uncover(row, () => {
      this.choose(row, "show");
      this.center(row);
    });
  }

  // Opening and choosing --------------------------------------------------------------------------------------------

  /** Show what is inside the groups in `opened`. What was opened or closed, `keep`, stays where it is. */
  private show(opened: Set<number>, keep = -1): void {
    const before = this.boxOf(keep);
    const was = before ? [before.x, before.y] : null;
    this.slices.start(this.working(opened, this.across), (made) => {
      this.opened = opened;
      this.drawn(made);
      const after = this.boxOf(keep);
      if (was && after) {
        this.whole = false;
        this.left += (was[0] - after.x) * this.zoom;
        this.top += (was[1] - after.y) * this.zoom;
        this.move();
        this.nodes.get(keep)?.focus({ preventScroll: true });
      } else this.fit();
    });
  }

  private turn(): void {
    this.slices.start(this.working(this.opened, !this.across), (made) => {
      this.across = !this.across;
      this.drawn(made);
      this.fit();
    });
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
    const measured = this.colors.measures.flatMap((measure): [string, string][] => {
      const value = this.colors.at(measure, this.bar.index).get(row);
      return value === undefined ? [] : [[TITLES[measure], textOf(measure, value)]];
    });
    const list = detailOf(this.model, row, measured);
    const close = element("button", { type: "button", class: "kg-close", "aria-label": "Close", click: () => {
      this.chosen = -1;
      this.side.hidden = true;
      this.mark();
      this.nodes.get(row)?.focus();
    } }, "×");
    const output = this.outputs.get(row);
    const pictures = [...(output ? [outputFigure(output)] : []), ...(this.weights.get(row) ?? []).map(weightFigure)];
    const more = this.look(row);
    const { nodes, strings } = this.model;
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
    this.say(`${this.hit + 1} of ${this.hits.length}`);
    this.uncover(row, () => this.center(row));
  }

  /** Open all groups that a node is in. */
  private uncover(row: number, then: () => void): void {
    const opened = new Set(this.opened);
    for (let p = this.model.nodes.parent[row]; p >= 0; p = this.model.nodes.parent[p]) opened.add(p);
    if (opened.size === this.opened.size && this.nodes.has(row)) {
      this.mark();
      return then();
    }
    this.slices.start(this.working(opened, this.across), (made) => {
      this.opened = opened;
      this.drawn(made);
      then();
    });
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
    this.whole = true;
    this.move();
  }

  /** The page is wider or narrower: what was in the middle stays there, and what was seen as a whole still is. */
  private resized(): void {
    const [width, room] = [this.view.clientWidth, this.node.clientWidth];
    if (!width) return;
    const change = this.room ? room - this.room : 0;
    this.room = room;
    if (!this.fitted) return this.fit();
    if (!change) return; // the side beside it was opened or closed: nothing moves
    const [begin, end] = [this.left, this.left + this.scene.width * this.zoom];
    if (this.whole && (begin < 0 || end > width)) return this.fit();
    this.left += change / 2;
    this.move();
  }

  private center(row: number): void {
    const box = this.boxOf(row);
    if (!box) return;
    this.whole = false;
    this.zoom = Math.max(this.zoom, 0.7);
    this.left = this.view.clientWidth / 2 - (box.x + box.width / 2) * this.zoom;
    this.top = this.view.clientHeight / 2 - (box.y + Math.min(box.height, 60) / 2) * this.zoom;
    this.move();
  }

  private scale(factor: number, x = this.view.clientWidth / 2, y = this.view.clientHeight / 2): void {
    const zoom = Math.min(4, Math.max(0.02, this.zoom * factor));
    this.whole = false;
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
      this.whole = false;
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

function labelOf(box: Box): string {
  const state = box.state === STATES.failed ? ", failed here" : box.state === STATES.unreached ? ", not called" : "";
  return `${box.title}, ${NAMES[box.kind]}, ${box.subtitle}${state}`;
}

function classes(box: Box): string {
  const state = box.state === STATES.failed ? " kg-failed" : box.state === STATES.unreached ? " kg-unreached" : "";
  return `kg-node${box.open ? " kg-open" : ""}${box.frozen ? " kg-frozen" : ""}${state}`;
}

function facts({ totals, strings, class: kind }: Description): string {
  const params = totals.params ?? 0, frozen = params - (totals.trainable_params ?? 0);
  const parts = [cut(strings[kind], 60), `${params.toLocaleString("en")} parameters` + (frozen > 0 ? ` (${frozen.toLocaleString("en")} frozen)` : "")];
  if (totals.weight_bytes) parts.push(bytesText(totals.weight_bytes));
  if (totals.flops) parts.push(`${flopsText(totals.flops)} a sample`);
  return parts.join(" · ");
}

function errorText({ error, note }: Description): string {
  if (!error) return cut(note, 1000);
  const shapes = error.shapes.slice(0, 8).map((s) => pythonShape(s.map((d) => (typeof d === "number" ? d : null)))).join(", ");
  const where = error.layer ? `Fails at ${cut(error.layer, 80)} in ${cut(error.in, 80)}` : `Fails in ${cut(error.in, 80)}`;
  return `${where}${shapes ? `, which was given ${shapes}` : ""}: ${cut(error.message, 2000)}`;
}
