// From what is known of the runs to the aligned columns that uPlot draws.

import { LEARNING_RATE, type Run } from "./run";
import type { Series } from "./series";

export type Role = "batch" | "smooth" | "train" | "validation" | "earlier";
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
  at: { step: Int32Array; epoch: Int32Array }[];
  earlier: Int32Array[]; // the same for the epochs of earlier runs; empty where they are not shown
}

/** Lay out the x axis: epochs where several are to be seen, else steps. */
export function layGrid(runs: Run[], withEarlier = false): Grid {
  const unit: Unit = runs.some(countsEpochs) ? "epoch" : "step";
  const places = runs.map((run) => ({ step: stepPlaces(run, unit), epoch: epochPlaces(run, unit) }));
  const shown = withEarlier && unit === "epoch" && runs.length === 1 ? runs[0].earlier : [];
  const earlier = shown.map((run) => Float64Array.from(run.epochs));
  const sizes = [...places.flatMap((p) => [p.step.length, p.epoch.length]), ...earlier.map((e) => e.length)];
  const all = new Float64Array(sizes.reduce((n, size) => n + size, 0));
  let filled = 0;
  for (const { step, epoch } of places) {
    all.set(step, filled);
    all.set(epoch, filled + step.length);
    filled += step.length + epoch.length;
  }
  for (const epochs of earlier) {
    all.set(epochs, filled);
    filled += epochs.length;
  }
  all.sort();
  const x: number[] = [];
  for (const value of all) if (value !== x[x.length - 1]) x.push(value);
  const at = places.map(({ step, epoch }) => ({ step: find(x, step), epoch: find(x, epoch) }));
  return { unit, x, at, earlier: earlier.map((epochs) => find(x, epochs)) };
}

/** The lines of one metric. */
export function linesOf(runs: Run[], metric: string, grid: Grid, smoothing: number): Line[] {
  const lines = earlierLines(runs[0], metric, grid);
  runs.forEach((run, index) => {
    const name = runs.length > 1 ? run.facts!.name : "";
    const add = (role: Role, label: string, y: (number | null)[], points: number): void => {
      const full = name && role !== "train" ? `${name} ${label}` : name || label;
      lines.push({ key: `${metric} ${index} ${role}`, label: full, role, run: index, points, y });
    };
    const at = grid.at[index];
    const steps = run.curve("step", metric);
    if (steps && steps.count > 0) {
      const values = outline(steps);
      const own = run.facts!.per_batch?.includes(metric) ?? false;
      add("batch", own ? "each batch" : "running mean", scatter(grid.x.length, at.step, values), values.length);
      if (smoothing > 0 && own) { // running means begin anew with each epoch: a line through them says nothing
        const means = steps.stride === 1 ? values : Array.from(values, (_, i) => steps.mean[i >> 1]);
        add("smooth", "smoothed", scatter(grid.x.length, at.step, smooth(means, smoothing)), values.length);
      }
    }
    for (const [role, log, label] of [["train", metric, "train"], ["validation", `val_${metric}`, "validation"]] as const) {
      const series = run.curve("epoch", log);
      if (!series || series.count === 0) continue;
      const values = Array.from(series.mean.subarray(0, series.size));
      const soften = smoothing > 0 && !steps && metric !== LEARNING_RATE;
      add(role, label, scatter(grid.x.length, at.epoch, soften ? smooth(values, smoothing) : values), values.length);
    }
  });
  return lines;
}

/** One line for each earlier run: what it reached in validation, or in training where it had none. */
function earlierLines(run: Run, metric: string, grid: Grid): Line[] {
  return grid.earlier.flatMap((at, i) => {
    const { name, logs } = run.earlier[i];
    const values = (logs[`val_${metric}`] ?? logs[metric])?.map((v) => (typeof v === "number" ? v : NaN));
    if (!values) return [];
    return [{ key: `${metric} ${name}`, label: name, role: "earlier", run: i, points: values.length, y: scatter(grid.x.length, at, values) }];
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
  const x = grid.unit === "epoch" ? epoch : run.ends.high[Math.floor((epoch - run.facts!.first_epoch - 1) / run.ends.stride)];
  return { x, y, epoch, validation };
}

/** Exponential moving average, started without bias. The weight counts for a 500th of the curve, or for one point. */
export function smooth(values: ArrayLike<number>, weight: number): number[] {
  const keep = Math.pow(weight, Math.min(1, 500 / Math.max(values.length, 1)));
  let sum = 0;
  let norm = 0;
  return Array.from(values, (value) => {
    if (!Number.isFinite(value)) return NaN;
    sum = keep * sum + (1 - keep) * value;
    norm = keep * norm + (1 - keep);
    return sum / norm;
  });
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
