// The losses of all branches over the steps. Pointing and dragging goes there; so do the arrow keys.

import uPlot from "uplot";
import { element, setText } from "../shared/dom";
import * as format from "../shared/format";
import type { Theme } from "../shared/theme";
import type { Session } from "./session";
import type { Branch } from "./types";

const HEIGHT = 150;
const LOW = 94; // on a narrow page, so that buttons, curve and layers are seen together
const NARROW = 800;
const LEAST = 10; // steps that the axis shows at least

export class Timeline {
  readonly node: HTMLElement;
  private plot: uPlot | null = null;
  private shape = "";
  private drawn = "";
  private theme: Theme | null = null;
  readonly host: HTMLElement;
  private readonly head = element("div", { class: "kd-playhead" });
  private readonly title = element("b", { dir: "auto" }, "Loss of each batch");
  private readonly readout = element("span", { class: "kd-readout" });
  private readonly log: HTMLInputElement;
  private dragging = false;

  constructor(private session: Session) {
    this.log = element("input", { type: "checkbox", change: () => { session.choices.log = this.log.checked; session.changed(); } });
    this.host = element("div", {
      class: "kd-plot", tabindex: 0, role: "slider", "aria-label": "Step shown", "aria-orientation": "horizontal",
    });
    this.node = element("div", { class: "kd-timeline" },
      element("div", { class: "kd-caption" }, this.title, this.readout, element("label", {}, this.log, "Log scale")),
      this.host);
  }

  update(theme: Theme): void {
    this.theme = theme;
    const { state, choices } = this.session;
    if (!state || this.host.clientWidth === 0) return;
    this.log.checked = choices.log;
    setText(this.title, state.curve === "loss" ? "Loss of each batch" : state.curve ? `${state.curve} of each step` : "Nothing was reported yet");
    const shape = JSON.stringify([state.branches.map((b) => b.name), state.branch, choices.log, theme]);
    const drawn = JSON.stringify([shape, state.branches, state.loss]);
    if (shape !== this.shape || !this.plot) {
      this.shape = shape;
      this.make(theme);
    } else if (drawn !== this.drawn) {
      this.plot.setData(this.data(), true);
    }
    this.drawn = drawn;
    this.placeHead();
  }

