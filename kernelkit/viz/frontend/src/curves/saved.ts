// Trainings as a notebook holds them, kernelkit.history version 1 (docs/viz.md): a check, since they may come from
// anybody, and a session that shows them with no kernel.

import type { Model } from "../shared/types";
import type { Run } from "./run";
import { CHOSEN, Session } from "./session";
import type { Entry, Facts, State, Update } from "./types";

export interface SavedRun { facts: Facts; curves: Entry[]; values: string }
export interface Saved { schema: string; version: number; title: string; runs: SavedRun[] }

const LIMITS = { runs: 64, curves: 256, text: 1_000, values: 4_000_000, entries: 300 };
const ENDED: State[] = ["done", "stopped", "interrupted", "failed", "history"];

/** Return saved trainings if their form is right, with facts of the right kinds only; throw an Error otherwise. */
export function checkSaved(value: any): Saved {
  need(typeof value === "object" && value !== null && value.schema === "kernelkit.history", "it is not a kernelkit.history");
  need(value.version === 1, "its version is not 1");
  need(Array.isArray(value.runs) && value.runs.length > 0 && value.runs.length <= LIMITS.runs, "its runs are missing or too many");
  const runs = value.runs.map((run: any): SavedRun => {
    need(typeof run === "object" && run !== null && typeof run.values === "string" && run.values.length <= LIMITS.values, "its values are missing or too many");
    const curves = checkCurves(run.curves);
    need(floatsOf(curves) * 4 === decode(run.values).byteLength, "it has more or fewer values than its curves");
    const facts = checkFacts(run.facts);
    if (!ENDED.includes(facts.state)) facts.state = "interrupted"; // nobody runs it any more
    return { facts, curves, values: run.values };
  });
  return { schema: value.schema, version: 1, title: text(value.title, "training"), runs };
}

/** Check the header of curves: whole buckets, from the first one on where `whole` is asked for. */
export function checkCurves(curves: any, fromStart = true): Entry[] {
  need(Array.isArray(curves) && curves.length <= LIMITS.curves, "its curves are missing or too many");
  return curves.map((entry: any): Entry => {
    need(typeof entry === "object" && entry !== null && (entry.axis === "step" || entry.axis === "epoch"), "a curve is damaged");
    const good = [entry.start, entry.stride, entry.count].every((n) => Number.isSafeInteger(n) && n >= 0) && entry.stride >= 1
      && Math.log2(entry.stride) % 1 === 0 && Math.ceil(entry.count / entry.stride) <= 1e6 && entry.start <= Math.ceil(entry.count / entry.stride);
    need(good && (!fromStart || entry.start === 0), "a curve is damaged");
    return { axis: entry.axis, name: text(entry.name, ""), start: entry.start, stride: entry.stride, count: entry.count };
  });
}

/** How many numbers follow a header of curves. */
export function floatsOf(curves: Entry[]): number {
  return curves.reduce((all, { start, stride, count }) => all + (Math.ceil(count / stride) - start) * (stride === 1 ? 1 : 3), 0);
}

/** Keep of a training's facts what has the right kind. */
export function checkFacts(value: any): Facts {
  need(typeof value === "object" && value !== null, "its facts are missing");
  const number = (x: any) => (Number.isFinite(x) ? x : undefined);
  const json = (x: any) => (Number.isFinite(x) || ["nan", "inf", "-inf"].includes(x) ? x : null);
  const entries = (x: any): [string, any][] => (typeof x === "object" && x !== null ? Object.entries(x).slice(0, LIMITS.entries).map(([k, v]) => [text(k, ""), v]) : []);
  const texts = (x: any): string[] => (Array.isArray(x) ? x.slice(0, LIMITS.entries).filter((t) => typeof t === "string").map((t) => t.slice(0, LIMITS.text)) : []);
  const state = typeof value.state === "string" ? value.state : "history";
  const pair = Array.isArray(value.memory) && value.memory.length === 2 && value.memory.every(Number.isFinite);
  return {
    id: text(value.id, ""), name: text(value.name, "training"), state: state.slice(0, 20) as State,
    device: text(value.device, "") || null, first_epoch: number(value.first_epoch) ?? 0, steps: number(value.steps) ?? null,
    best: Object.fromEntries(entries(value.best).filter(([, v]) => Array.isArray(v) && Number.isFinite(v[0])).map(([k, v]) => [k, [v[0], json(v[1])]])),
    rate_changes: value.rate_changes === true, per_batch: texts(value.per_batch), epochs: number(value.epochs), epoch: number(value.epoch),
    step: number(value.step), done: number(value.done), total: number(value.total) ?? null, rate: number(value.rate) ?? null, eta: number(value.eta) ?? null,
    elapsed: number(value.elapsed), latest: Object.fromEntries(entries(value.latest).map(([k, v]) => [k, json(v)])), answered: texts(value.answered),
    error: text(value.error, "") || null, can: texts(value.can) as Facts["can"], notice: text(value.notice, "") || null,
    stops_after: value.stops_after === "epoch" ? "epoch" : value.stops_after === "batch" ? "batch" : "",
    memory: pair ? value.memory : null, learning_rate: number(value.learning_rate),
    validating: Array.isArray(value.validating) && Number.isFinite(value.validating[0]) ? [value.validating[0], number(value.validating[1]) ?? null] : null,
    compiling: value.compiling === true,
    ending: Array.isArray(value.ending) && value.ending.length === 3 ? (value.ending.map((t: any) => text(t, "")) as [string, string, string]) : null,
    broken: Object.fromEntries(entries(value.broken).filter(([, step]) => Number.isFinite(step))),
    marks: Array.isArray(value.marks) ? value.marks.slice(0, LIMITS.entries).filter((m: any) => Array.isArray(m) && m.length === 2 && m.every(Number.isFinite)) : [],
    metrics: Array.isArray(value.metrics) ? texts(value.metrics) : undefined, log: texts(value.log), together: texts(value.together),
  };
}

