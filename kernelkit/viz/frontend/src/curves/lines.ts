// From what is known of the runs to the aligned columns that uPlot draws.

import { LEARNING_RATE, type Run } from "./run";
import type { Series } from "./series";
import type { Earlier, State } from "./types";

// "means": the dots of epochs on a smoothed line. "stairs": a value holds up to its own x.
export type Role = "batch" | "smooth" | "train" | "means" | "validation" | "stairs" | "earlier";
export type Unit = "epoch" | "step";

export interface Line {
  key: string;
  label: string;
  role: Role;
  run: number;
  points: number;
  y: (number | null)[];
  metric?: number; // of lines of several metrics in one chart: the place of theirs
}

export interface Best {
  x: number;
  y: number;
  epoch: number;
  validation: boolean;
}

/** The x values all charts share, and where each run's steps and epochs are among them. */
export interface Grid {
  unit: Unit;
  x: number[];
  at: { step: Int32Array; epoch: Int32Array; middle: Int32Array }[];
  earlier: Int32Array[]; // the same for the epochs of earlier runs that are shown
  past: Earlier[]; // those runs
}

/** Lay out the x axis: epochs where several are to be seen, else steps. */
export function layGrid(runs: Run[], past: Earlier[] = []): Grid {
  const unit: Unit = runs.some(countsEpochs) ? "epoch" : "step";
  const places = runs.map((run) => ({ step: stepPlaces(run, unit), epoch: epochPlaces(run, unit), middle: middlePlaces(run, unit) }));
  const shown = unit === "epoch" && runs.length === 1 ? past : [];
  const earlier = shown.map((run) => Float64Array.from(run.epochs));
  const parts = [...places.flatMap(({ step, epoch, middle }) => [step, epoch, middle]), ...earlier];
  const all = new Float64Array(parts.reduce((n, part) => n + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  all.sort();
  const x: number[] = [];
  for (const value of all) if (value !== x[x.length - 1]) x.push(value);
  const at = places.map(({ step, epoch, middle }) => ({ step: find(x, step), epoch: find(x, epoch), middle: find(x, middle) }));
  return { unit, x, at, earlier: earlier.map((epochs) => find(x, epochs)), past: shown };
}

/** The range of x: that of the run itself. An earlier run that was longer is cut off where this one is going to end. */
export function rangeOf(runs: Run[], grid: Grid): [number, number] | null {
  const own = grid.at.flatMap((at) => [at.step, at.epoch, at.middle]).filter((places) => places.length > 0);
  if (own.length === 0) return null;
  const first = Math.min(...own.map((places) => grid.x[places[0]]));
  const last = Math.max(...own.map((places) => grid.x[places[places.length - 1]]));
  const { epochs, state } = runs[0].facts!;
  const longest = Math.max(last, ...grid.past.map((run) => run.epochs[run.epochs.length - 1] ?? 0));
  const live = grid.past.length > 0 && LIVE.includes(state);
  return [grid.unit === "epoch" ? Math.floor(first) : first, live ? Math.max(last, Math.min(longest, epochs ?? last)) : last];
}

const LIVE: State[] = ["preparing", "running", "pausing", "paused", "stopping"];
const MANY_EPOCHS = 60; // so many means need no smoothed line beside them

/** The lines of one metric. */
export function linesOf(runs: Run[], metric: string, grid: Grid, smoothing: number, log = false): Line[] {
  const lines = earlierLines(metric, grid);
  runs.forEach((run, index) => {
    const name = runs.length > 1 ? run.facts!.name : "";
    const add = (role: Role, label: string, y: (number | null)[], points: number): void => {
      const full = name && role !== "train" && role !== "stairs" ? `${name} ${label}` : name || label;
      lines.push({ key: `${metric} ${index} ${role}`, label: full, role, run: index, points, y });
    };
    const at = grid.at[index];
    const steps = run.curve("step", metric);
    if (metric === LEARNING_RATE && steps && steps.count > 0) {
      const values = steps.stride === 1 ? outline(steps) : Array.from({ length: 2 * steps.size }, (_, i) => steps.mean[i >> 1]);
      add("stairs", "each step", scatter(grid.x.length, at.step, values), values.length);
      return;
    }
    const epochs = run.curve("epoch", metric);
    const few = !epochs || epochs.size <= MANY_EPOCHS;
    let smoothed = false;
    if (steps && steps.count > 0) {
      const values = outline(steps);
      const own = run.facts!.per_batch?.includes(metric) ?? false;
      add("batch", own ? "each batch" : "running mean", scatter(grid.x.length, at.step, values), values.length);
      if (smoothing > 0 && own && few) { // running means begin anew with each epoch: a line through them says nothing
        const means = steps.stride === 1 ? values : Array.from(values, (_, i) => steps.mean[i >> 1]);
        smoothed = true;
        add("smooth", "smoothed", scatter(grid.x.length, at.step, smooth(means, smoothing, log)), values.length);
      }
    }
    for (const [role, name, label] of [["train", metric, "train"], ["validation", `val_${metric}`, "validation"]] as const) {
      const series = run.curve("epoch", name);
      if (!series || series.count === 0) continue;
      const values = Array.from(series.mean.subarray(0, series.size));
      const soften = smoothing > 0 && !steps && metric !== LEARNING_RATE;
      const rate = metric === LEARNING_RATE;
      const places = role === "train" && !rate ? at.middle : at.epoch; // the mean of an epoch belongs in its middle
      const drawn: Role = rate ? "stairs" : role === "train" && smoothed ? "means" : role;
      add(drawn, label, scatter(grid.x.length, places, soften ? smooth(values, smoothing, log) : values), values.length);
    }
  });
  return lines;
}

/** The lines of several metrics in one chart: a color for each, and no single batches where there is a smoother line. */
export function joinedLines(runs: Run[], metrics: string[], grid: Grid, smoothing: number, log = false): Line[] {
  return metrics.flatMap((metric, index) => {
    const lines = linesOf(runs, metric, { ...grid, earlier: [], past: [] }, smoothing, log);
    const calm = lines.some((line) => line.role !== "batch" && line.points > 1);
    const named = { batch: metric, smooth: metric, train: metric, means: `epochs of ${metric}`, validation: `val_${metric}` } as Record<Role, string>;
    return lines.filter((line) => !(calm && line.role === "batch")).map((line) => ({ ...line, label: named[line.role] ?? line.label, metric: index }));
  });
}

/** One line for each earlier run: what it reached in validation, or in training where it had none. */
function earlierLines(metric: string, grid: Grid): Line[] {
  return grid.earlier.flatMap((at, i) => {
    const { name, title, logs } = grid.past[i];
    const label = `${title} (${name}${logs[`val_${metric}`] ? ", val" : ""})`;
    const values = (logs[`val_${metric}`] ?? logs[metric])?.map((v) => (typeof v === "number" ? v : NaN));
    if (!values) return [];
    return [{ key: `${metric} ${name}`, label, role: "earlier", run: i, points: values.length, y: scatter(grid.x.length, at, values) }];
  });
}

/** The best epoch of a metric in the only run: by validation where there is one. */
export function bestOf(runs: Run[], metric: string, grid: Grid): Best | null {
  const run = runs[0];
  if (runs.length !== 1 || metric === LEARNING_RATE || run.ends.count < 2) return null;
  const validation = `val_${metric}` in run.facts!.best;
  const found = run.facts!.best[validation ? `val_${metric}` : metric];
  if (!found || typeof found[1] !== "number") return null;
  const [epoch, y] = found;
  const index = Math.floor((epoch - run.facts!.first_epoch - 1) / run.ends.stride);
  const end = grid.unit === "epoch" ? epoch : run.ends.high[index];
  const before = grid.unit === "epoch" ? epoch - 1 : index > 0 ? run.ends.high[index - 1] : 0;
  const x = validation ? end : (before + end) / 2;
  return { x, y, epoch, validation };
}

/**
 * A straight line through the neighbours on both sides of each point, whose weights fall by a factor for each point, for
 * each 500th of a longer curve, for each 100th of a shorter. So the curve does not lag, not at its ends either; it stays
 * within the values. On a logarithmic scale it goes through the logarithms.
 */
export function smooth(values: ArrayLike<number>, weight: number, log = false): number[] {
  const count = Math.max(values.length, 1);
  const keep = Math.pow(weight, count < 100 ? 100 / count : Math.min(1, 500 / count));
  const at: number[] = [];
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i]) && !(log && values[i] <= 0)) at.push(i);
  const y = at.map((i) => (log ? Math.log(values[i]) : values[i]));
  const [low, high] = [y.reduce((a, b) => Math.min(a, b), Infinity), y.reduce((a, b) => Math.max(a, b), -Infinity)];
  const before = sums(y, keep);
  const after = sums([...y].reverse(), keep).reverse();
  const smoothed = new Array<number>(values.length).fill(NaN);
  y.forEach((own, k) => {
    const [f, b] = [before[k], after[k]];
    const [s0, s1, s2] = [f[0] + b[0] - 1, b[1] - f[1], f[2] + b[2]];
    const [t0, t1] = [f[3] + b[3] - own, b[4] - f[4]];
    const spread = s0 * s2 - s1 * s1;
    const found = spread > 1e-9 ? (s2 * t0 - s1 * t1) / spread : t0 / s0;
    const kept = Math.min(Math.max(found, low), high);
    smoothed[at[k]] = log ? Math.exp(kept) : kept;
  });
  return smoothed;
}

