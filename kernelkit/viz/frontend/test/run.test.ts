import assert from "node:assert/strict";
import { test } from "node:test";
import { tick } from "../src/shared/format";
import { bestOf, joinedLines, layGrid, linesOf, placeOf, rangeOf, smooth, stepAt } from "../src/curves/lines";
import { Run } from "../src/curves/run";
import type { Earlier, Entry, Facts, Update } from "../src/curves/types";

const FACTS: Facts = {
  name: "mlp", state: "running", epochs: 3, first_epoch: 0, steps: 4, best: { val_loss: [2, 0.5] }, rate_changes: false,
};

function message(sequence: number, full: boolean, curves: [Partial<Entry>, number[]][], facts = {}): [Update, DataView] {
  const entries = curves.map(([entry]) => ({ axis: "step", name: "loss", start: 0, stride: 1, count: 0, ...entry }) as Entry);
  const data = Float32Array.from(curves.flatMap(([, values]) => values));
  const update: Update = { kind: "update", run: 0, runs: 1, sequence, full, curves: entries, facts: { ...FACTS, ...facts } };
  return [update, new DataView(data.buffer)];
}

function trained(): Run {
  const run = new Run();
  run.receive(...message(1, true, [
    [{ count: 10 }, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
    [{ axis: "epoch", name: "", count: 2 }, [4, 8]],
    [{ axis: "epoch", name: "loss", count: 2 }, [6, 2]],
    [{ axis: "epoch", name: "val_loss", count: 2 }, [7, 0.5]],
  ]));
  return run;
}

test("a message that was lost is noticed, one that comes twice is not", () => {
  const run = new Run();
  assert.equal(run.receive(...message(4, true, [[{ count: 1 }, [1]]])), true);
  assert.equal(run.receive(...message(4, false, [[{ count: 1 }, [5]]])), true);
  assert.equal(run.receive(...message(6, false, [[{ start: 2, count: 3 }, [3]]])), false);
  assert.equal(run.curve("step", "loss")!.count, 1);
  assert.equal(run.receive(...message(7, true, [[{ count: 4 }, [1, 2, 3, 4]]])), true);
  assert.equal(run.curve("step", "loss")!.count, 4);
});

test("steps and epochs share one axis", () => {
  const run = trained();
  const grid = layGrid([run]);
  assert.equal(grid.unit, "epoch");
  assert.deepEqual(grid.x, [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5]);
  const [batch, train, validation] = linesOf([run], "loss", grid, 0);
  assert.deepEqual(batch.y, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  assert.deepEqual([train.y[1], train.y[5], validation.y[7], validation.y[8]], [6, 2, 0.5, null]); // means lie in the middle
  assert.deepEqual(bestOf([run], "loss", grid), { x: 2, y: 0.5, epoch: 2, validation: true });
  assert.equal(stepAt(run, "epoch", 2.5), 10);
  assert.equal(stepAt(run, "epoch", 1.25), 5);
});

test("one epoch is shown by its steps", () => {
  const run = new Run();
  run.receive(...message(1, true, [[{ count: 2 }, [1, 2]]], { epochs: 1 }));
  assert.deepEqual(layGrid([run]), { unit: "step", x: [1, 2], at: [{ step: Int32Array.of(0, 1), epoch: new Int32Array(0), middle: new Int32Array(0) }], earlier: [], past: [] });
});

test("wide buckets are drawn through their lows and highs", () => {
  const run = new Run();
  run.receive(...message(1, true, [[{ stride: 2, count: 4 }, [1, 2, 0, 1, 5, 3]]], { epochs: 1 }));
  const grid = layGrid([run]);
  assert.deepEqual(grid.x, [0.5, 1.5, 2.5, 3.5]);
  assert.deepEqual(linesOf([run], "loss", grid, 0)[0].y, [0, 5, 3, 1]);
});

test("smoothing starts without bias and passes over gaps", () => {
  assert.deepEqual(smooth([2, 2, NaN, 2], 0.9).map((v) => +v.toFixed(6)), [2, 2, NaN, 2]);
});

test("single batches are smoothed, means of the epoch so far are not", () => {
  const run = trained();
  const grid = layGrid([run]);
  assert.deepEqual(linesOf([run], "loss", grid, 0.5).map((l) => l.label), ["running mean", "train", "validation"]);
  run.facts!.per_batch = ["loss"];
  const lines = linesOf([run], "loss", grid, 0.5);
  assert.deepEqual(lines.map((l) => l.label), ["each batch", "smoothed", "train", "validation"]);
  assert.deepEqual(lines.map((l) => l.role), ["batch", "smooth", "means", "validation"]);
  assert.deepEqual(lines[1].y.slice(4, 6).map((v) => Math.round(v!)), [5, 4]); // a straight line stays where it is: smoothing does not lag
  run.facts!.best = { loss: [2, 0.5] };
  assert.equal(bestOf([run], "loss", grid)!.x, 1.5);
});

test("a smoothed line does not lag, not at its ends either", () => {
  const close = (found: number[], wanted: number[]) => found.forEach((v, i) => assert.ok(Math.abs(v - wanted[i]) < 1e-9 * Math.abs(wanted[0]), `${i}: ${v} ${wanted[i]}`));
  const straight = Array.from({ length: 200 }, (_, i) => 500 - i);
  close(smooth(straight, 0.9), straight);
  const falling = straight.map((_, i) => 100 * Math.exp(-i / 7));
  close(smooth(falling, 0.9, true), falling); // on a logarithmic scale
  const noisy = straight.map((_, i) => (i % 2 ? 1 : -1));
  assert.ok(Math.max(...smooth(noisy, 0.9).map(Math.abs)) < 0.35);
  const near = smooth([5, 0, 0, 0, 0, 0, 0, 0], 0.9);
  assert.ok(Math.min(...near) >= 0 && Math.max(...near) <= 5); // within the values
  assert.deepEqual(smooth([1, -1, 1], 0.9, true).map(Number.isNaN), [false, true, false]); // no logarithm, no point
});

test("several metrics share a chart: a color for each, no single batches where there is a smoother line", () => {
  const run = trained();
  const more: [Partial<Entry>, number[]][] = [[{ name: "mae", count: 2 }, [3, 1]], [{ axis: "epoch", name: "mae", count: 2 }, [2, 1]]];
  run.receive(...message(2, false, more));
  run.facts!.per_batch = ["loss"];
  const lines = joinedLines([run], ["loss", "mae"], layGrid([run]), 0.5);
  assert.deepEqual(lines.map((l) => [l.metric, l.label, l.role]), [
    [0, "loss", "smooth"], [0, "epochs of loss", "means"], [0, "val_loss", "validation"], [1, "mae", "train"],
  ]);
});

test("an earlier run does not stretch the axis of the one that runs", () => {
  const run = trained();
  const long: Earlier = { name: "run 1", title: "raw", same: true, epochs: [1, 40, 80], logs: { loss: [30000, 9000, 3000] } };
  const grid = layGrid([run], [long]);
  assert.deepEqual(rangeOf([run], grid), [0, 3]); // this one is going to have three epochs
  run.facts!.state = "done";
  assert.deepEqual(rangeOf([run], grid), [0, 2.5]);
  assert.deepEqual(rangeOf([run], layGrid([run])), [0, 2.5]);
});

test("the learning rate is drawn for each step, as stairs", () => {
  const run = trained();
  run.receive(...message(2, false, [[{ name: "learning_rate", count: 3 }, [0.1, 0.1, 0.02]], [{ axis: "epoch", name: "learning_rate", count: 2 }, [0.02, 0.02]]], { rate_changes: true }));
  const lines = linesOf([run], "learning_rate", layGrid([run]), 0.9);
  assert.deepEqual(lines.map((l) => l.role), ["stairs"]);
  assert.deepEqual(lines[0].y.slice(0, 4).map((v) => v && +v.toFixed(2)), [0.1, 0.1, 0.02, null]);
  assert.equal(placeOf(run, "epoch", 3), 0.75);
});

test("small numbers on an axis keep their digits", () => {
  assert.deepEqual([5e-14, 1.5e-13, 0.0005, 0, 0.25].map(tick), ["5e-14", "1.5e-13", "5e-4", "0", "0.25"]);
});

test("names of several runs stand beside their lines", () => {
  const runs = [trained(), trained()];
  runs[1].facts!.name = "second";
  const labels = linesOf(runs, "loss", layGrid(runs), 0).map((line) => line.label);
  assert.deepEqual(labels, ["mlp running mean", "mlp", "mlp validation", "second running mean", "second", "second validation"]);
});

test("earlier runs are lines of their own, as long as they are", () => {
  const run = trained();
  const [update, data] = message(2, true, []);
  const earlier: Earlier[] = [{ name: "run 1", title: "mlp", same: true, epochs: [1, 2, 3], logs: { loss: [3, "nan", 1], val_loss: [4, 3, 2] } }, { name: "run 2", title: "cnn", same: false, epochs: [1, 2], logs: { loss: [5, 4] } }];
  run.receive({ ...update, earlier }, data);
  const grid = layGrid([run], earlier);
  assert.deepEqual(grid.x, [1, 2, 3]);
  const lines = linesOf([run], "loss", grid, 0);
  assert.deepEqual(lines.map((l) => [l.label, l.role, l.y]), [["mlp (run 1, val)", "earlier", [4, 3, 2]], ["cnn (run 2)", "earlier", [5, 4, null]]]);
  assert.deepEqual(linesOf([run], "loss", layGrid([run]), 0), []);
});
