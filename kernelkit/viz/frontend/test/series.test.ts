import assert from "node:assert/strict";
import { test } from "node:test";
import { Series } from "../src/curves/series";

const entry = (start: number, stride: number, count: number) => ({ axis: "step" as const, name: "loss", start, stride, count });

test("single values are kept as they are", () => {
  const series = new Series();
  assert.equal(series.apply(entry(0, 1, 3), Float32Array.of(3, 1, 2), 0), 3);
  series.apply(entry(3, 1, 4), Float32Array.of(9), 0);
  assert.deepEqual([...series.mean.subarray(0, series.size)], [3, 1, 2, 9]);
});

test("a wider stride merges what is there and keeps its spikes", () => {
  const series = new Series();
  series.apply(entry(0, 1, 5), Float32Array.of(1, 8, 2, 2, 4), 0);
  series.apply(entry(2, 2, 7), Float32Array.of(5, 0, 4, 0, 6, 0), 0);
  assert.equal(series.size, 4);
  assert.deepEqual([...series.high.subarray(0, 4)], [8, 2, 6, 0]);
  assert.deepEqual([...series.low.subarray(0, 2)], [1, 2]);
});

test("NaN is no value to low and high", () => {
  const series = new Series();
  series.apply(entry(0, 1, 2), Float32Array.of(NaN, 5), 0);
  series.apply(entry(1, 2, 3), Float32Array.of(1, 1, 1), 0);
  assert.equal(series.low[0], 5);
  assert.equal(series.high[0], 5);
});
