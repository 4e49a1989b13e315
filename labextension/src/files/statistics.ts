// Statistics of an array in a file: of all its numbers, or, where it is large, of runs spread evenly over it.

import type { Chunk } from "./chunks";
import type { Dataset, Hdf5 } from "./hdf5";

const RUNS = 32;
const RUN = 32_768;
export const MOST = RUNS * RUN; // numbers read
const BARS = 32;

export interface Statistics {
  read: number; count: number; mean: number; std: number; low: number; high: number; zeros: number; nan: number; inf: number; counts: number[];
}

/** Read an array's statistics; the signal ends that between two runs. */
export async function statistics(file: Hdf5, dataset: Dataset, signal: AbortSignal): Promise<Statistics> {
  const { count } = dataset;
  const chunks = await file.chunks(dataset);
  if (chunks) return summary(await some(file, dataset, chunks, signal), count);
  const all = count <= MOST;
  const pieces: Float64Array[] = [];
  const many = all ? Math.ceil(count / RUN) : RUNS;
  for (let i = 0; i < many; i++) {
    const first = all ? i * RUN : Math.floor((i * (count - RUN)) / (RUNS - 1));
    pieces.push(await file.numbers(dataset, first, Math.min(RUN, count - first)));
    if (signal.aborted) throw new DOMException("No longer wanted", "AbortError");
  }
  return summary(pieces, count);
}

/** Read chunks spread evenly over an array, until there are numbers enough. */
async function some(file: Hdf5, dataset: Dataset, chunks: Chunk[], signal: AbortSignal): Promise<Float64Array[]> {
  const pieces: Float64Array[] = [];
  const step = Math.max(1, Math.ceil((chunks.length * Math.ceil(dataset.count / Math.max(1, chunks.length))) / MOST));
  let read = 0;
  for (let i = 0; i < chunks.length && read < MOST; i += step) {
    pieces.push(await file.chunk(dataset, chunks[i]));
    read += pieces[pieces.length - 1].length;
    if (signal.aborted) throw new DOMException("No longer wanted", "AbortError");
  }
  return pieces;
}

export function summary(pieces: Float64Array[], count: number): Statistics {
  let read = 0, sum = 0, zeros = 0, nan = 0, inf = 0, low = Infinity, high = -Infinity, finite = 0;
  for (const piece of pieces) for (const x of piece) {
    read++;
    if (Number.isNaN(x)) nan++;
    else if (!Number.isFinite(x)) inf++;
    else {
      finite++;
      sum += x;
      if (x === 0) zeros++;
      if (x < low) low = x;
      if (x > high) high = x;
    }
  }
  const mean = finite ? sum / finite : NaN;
  const counts = new Array<number>(BARS).fill(0);
  let squares = 0;
  const width = high > low ? BARS / (high - low) : 0;
  const step = Number.isFinite(width) ? width : 0; // values so close that they cannot be told apart
  for (const piece of pieces) for (const x of piece) {
    if (!Number.isFinite(x)) continue;
    squares += (x - mean) ** 2;
    counts[step ? Math.min(BARS - 1, Math.floor((x - low) * step)) : BARS / 2]++;
  }
  return { read, count, mean, std: finite ? Math.sqrt(squares / finite) : NaN, low: finite ? low : NaN, high: finite ? high : NaN, zeros, nan, inf, counts };
}
