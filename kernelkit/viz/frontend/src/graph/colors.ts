// What layers are colored by, over the steps that were looked at: kernelkit/viz/cards/colors.py. It may come from anybody.

import type { JsonNumber } from "../shared/types";
import { KINDS, type Description } from "./schema";

export const MEASURES = ["grad", "dead", "update_ratio", "time"] as const;
export type Measure = (typeof MEASURES)[number];

/** The message; NaN and infinity are texts. */
export interface ColorColumns {
  rows: number[];
  steps: number[];
  grad?: (JsonNumber | null)[][];
  dead?: (JsonNumber | null)[][];
  update_ratio?: (JsonNumber | null)[][];
  time?: (JsonNumber | null)[];
}

export const TITLES: Record<Measure, string> = {
  grad: "Gradient norm", dead: "Dead units", update_ratio: "|update| / |weight|", time: "Time",
};
const MOST_STEPS = 256;
const ROUND = ["#60a5fa", "#34d399", "#fbbf24", "#f87171"];
const BAD = "#b91c1c";

type Values = Map<number, number>; // by row

export class Colors {
  steps: number[] = [];
  private values: Partial<Record<Measure, Values>>[] = [];
  private time: Values | null = null;
  private kept = new Map<string, Values>();

  constructor(private readonly model: Description) {}

  /** Take columns over; what is damaged is left out. Without `full` they are added to those that are known. */
  receive(value: unknown, full = true): void {
    this.kept.clear();
    const rows = this.rowsOf(value);
    if (!rows) return;
    if (full) [this.steps, this.values, this.time] = [[], [], null];
    const given = value as Record<string, unknown>;
    const { steps } = given as { steps: number[] };
    steps.slice(0, MOST_STEPS).forEach((step, i) => {
      const found: Partial<Record<Measure, Values>> = {};
      for (const name of MEASURES) {
        const lists = given[name];
        if (name !== "time" && Array.isArray(lists)) found[name] = valuesOf(rows, lists[i]);
      }
      let at = this.steps.length;
      while (at && this.steps[at - 1] >= step) at--;
      const known = this.steps[at] === step ? 1 : 0;
      this.steps.splice(at, known, step);
      this.values.splice(at, known, found);
    });
    while (this.steps.length > MOST_STEPS) { this.steps.shift(); this.values.shift(); }
    if (Array.isArray(given.time)) this.time = valuesOf(rows, given.time);
  }

  /** The measures that some layer has. */
  get measures(): Measure[] {
    return MEASURES.filter((name) => (name === "time" ? this.time?.size : this.values.some((v) => v[name]?.size)));
  }

  /** The value of each node at the number of a step; of a closed group, its largest, or the sum of times. */
  at(measure: Measure, index: number): Values {
    const key = `${measure} ${index}`;
    const known = this.kept.get(key);
    if (known) return known;
    const found = new Map((measure === "time" ? this.time : this.values[index]?.[measure]) ?? []);
    const { parent, kind } = this.model.nodes;
    for (let row = parent.length - 1; row >= 0; row--) { // parents stand before their children
      const value = found.get(row), above = parent[row];
      if (value === undefined || above < 0 || kind[above] < KINDS.group) continue;
      const so = found.get(above);
      if (so === undefined) found.set(above, value);
      else found.set(above, measure === "time" ? so + value : Number.isNaN(so) || Number.isNaN(value) ? NaN : Math.max(so, value));
    }
    this.kept.set(key, found);
    return found;
  }

  /** The lowest and the highest finite value of a measure in layers, over all steps. */
  range(measure: Measure): [low: number, high: number] {
    if (measure === "dead") return [0, 1];
    let low = Infinity, high = -Infinity;
    const all = measure === "time" ? [this.time] : this.values.map((v) => v[measure]);
    for (const values of all) {
      for (const value of values?.values() ?? []) {
        if (!Number.isFinite(value) || (measure !== "time" && value <= 0)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    return measure === "time" ? [0, Math.max(high, 0)] : [low, high];
  }

  private rowsOf(value: unknown): number[] | null {
    if (typeof value !== "object" || value === null) return null;
    const { rows, steps } = value as { rows: unknown; steps: unknown };
    const count = this.model.nodes.name.length;
    const whole = (x: unknown, limit: number): boolean => Number.isSafeInteger(x) && (x as number) >= 0 && (x as number) < limit;
    const good = Array.isArray(rows) && rows.length <= count && rows.every((row) => whole(row, count))
      && Array.isArray(steps) && steps.every((step) => whole(step, 2 ** 50));
    return good ? rows : null;
  }
}

function valuesOf(rows: number[], list: unknown): Values {
  const found: Values = new Map();
  if (!Array.isArray(list)) return found;
  rows.forEach((row, i) => {
    const value = numberOf(list[i]);
    if (value !== null) found.set(row, value);
  });
  return found;
}

function numberOf(value: unknown): number | null {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  return value === "nan" ? NaN : value === "inf" ? Infinity : value === "-inf" ? -Infinity : null;
}

/** Where between the ends of the range a value lies, from 0 to 1; norms on a logarithmic scale. */
export function place(measure: Measure, value: number, [low, high]: [number, number]): number {
  if (measure === "dead" || measure === "time") return high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0;
  if (value <= low || !(high > low)) return value > low ? 1 : 0;
  return Math.min(1, Math.log(value / low) / Math.log(high / low));
}

/** The color of a value: blue, green, amber, red; of what is not finite, dark red. */
export function colorOf(measure: Measure, value: number, range: [number, number]): string {
  if (!Number.isFinite(value)) return BAD;
  const at = place(measure, value, range) * (ROUND.length - 1);
  const left = Math.min(Math.floor(at), ROUND.length - 2);
  const parts = [1, 3, 5].map((i) => {
    const [a, b] = [left, left + 1].map((c) => Number.parseInt(ROUND[c].slice(i, i + 2), 16));
    return Math.round(a + (b - a) * (at - left));
  });
  return `rgb(${parts.join(",")})`;
}

/** The colors of the range as a background. */
export const BAR = `linear-gradient(to right, ${ROUND.join(", ")})`;

export function textOf(measure: Measure, value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (measure === "dead") return `${Math.round(100 * value)}% dead`;
  if (measure === "time") return `${Number(value.toPrecision(3))} ms`;
  return value !== 0 && (value < 1e-3 || value >= 1e5) ? value.toExponential(1).replace("e+", "e") : String(Number(value.toPrecision(3)));
}