/** For each point, over it and those before it: the sums of weights, of distances and their squares, of values, of both. */
function sums(y: number[], keep: number): number[][] {
  let [s0, s1, s2, t0, t1] = [0, 0, 0, 0, 0];
  return y.map((value) => {
    [s2, s1, t1] = [keep * (s2 + 2 * s1 + s0), keep * (s1 + s0), keep * (t1 + t0)];
    [s0, t0] = [keep * s0 + 1, keep * t0 + value];
    return [s0, s1, s2, t0, t1];
  });
}

/** Where steps of the first run lie on the axis. */
export function placeOf(run: Run, unit: Unit, step: number): number {
  return unit === "step" ? step : toEpochs(run, Float64Array.of(step))[0];
}

/** The number of whole steps done at an x. */
export function stepAt(run: Run, unit: Unit, x: number): number {
  if (unit === "step") return Math.round(x);
  const { ends } = run;
  const epochs = x - run.facts!.first_epoch;
  const [before, after] = [Math.floor(epochs), Math.ceil(epochs)].map((n) => endOf(run, n));
  return ends.count === 0 ? Math.round(epochs * (run.facts!.steps ?? 1)) : Math.round(before + (epochs - Math.floor(epochs)) * (after - before));
}

function endOf(run: Run, epochs: number): number {
  const { ends } = run;
  if (epochs <= 0) return 0;
  if (epochs > ends.count) return endOf(run, ends.count) + (epochs - ends.count) * (run.facts!.steps ?? 0);
  return ends.high[Math.min(Math.ceil(epochs / ends.stride), ends.size) - 1];
}

