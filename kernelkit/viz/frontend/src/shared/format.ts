// Numbers and durations as people read them.

import type { JsonNumber } from "./types";

/** Four significant digits; very small and very large numbers with an exponent. */
export function value(x: JsonNumber | null | undefined): string {
  if (x === null || x === undefined) return "–";
  if (typeof x === "string" || !Number.isFinite(x)) return String(x).replace("nan", "NaN").replace("inf", "∞");
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size < 1e-3 || size >= 1e6) return x.toExponential(2).replace("e+", "e");
  if (size >= 1000) return Math.round(x).toLocaleString("en");
  return x.toPrecision(4);
}

/** An axis label: as short as it can be. */
export function tick(x: number): string {
  const size = Math.abs(x);
  if (x === 0) return "0";
  if (size < 1e-3) return Number(x.toPrecision(3)).toExponential();
  if (size >= 1e9) return x.toExponential(1).replace("e+", "e");
  if (size >= 1e6) return `${+(x / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(x / 1e3).toPrecision(3)}k`;
  return String(+x.toPrecision(5));
}

export function count(x: number): string {
  return Math.round(x).toLocaleString("en");
}

/** Steps in a second, or seconds for a step. */
export function rate(stepsPerSecond: number): string {
  if (stepsPerSecond >= 1) return `${stepsPerSecond >= 100 ? count(stepsPerSecond) : stepsPerSecond.toPrecision(3)} steps/s`;
  return `${(1 / stepsPerSecond).toPrecision(3)} s/step`;
}

/** Bytes in use of those there are. */
export function memory([used, limit]: [number, number]): string {
  const unit = limit >= 2 ** 30 || used >= 2 ** 30 ? 2 ** 30 : 2 ** 20;
  const amount = (bytes: number): string => (bytes / unit).toFixed(bytes / unit < 10 ? 1 : 0);
  return `${amount(used)}${limit ? ` of ${amount(limit)}` : ""} ${unit === 2 ** 30 ? "GiB" : "MiB"}`;
}

/** m:ss, or h:mm:ss. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const tail = `${String(Math.floor((s % 3600) / 60)).padStart(s >= 3600 ? 2 : 1, "0")}:${String(s % 60).padStart(2, "0")}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${tail}` : tail;
}