/** What is known of a training that was heard, as data of which an output has none, in about `most` numbers. */
export function saveRun(run: Run, title: string, most = 4_096): Saved {
  const curves = run.all().map(({ axis, name, series }) => ({
    entry: { axis, name, start: 0, stride: series.stride, count: series.count } as Entry,
    columns: [series.mean, series.low, series.high].map((column) => Array.from(column.subarray(0, series.size))),
  }));
  const numbers = () => floatsOf(curves.map(({ entry }) => entry));
  while (numbers() > most) {
    const longest = curves.reduce((a, b) => (b.columns[0].length > a.columns[0].length ? b : a));
    if (longest.columns[0].length <= 2) break;
    for (const curve of curves.filter(({ entry }) => entry.axis === longest.entry.axis)) {
      const [mean, low, high] = curve.columns;
      const pairs = (merge: (a: number, b: number) => number, column: number[]) =>
        Array.from({ length: Math.ceil(column.length / 2) }, (_, i) => merge(column[2 * i], column[Math.min(2 * i + 1, column.length - 1)]));
      curve.columns = [pairs((a, b) => (a + b) / 2, mean), pairs(Math.min, low), pairs(Math.max, high)];
      curve.entry.stride *= 2;
    }
  }
  const flat = Float32Array.from(curves.flatMap(({ entry, columns }) => (entry.stride === 1 ? columns[0] : columns.flat())));
  let binary = "";
  for (const byte of new Uint8Array(flat.buffer)) binary += String.fromCharCode(byte);
  const facts = checkFacts(run.facts);
  return { schema: "kernelkit.history", version: 1, title, runs: [{ facts, curves: curves.map(({ entry }) => entry), values: btoa(binary) }] };
}

/** The messages that a training's widget would have sent. */
export function updatesOf(saved: Saved): [Update, DataView][] {
  return saved.runs.map((run, i) => [{
    kind: "update", run: i, runs: saved.runs.length, sequence: 1, full: true, curves: run.curves, title: saved.title,
    facts: saved.runs.length > 1 ? { ...run.facts, state: "history" } : run.facts,
  }, decode(run.values)]);
}

/** A session of trainings that have ended. */
export function sessionOf(saved: Saved): Session {
  let hear: (content: Update, buffers: DataView[]) => void = () => undefined;
  const model: Model = {
    get: () => undefined, send: (content) => tell(saved, content), off: () => undefined,
    on: (event, callback) => { if (event === "msg:custom") hear = callback; },
  };
  const session = new Session(model);
  for (const [update, values] of updatesOf(saved)) hear(update, [values]);
  return session;
}

/** Metrics that share a chart are kept by the widget, if the training's kernel still lives. */
function tell(saved: Saved, content: any): void {
  if (content?.kind !== "together" || saved.runs.length !== 1) return;
  document.dispatchEvent(new CustomEvent(CHOSEN, { detail: { id: saved.runs[0].facts.id, metrics: content.value } }));
}

function decode(values: string): DataView {
  let binary: string;
  try {
    binary = atob(values);
  } catch {
    throw new Error("These curves cannot be shown: its values are damaged.");
  }
  const data = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) data[i] = binary.charCodeAt(i);
  return new DataView(data.buffer);
}

function text(value: any, otherwise: string): string {
  return typeof value === "string" ? value.slice(0, LIMITS.text) : otherwise;
}

function need(condition: boolean, what: string): void {
  if (!condition) throw new Error(`These curves cannot be shown: ${what}.`);
}
