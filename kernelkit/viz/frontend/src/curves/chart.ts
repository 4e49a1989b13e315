// One metric's chart: uPlot draws, this file decides how it looks and how it is read and zoomed.

import uPlot from "uplot";
import { element, setText } from "../shared/dom";
import * as format from "../shared/format";
import { bestOf, joinedLines, linesOf, placeOf, rangeOf, type Best, type Grid, type Line } from "./lines";
import { LEARNING_RATE, type Run } from "./run";
import type { Choices } from "./session";
import type { Facts } from "./types";
import type { Theme } from "../shared/theme";

const HEIGHT = 224;
const MARKED_POINTS = 60; // lines with fewer points show them
const WHOLE = [1, 2, 5].flatMap((m) => Array.from({ length: 12 }, (_, p) => m * 10 ** p)).sort((a, b) => a - b);
const FRACTIONS = [...WHOLE.slice(0, 12).map((n) => n / 1e4), ...WHOLE];
const CROWDED = 800; // a line of more points stands back further behind the others
const DASH = [7, 4];
const LEAST_SPAN = 1e-4;

export interface ChartEvents {
  zoom(range: [number, number] | null): void;
  hover(x: number | null): void;
  toggle(key: string): void;
}

export class Chart {
  readonly node: HTMLElement;
  private plot: uPlot | null = null;
  private shape = ""; // what the plot was made for; another shape needs another plot
  private lines: Line[] = [];
  private best: Best | null = null;
  private grid: Grid | null = null;
  private range: [number, number] | null = null;
  private marks: [number, string][] = []; // changes of the learning rate
  private broken: number | null = null; // where the metric became NaN
  private log = false;
  private readonly host: HTMLElement;
  private readonly legend = element("div", { class: "kk-legend" });
  private readonly note = element("span", { class: "kk-best" }); // what the ring in the chart is
  private readonly train = element("b", {});
  private readonly validation = element("b", {});
  private readonly newest = element("span", { class: "kk-newest" }, element("span", { class: "kk-train" }, this.train),
    element("span", { class: "kk-validation" }, this.validation, element("small", {}, "val")));
  private readonly buttons = new Map<string, { button: HTMLButtonElement; value: HTMLElement }>();

  /** A chart of one metric, or of several. */
  constructor(readonly metrics: string[], private choices: Choices, private events: ChartEvents, private group: string) {
    this.host = element("div", {
      class: "kk-plot", tabindex: 0, role: "group", "aria-roledescription": "chart",
      "data-lm-suppress-shortcuts": "true", keydown: (event: KeyboardEvent) => this.onKey(event),
    });
    const name = this.title;
    const title = element("figcaption", {}, element("span", { class: "kk-metric", title: name, dir: "auto" }, name), this.newest);
    this.node = element("figure", { class: "kk-chart" }, title, this.host, this.legend);
  }

  get title(): string {
    return this.metrics.join(" · ");
  }

  /** Show the runs as they are now. */
  update(runs: Run[], grid: Grid, theme: Theme, smoothing: number): void {
    this.grid = grid;
    const [metric] = this.metrics;
    const joined = this.metrics.length > 1;
    const decades = (name: string): boolean => runs.some((run) => run.facts!.log?.includes(name) ?? false);
    this.log = metric !== LEARNING_RATE && (this.choices.log ?? this.metrics.every(decades));
    this.lines = joined ? joinedLines(runs, this.metrics, grid, smoothing, this.log) : linesOf(runs, metric, grid, smoothing, this.log);
    this.best = joined ? null : bestOf(runs, metric, grid);
    const facts = runs[0].facts!;
    const alone = runs.length === 1;
    this.range = rangeOf(runs, grid);
    this.marks = alone ? (facts.marks ?? []).map(([step, rate]) => [placeOf(runs[0], grid.unit, step), `lr ${+rate.toPrecision(3)}`]) : [];
    const broken = alone ? this.metrics.map((name) => facts.broken?.[name]).filter((step) => step !== undefined) : [];
    this.broken = broken.length === 0 ? null : placeOf(runs[0], grid.unit, Math.min(...broken));
    const crowd = this.lines.map((l) => [l.key, l.label, l.points > 1, l.points > CROWDED]);
    const shape = JSON.stringify([crowd, this.log, theme, grid.unit]);
    const columns = this.lines.map((l) => (this.log ? l.y.map((v) => (v !== null && v > 0 ? v : null)) : l.y));
    const data = [grid.x, ...columns] as uPlot.AlignedData;
    if (shape !== this.shape || !this.plot) {
      this.shape = shape;
      this.make(runs, theme, data);
    } else {
      this.lines.forEach((line, i) => this.showLine(i, !this.choices.hidden.has(line.key)));
      this.plot.setData(data, true);
    }
    this.showNewest(facts, alone && !joined);
    this.describe();
    this.showValues();
  }

