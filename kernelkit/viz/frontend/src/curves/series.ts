// One curve as buckets of neighbouring values: the browser's twin of kernelkit/viz/curves/series.py.

import type { Entry } from "./types";

export class Series {
  stride = 1;
  count = 0;
  mean = new Float32Array(0);
  low = new Float32Array(0);
  high = new Float32Array(0);

  /** Buckets in use. */
  get size(): number {
    return Math.ceil(this.count / this.stride);
  }

  /** Take a message's buckets over; returns the offset (in floats) behind them. */
  apply(entry: Entry, data: Float32Array, offset: number): number {
    while (this.stride < entry.stride) this.mergePairs();
    this.stride = entry.stride;
    const size = Math.ceil(entry.count / entry.stride);
    const sent = size - entry.start;
    this.reserve(size);
    const columns = entry.stride === 1 ? [this.mean] : [this.mean, this.low, this.high];
    for (const column of columns) {
      column.set(data.subarray(offset, offset + sent), entry.start);
      offset += sent;
    }
    if (entry.stride === 1) {
      this.low.set(this.mean.subarray(entry.start, size), entry.start);
      this.high.set(this.mean.subarray(entry.start, size), entry.start);
    }
    this.count = entry.count;
    return offset;
  }

  private mergePairs(): void {
    const size = this.size;
    for (let i = 0; i < size; i += 2) {
      const j = Math.min(i + 1, size - 1);
      this.mean[i >> 1] = (this.mean[i] + this.mean[j]) / 2;
      this.low[i >> 1] = least(this.low[i], this.low[j]);
      this.high[i >> 1] = -least(-this.high[i], -this.high[j]);
    }
    this.stride *= 2;
  }

  private reserve(size: number): void {
    if (size <= this.mean.length) return;
    const room = Math.max(size, 2 * this.mean.length, 64);
    for (const name of ["mean", "low", "high"] as const) {
      const grown = new Float32Array(room);
      grown.set(this[name]);
      this[name] = grown;
    }
  }
}

function least(a: number, b: number): number {
  return Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b);
}
