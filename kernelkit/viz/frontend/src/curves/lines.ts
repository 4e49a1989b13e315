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
export function linesOf(runs: Run[], metric: string, grid: Grid, smoothing: number): Line[] {
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
        add("smooth", "smoothed", scatter(grid.x.length, at.step, smooth(means, smoothing)), values.length);
      }
    }
    for (const [role, log, label] of [["train", metric, "train"], ["validation", `val_${metric}`, "validation"]] as const) {
      const series = run.curve("epoch", log);
      if (!series || series.count === 0) continue;
      const values = Array.from(series.mean.subarray(0, series.size));
      const soften = smoothing > 0 && !steps && metric !== LEARNING_RATE;
      const rate = metric === LEARNING_RATE;
      const places = role === "train" && !rate ? at.middle : at.epoch; // the mean of an epoch belongs in its middle
      const drawn: Role = rate ? "stairs" : role === "train" && smoothed ? "means" : role;
      add(drawn, label, scatter(grid.x.length, places, soften ? smooth(values, smoothing) : values), values.length);
    }
  });
  return lines;
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
 * Means over neighbours on both sides, so that the line does not lag; at the tip those before it, as a moving average
 * has them. The weight falls by its factor for each point, for each 500th of a longer curve, for each 100th of a shorter.
 */
export function smooth(values: ArrayLike<number>, weight: number): number[] {
  const count = Math.max(values.length, 1);
  const keep = Math.pow(weight, count < 100 ? 100 / count : Math.min(1, 500 / count));
  const sums = new Float64Array(values.length);
  const norms = new Float64Array(values.length);
  for (const backwards of [false, true]) {
    let sum = 0;
    let norm = 0;
    for (let k = 0; k < values.length; k++) {
      const i = backwards ? values.length - 1 - k : k;
      if (!Number.isFinite(values[i])) continue;
      sum = keep * sum + values[i];
      norm = keep * norm + 1;
      sums[i] += sum;
      norms[i] += norm;
    }
  }
  return Array.from(values, (value, i) => (Number.isFinite(value) ? (sums[i] - value) / (norms[i] - 1) : NaN));
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