  /** Write the newest values of a training beside the metric's name. */
  private showNewest(facts: Facts, alone: boolean): void {
    const latest = facts.latest ?? {};
    const of = (name: string): string => (!alone || !(name in latest) ? "" : name === LEARNING_RATE ? String(+Number(latest[name]).toPrecision(3)) : format.value(latest[name]));
    const [metric] = this.metrics;
    setText(this.train, of(metric));
    const validation = of(`val_${metric}`);
    setText(this.validation, validation);
    this.validation.parentElement!.hidden = validation === "";
  }

  resize(): void {
    const width = this.host.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  destroy(): void {
    this.plot?.destroy();
    this.plot = null;
    this.node.remove();
  }

  private showLine(index: number, show: boolean): void {
    if (this.plot!.series[index + 1].show !== show) this.plot!.setSeries(index + 1, { show }, false);
  }

  private make(runs: Run[], theme: Theme, data: uPlot.AlignedData): void {
    this.plot?.destroy();
    const colors = this.lines.map((line) => colorOf(line, runs.length, theme));
    const options: uPlot.Options = {
      width: Math.max(this.host.clientWidth, 200),
      height: HEIGHT,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, range: (_, low, high) => this.xRange(low, high) }, y: this.yScale() },
      axes: [
        this.axis(theme, {
          size: 26, space: 64, label: this.grid!.unit, labelSize: 14, labelFont: theme.font, labelGap: -2,
          incrs: (_plot, _axis, low, high) => (high - low > 2 ? WHOLE : FRACTIONS), // nobody counts epochs in fifths
        }),
        this.axis(theme, { size: 50, grid: { stroke: theme.grid, width: 1, filter: (_, splits) => this.log ? decades(splits) : splits } }),
      ],
      series: [{}, ...this.lines.map((line, i) => this.seriesOptions(line, colors[i]))],
      cursor: {
        sync: { key: this.group, setSeries: false },
        points: { size: 7, width: 2, stroke: (_, i) => colors[i - 1], fill: theme.paper },
        drag: { x: true, y: false, setScale: false, dist: 4 },
        focus: { prox: -1 },
        bind: { dblclick: () => () => (this.events.zoom(null), null) },
        dataIdx: (plot, series, closest) => nearestValue(plot.data[series], closest),
      },
      hooks: {
        setSelect: [(plot) => this.onSelect(plot)],
        setCursor: [(plot) => this.events.hover(plot.cursor.left! >= 0 ? plot.posToVal(plot.cursor.left!, "x") : null)],
        draw: [(plot) => this.drawMarks(plot, theme), (plot) => this.drawBest(plot, theme)],
      },
    };
    this.plot = new uPlot(options, data, this.host);
    this.makeLegend(colors);
  }

  private seriesOptions(line: Line, color: string): uPlot.Series {
    const soft = line.role === "batch";
    const dots = line.role === "means"; // on the smoothed line
    const alone = this.lines.length === 1 || this.lines.every((other) => other.points < 2 || other === line);
    return {
      label: line.label,
      show: !this.choices.hidden.has(line.key),
      auto: !isEarlier(line), // an earlier run is cut off where this one does not reach
      paths: line.role === "stairs" ? uPlot.paths.stepped!({ align: -1 }) : dots ? () => null : undefined,
      stroke: soft ? withAlpha(color, alone ? 0.75 : line.points > CROWDED ? 0.3 : 0.45) : color,
      width: soft ? 1 : isEarlier(line) || line.role === "smooth" ? 1.25 : 2,
      dash: line.role === "validation" ? DASH : undefined,
      spanGaps: true,
      points: {
        show: () => this.isMarked(line),
        size: 5, stroke: color, fill: color, width: 1,
      },
    };
  }

  /** Whether a line's points are marked: those of few epochs, and a point that is alone, where no line can be drawn. */
  private isMarked({ key }: Line): boolean {
    const line = this.lines.find((one) => one.key === key);
    if (!line) return false;
    const first = line.y.findIndex((v) => v !== null);
    if (first >= 0 && line.y.findIndex((v, i) => i > first && v !== null) < 0) return true;
    return !["batch", "smooth", "stairs", "earlier"].includes(line.role) && line.points <= MARKED_POINTS;
  }

  private axis(theme: Theme, more: uPlot.Axis): uPlot.Axis {
    return {
      stroke: theme.ink, font: theme.font, gap: 4, ticks: { show: false },
      grid: { stroke: theme.grid, width: 1 },
      values: (_, splits) => splits.map((v) => (v === null ? "" : format.tick(v))),
      ...more,
    };
  }

  private xRange(low: number, high: number): [number, number] {
    const [a, b] = this.choices.zoom ?? this.range ?? [low, high];
    return b > a ? [a, b] : [a - 0.5, a + 0.5];
  }

  private yScale(): uPlot.Scale {
    if (this.log) {
      return { distr: 3, range: (_, low, high) => (low > 0 && high > 0 ? uPlot.rangeLog(low, high, 10, low === high) : [0.1, 10]) };
    }
    return {
      range: (_, low, high) => {
        if (low === null || high === null) return [0, 1];
        const flat = high - low <= LEAST_SPAN * Math.max(Math.abs(low), Math.abs(high)); // what differs less is rounding
        const pad = flat ? Math.abs(high) * 0.1 || 0.5 : (high - low) * 0.06;
        return [low - pad, high + pad];
      },
    };
  }

  private onSelect(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const range: [number, number] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.events.zoom(range);
  }

  private onKey(event: KeyboardEvent): void {
    const plot = this.plot;
    if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const { min, max } = plot.scales.x as { min: number; max: number };
    const span = max - min;
    const left = plot.cursor.left! >= 0 ? plot.cursor.left! : plot.over.clientWidth / 2;
    const middle = plot.posToVal(left, "x");
    const direction = event.key === "ArrowLeft" ? -1 : 1;
    if (event.key === "+" || event.key === "=") this.events.zoom([middle - (middle - min) / 2, middle + (max - middle) / 2]);
    else if (event.key === "-") this.events.zoom(this.choices.zoom && this.within([min - span / 2, max + span / 2]));
    else if (event.key === "0" || event.key === "Escape") this.events.zoom(null);
    else if (event.key.startsWith("Arrow") && event.shiftKey && this.choices.zoom) {
      this.events.zoom(this.within([min + (direction * span) / 4, max + (direction * span) / 4]));
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const step = Math.max(plot.over.clientWidth / 60, 1) * direction;
      plot.setCursor({ left: Math.min(Math.max(left + step, 0), plot.over.clientWidth - 1), top: plot.over.clientHeight / 2 });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** A zoom moved back inside the data; null when it covers them all. */
  private within([low, high]: [number, number]): [number, number] | null {
    const x = this.grid!.x;
    const [first, last] = this.range ?? [x[0], x[x.length - 1]];
    if (high - low >= last - first) return null;
    const shift = Math.max(first - low, 0) - Math.max(high - last, 0);
    return [low + shift, high + shift];
  }

  private drawBest(plot: uPlot, theme: Theme): void {
    const best = this.best;
    const line = this.lines.find((l) => (best?.validation ? l.role === "validation" : l.role === "train" || l.role === "means"));
    if (!best || !line || this.choices.hidden.has(line.key) || (this.log && best.y <= 0)) return;
    const [x, y] = [plot.valToPos(best.x, "x", true), plot.valToPos(best.y, "y", true)];
    const { left, top, width, height } = plot.bbox;
    if (x < left || x > left + width || y < top || y > top + height) return;
    const ratio = devicePixelRatio;
    const context = plot.ctx;
    context.save();
    context.strokeStyle = theme.best;
    context.lineWidth = ratio;
    context.setLineDash([2 * ratio, 3 * ratio]);
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, top + height);
    context.stroke();
    context.setLineDash([]);
    context.lineWidth = 2 * ratio;
    context.beginPath();
    context.arc(x, y, 5 * ratio, 0, 2 * Math.PI);
    context.stroke();
    context.restore();
  }

  /** Draw where the learning rate changed, and where the metric ceased to be a number. */
  private drawMarks(plot: uPlot, theme: Theme): void {
    const { left, top, width, height } = plot.bbox;
    const ratio = devicePixelRatio;
    const context = plot.ctx;
    const inside = (x: number): boolean => x >= left && x <= left + width;
    context.save();
    context.font = theme.font.replace(/^\d+px/, `${10 * ratio}px`);
    context.textBaseline = "top";
    context.textAlign = "left";
    context.fillStyle = context.strokeStyle = theme.ink;
    context.lineWidth = ratio;
    let row = 0;
    let free = -Infinity;
    for (const [at, label] of this.marks) {
      const x = plot.valToPos(at, "x", true);
      if (!inside(x)) continue;
      context.setLineDash([2 * ratio, 2 * ratio]);
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, top + height);
      context.stroke();
      const size = context.measureText(label).width;
      row = x < free ? row + 1 : 0; // labels that would cover each other go below each other
      const back = x + size + 5 * ratio > left + width;
      context.fillText(label, back ? x - size - 3 * ratio : x + 3 * ratio, top + (1 + 12 * row) * ratio);
      free = x + size + 8 * ratio;
    }
    if (this.broken !== null) {
      const x = Math.min(Math.max(plot.valToPos(this.broken, "x", true), left + 5 * ratio), left + width - 5 * ratio);
      const [y, r] = [top + height - 10 * ratio, 4 * ratio];
      context.setLineDash([]);
      context.strokeStyle = context.fillStyle = theme.bad;
      context.lineWidth = 2 * ratio;
      context.beginPath();
      context.moveTo(x - r, y - r);
      context.lineTo(x + r, y + r);
      context.moveTo(x + r, y - r);
      context.lineTo(x - r, y + r);
      context.stroke();
      const word = "NaN";
      const wide = context.measureText(word).width + 10 * ratio;
      context.fillText(word, x + wide > left + width ? x - wide : x + 8 * ratio, y - 5 * ratio);
    }
    context.restore();
  }

  private makeLegend(colors: string[]): void {
    this.buttons.clear();
    const order = [...this.lines.keys()].sort((a, b) => Number(isEarlier(this.lines[a])) - Number(isEarlier(this.lines[b])));
    this.legend.replaceChildren(...order.map((i) => {
      const line = this.lines[i];
      const swatch = element("i", { class: `kk-swatch kk-${line.role}`, style: `color:${colors[i]}` });
      const value = element("b", {});
      const button = element("button", { type: "button", click: () => this.events.toggle(line.key) },
        swatch, element("span", { dir: "auto" }, line.label), value);
      this.buttons.set(line.key, { button, value });
      return button;
    }), this.note);
  }

  /** Write beside each line its value: at the cursor, or else the newest. */
  showValues(): void {
    const hovering = this.plot !== null && (this.plot.cursor.left ?? -1) >= 0;
    this.lines.forEach((line, i) => {
      const entry = this.buttons.get(line.key);
      const column = this.plot?.data[i + 1];
      if (!entry || !column) return;
      const at = hovering ? this.plot!.cursor.idxs?.[i + 1] : nearestValue(column, column.length - 1);
      setText(entry.value, at === null || at === undefined ? "–" : format.value(column[at]));
      entry.button.setAttribute("aria-pressed", String(!this.choices.hidden.has(line.key)));
    });
  }

  private describe(): void {
    const best = this.best;
    setText(this.note, best ? `best ${format.value(best.y)} · epoch ${best.epoch}` : "");
    const values = this.lines.filter((l) => l.role !== "smooth").map((l) => {
      const at = nearestValue(l.y, l.y.length - 1);
      return at === null ? "" : `, ${l.label} ${format.value(l.y[at])}`;
    });
    const hint = "Arrow keys read values, plus and minus zoom, zero shows all.";
    this.host.setAttribute("aria-label", `${this.title}${values.join("")}${best ? `, ${this.note.textContent}` : ""}. ${hint}`);
  }
}

function isEarlier(line: Line): boolean {
  return line.role === "earlier";
}

function colorOf(line: Line, runs: number, theme: Theme): string {
  if (isEarlier(line)) return theme.earlier[line.run % theme.earlier.length];
  if (line.metric !== undefined) return theme.runs[line.metric % theme.runs.length];
  if (runs > 1) return theme.runs[line.run % theme.runs.length];
  return line.role === "validation" ? theme.validation : theme.train;
}

function withAlpha(color: string, alpha: number): string {
  return color + Math.round(alpha * 255).toString(16).padStart(2, "0");
}

/** Where a logarithmic scale covers decades, only these have grid lines. */
function decades(splits: number[]): (number | null)[] {
  const whole = (v: number): boolean => Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-6;
  return splits.filter(whole).length > 2 ? splits.map((v) => (whole(v) ? v : null)) : splits;
}

/** The index of the value nearest to an index, where there is none at the index itself. */
function nearestValue(column: ArrayLike<number | null | undefined>, index: number): any {
  for (let d = 0; d < column.length; d++) {
    if (column[index - d] != null) return index - d;
    if (column[index + d] != null) return index + d;
  }
  return null;
}