function countsEpochs(run: Run): boolean {
  const facts = run.facts!;
  if (facts.state === "history") return true;
  return (facts.epochs ?? 0) - facts.first_epoch > 1 && (facts.steps !== null || run.ends.count > 0);
}

/** Where the points of a run's step curves are: one for each step, or two for each bucket. */
function stepPlaces(run: Run, unit: Unit): Float64Array {
  const longest = longestStepCurve(run);
  if (!longest) return new Float64Array(0);
  const { count, stride, size } = longest;
  const steps = new Float64Array(stride === 1 ? size : 2 * size);
  for (let i = 0; i < steps.length; i++) {
    steps[i] = stride === 1 ? i + 1 : Math.min(((i >> 1) + (i % 2 ? 0.75 : 0.25)) * stride, count);
  }
  return unit === "step" ? steps : toEpochs(run, steps);
}

function longestStepCurve(run: Run): Series | undefined {
  return run.metrics().map((name) => run.curve("step", name)).find((series) => series && series.count > 0);
}

function epochPlaces(run: Run, unit: Unit): Float64Array {
  const { ends } = run;
  const first = run.facts!.first_epoch;
  return Float64Array.from({ length: ends.size }, (_, i) =>
    unit === "step" ? ends.high[i] : first + Math.min((i + 1) * ends.stride, ends.count));
}

/** The middles of epochs. */
function middlePlaces(run: Run, unit: Unit): Float64Array {
  const { ends } = run;
  const first = run.facts!.first_epoch;
  return Float64Array.from({ length: ends.size }, (_, i) => {
    if (unit === "step") return ((i > 0 ? ends.high[i - 1] : 0) + ends.high[i]) / 2;
    return first + (i * ends.stride + Math.min((i + 1) * ends.stride, ends.count)) / 2;
  });
}

/** Steps done, ascending, as epochs done: linear between the ends of epochs. */
function toEpochs(run: Run, steps: Float64Array): Float64Array {
  const { ends } = run;
  const first = run.facts!.first_epoch;
  const typical = run.facts!.steps ?? (ends.count ? ends.high[ends.size - 1] / ends.count : 1);
  let index = 0;
  let [start, startEpoch] = [0, 0];
  return steps.map((step) => {
    while (index < ends.size && step > ends.high[index]) {
      start = ends.high[index++];
      startEpoch = Math.min(index * ends.stride, ends.count);
    }
    if (index >= ends.size) return first + startEpoch + (step - start) / Math.max(typical, 1);
    const endEpoch = Math.min((index + 1) * ends.stride, ends.count);
    return first + startEpoch + ((step - start) / (ends.high[index] - start)) * (endEpoch - startEpoch);
  });
}

/** A curve's values: its means, or for wide buckets lows and highs in turn, so that every spike is drawn. */
function outline(series: Series): number[] {
  const { size, stride, mean, low, high } = series;
  if (stride === 1) return Array.from(mean.subarray(0, size));
  const values = new Array<number>(2 * size);
  for (let i = 0; i < size; i++) {
    values[2 * i] = i % 2 ? high[i] : low[i];
    values[2 * i + 1] = i % 2 ? low[i] : high[i];
  }
  return values;
}

function scatter(length: number, at: Int32Array, values: ArrayLike<number>): (number | null)[] {
  const column = new Array<number | null>(length).fill(null);
  for (let i = 0; i < at.length && i < values.length; i++) {
    if (Number.isFinite(values[i])) column[at[i]] = values[i];
  }
  return column;
}

/** The indices of ascending values in an ascending array that contains them. */
function find(x: number[], values: Float64Array): Int32Array {
  let i = 0;
  return Int32Array.from(values, (value) => {
    while (x[i] < value) i++;
    return i;
  });
}