  resize(): void {
    const width = this.host.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: heightOf(width) });
    this.placeHead();
  }

  destroy(): void {
    this.plot?.destroy();
    this.plot = null;
  }

  private make(theme: Theme): void {
    this.plot?.destroy();
    const state = this.session.state!;
    const axis = {
      stroke: theme.ink, font: theme.font, gap: 4, ticks: { show: false }, grid: { stroke: theme.grid, width: 1 },
      values: (_: uPlot, splits: (number | null)[]) => splits.map((v) => (v === null ? "" : format.tick(v))),
    };
    const options: uPlot.Options = {
      width: Math.max(this.host.clientWidth, 200),
      height: heightOf(this.host.clientWidth),
      padding: [8, 12, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, range: () => this.range() }, y: this.yScale() },
      axes: [
        { ...axis, size: 30, space: 60, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6] },
        { ...axis, size: 52, values: (_, splits) => splits.map((v) => (v === null ? "" : format.tick(v))) },
      ],
      series: [{}, ...state.branches.map((branch, i) => ({
        label: branch.name,
        stroke: colorOf(theme, i),
        width: branch.name === state.branch ? 2.25 : 1.5,
        dash: i === 0 ? undefined : DASHES[(i - 1) % DASHES.length],
        spanGaps: true,
        points: { show: () => this.session.state?.branches[i]?.count === 1, size: 5, fill: colorOf(theme, i) },
      }))],
      cursor: { drag: { x: false, y: false, setScale: false }, y: false, points: { show: false }, focus: { prox: -1 } },
      hooks: {
        draw: [(plot) => this.drawMarks(plot)],
        setCursor: [(plot) => this.hover(plot)],
        ready: [(plot) => this.listen(plot)],
        setScale: [() => this.placeHead()],
      },
    };
    this.plot = new uPlot(options, this.data(), this.host);
  }

  /** The columns that uPlot draws: a fork's line begins where it leaves its parent's. */
  private data(): uPlot.AlignedData {
    const { branches } = this.session.state!;
    const log = this.session.choices.log;
    const tables = branches.map((branch): uPlot.AlignedData => {
      const { x, y } = this.curve(branch);
      const parent = branches.find((b) => b.name === branch.parent);
      const root = parent && this.at(parent, branch.begin - 1);
      if (root !== undefined && root !== null && y.length) { x.unshift(branch.begin); y.unshift(root); }
      return [x.length ? x : [branch.begin], (x.length ? y : [null]).map((v) => (v !== null && Number.isFinite(v) && !(log && v <= 0) ? v : null))];
    });
    return uPlot.join(tables);
  }

  /** A branch's losses over the number of steps done: the step with index 0 lies at 1. */
  private curve(branch: Branch): { x: number[]; y: (number | null)[] } {
    const values = this.session.curves.get(branch.name) ?? new Float32Array(0);
    const each = branch.stride === 1 ? 1 : branch.stride / 2;
    const x = Array.from(values, (_, i) => Math.min(branch.begin + 1 + i * each, branch.begin + branch.count + (i % 2) / 4));
    return { x, y: Array.from(values) };
  }

  /** A branch's loss at a step; an older branch's where that lies before its beginning. */
  private at(branch: Branch, step: number): number | null {
    if (step < branch.begin) {
      const parent = this.session.state!.branches.find((b) => b.name === branch.parent);
      return parent ? this.at(parent, step) : null;
    }
    const values = this.session.curves.get(branch.name);
    const i = step - branch.begin;
    const value = values?.[branch.stride === 1 ? i : Math.floor(i / branch.stride) * 2 + 1];
    return value === undefined ? null : value;
  }

  private range(): [number, number] {
    const { branches } = this.session.state!;
    const low = Math.min(...branches.map((b) => b.begin));
    const high = Math.max(...branches.map((b) => b.head));
    return [low, Math.max(high, low + LEAST)];
  }

  private yScale(): uPlot.Scale {
    if (this.session.choices.log) {
      return { distr: 3, range: (_, low, high) => (low > 0 && high > 0 ? uPlot.rangeLog(low, high, 10, false) : [0.1, 10]) };
    }
    return {
      range: (_, low, high) => {
        if (low === null || high === null) return [0, 1];
        const pad = (high - low) * 0.08 || Math.abs(high) * 0.1 || 0.5;
        return [low - pad, high + pad];
      },
    };
  }

  private drawMarks(plot: uPlot): void {
    const { branches, looked } = this.session.state!;
    const theme = this.theme!;
    const { top, height } = plot.bbox;
    const ratio = devicePixelRatio;
    const context = plot.ctx;
    context.save();
    context.lineWidth = ratio;
    branches.forEach((branch, i) => {
      if (i > 0) this.line(context, plot.valToPos(branch.begin, "x", true), top, height, colorOf(theme, i), [3, 4]);
      const bad = theme.dark ? "#ff8a80" : "#b3261e";
      const { x, y } = this.curve(branch);
      context.fillStyle = bad;
      context.font = `bold ${11 * ratio}px sans-serif`;
      context.textAlign = "center";
      let before = -Infinity;
      y.forEach((value, k) => { // no number at all: a cross at the bottom
        const at = plot.valToPos(x[k], "x", true);
        if (value !== null && Number.isFinite(value)) return;
        if (at - before > 7 * ratio) { context.fillText("✕", at, top + height - 3 * ratio); before = at; }
      });
    });
    for (const step of looked ?? []) {
      this.line(context, plot.valToPos(step + 1, "x", true), top + height - 6 * ratio, 6 * ratio, theme.ink, []);
    }
    context.restore();
  }

  private line(context: CanvasRenderingContext2D, x: number, top: number, height: number, color: string, dash: number[]): void {
    context.strokeStyle = color;
    context.setLineDash(dash.map((n) => n * devicePixelRatio));
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, top + height);
    context.stroke();
  }

  /** Put the line that marks the position where the reader wants it, or else where the kernel is. */
  private placeHead(): void {
    const { state, wanted } = this.session;
    if (!this.plot || !state) return;
    const position = wanted ?? state.position;
    if (!this.head.isConnected) this.plot.over.append(this.head);
    const x = this.plot.valToPos(position, "x");
    this.head.style.transform = `translateX(${Number.isFinite(x) ? x : 0}px)`;
    const branch = this.active();
    const loss = branch ? this.at(branch, position - 1) : null;
    const text = position > state.begin || branch?.parent ? `step ${format.count(position)}, ${this.session.state!.curve || "loss"} ${format.value(loss)}` : "before the first step";
    for (const [name, value] of [["valuemin", branch?.begin ?? 0], ["valuemax", branch?.head ?? 0], ["valuenow", position], ["valuetext", text]]) {
      this.host.setAttribute(`aria-${name}`, String(value));
    }
    if ((this.plot.cursor.left ?? -1) < 0) setText(this.readout, text);
  }

  private active(): Branch | undefined {
    const state = this.session.state!;
    return state.branches.find((b) => b.name === state.branch);
  }

  private hover(plot: uPlot): void {
    if (plot.cursor.left === undefined || plot.cursor.left < 0) return this.placeHead();
    const step = Math.round(plot.posToVal(plot.cursor.left, "x")) - 1; // an index
    const found = this.session.state!.branches.map((b) => [b.name, step < b.begin + b.count && step >= b.begin ? this.at(b, step) : null] as const);
    const told = found.filter(([, loss]) => loss !== null).map(([name, loss]) => (found.length > 1 ? `${name} ` : `${this.session.state!.curve || "loss"} `) + format.value(loss));
    setText(this.readout, step < 0 ? "before the first step" : `step ${format.count(step + 1)}${told.length ? `: ${told.join(" · ")}` : ""}`);
  }

  private listen(plot: uPlot): void {
    const go = (event: PointerEvent): void => {
      const state = this.session.state;
      const branch = this.active();
      if (!state || !branch || state.running) return;
      const left = event.clientX - plot.over.getBoundingClientRect().left;
      const position = Math.round(plot.posToVal(left, "x"));
      this.session.scrub(Math.min(Math.max(position, branch.begin), branch.head));
    };
    plot.over.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.dragging = true;
      plot.over.setPointerCapture(event.pointerId);
      this.host.focus({ preventScroll: true });
      go(event);
    });
    plot.over.addEventListener("pointermove", (event) => { if (this.dragging) go(event); });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
      plot.over.addEventListener(end, () => { this.dragging = false; });
    }
  }
}

function heightOf(width: number): number {
  return width < NARROW ? LOW : HEIGHT;
}

const DASHES = [[7, 4], [2, 3], [10, 3, 2, 3]];

/** A branch's colour, the same wherever the branch is named. */
export function colorOf(theme: Theme, index: number): string {
  return theme.runs[index % theme.runs.length];
}
