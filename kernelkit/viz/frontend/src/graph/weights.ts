// Statistics of weights beside a description, checked: they may come from anybody.

import type { Weight } from "./view";

/** Read `{"<row>": [[name, shape, mean, std, low, high, counts], ...]}`; what is damaged is left out. */
export function readWeights(value: unknown, rows: number): Map<number, Weight[]> {
  const found = new Map<number, Weight[]>();
  if (typeof value !== "object" || value === null) return found;
  for (const [key, list] of Object.entries(value).slice(0, 20_000)) {
    const row = Number(key);
    if (!Number.isInteger(row) || row < 0 || row >= rows || !Array.isArray(list)) continue;
    found.set(row, list.slice(0, 40).flatMap((one) => {
      if (!Array.isArray(one)) return [];
      const [name, shape, mean, std, low, high, counts] = one;
      const good = typeof name === "string" && Array.isArray(shape) && shape.length <= 32 && shape.every(Number.isFinite)
        && [mean, std, low, high].every(Number.isFinite) && Array.isArray(counts) && counts.length <= 64
        && counts.every((c) => Number.isFinite(c) && c >= 0);
      return good ? [{ name, shape, mean, std, low, high, counts }] : [];
    }));
  }
  return found;
}
