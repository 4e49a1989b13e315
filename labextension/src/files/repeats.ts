// Runs of the same block in a row of nodes: kernelkit/models/description/repeats.py.

const LONGEST = 64;

export interface Repeat { start: number; length: number; count: number }

/** Return the runs of equal blocks in a row of numbers, from left to right; they do not overlap. */
export function findRepeats(row: number[]): Repeat[] {
  const size = row.length;
  const runs: Int32Array[] = [];
  for (let length = 1; length <= Math.min(LONGEST, size >> 1); length++) {
    const run = new Int32Array(size - length);
    for (let i = run.length - 1; i >= 0; i--) run[i] = row[i] === row[i + length] ? (run[i + 1] ?? 0) + 1 : 0;
    runs.push(run);
  }
  const found: Repeat[] = [];
  for (let at = 0; at < size;) {
    let best = { start: at, length: 1, count: 1 };
    for (let length = 1; length <= runs.length && at < runs[length - 1].length; length++) {
      const count = Math.floor(runs[length - 1][at] / length) + 1;
      const fewest = length === 1 ? 4 : length < 4 ? 3 : 2;
      if (count >= fewest && count * length > best.count * best.length) best = { start: at, length, count };
    }
    if (best.count > 1) found.push(best);
    at += best.length * best.count;
  }
  return found;
}
