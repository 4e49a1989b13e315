import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { colorOf, Colors, place, textOf } from "../src/graph/colors";
import { arranging } from "../src/graph/scene";
import { check, KINDS, LIMITS, type Description } from "../src/graph/schema";
import { Sliced } from "../src/graph/sliced";
import { readOutputs } from "../src/graph/weights";

Object.assign(globalThis, { window: globalThis });
const scenes = JSON.parse(readFileSync("../../../tests/diagram/scenes.json", "utf8"));
const folded = Object.values<any>(scenes).map((s) => s.description as Description).find((d) => d.nodes.kind.includes(KINDS.repeat))!;

function leavesIn(group: number): number[] {
  const { parent, kind } = folded.nodes;
  const under = (row: number): boolean => row >= 0 && (parent[row] === group || under(parent[row]));
  return parent.map((_, row) => row).filter((row) => kind[row] === KINDS.layer && under(row));
}

test("a closed group has the largest value of its layers, and the sum of their times", () => {
  const group = folded.nodes.kind.indexOf(KINDS.repeat);
  const rows = leavesIn(group).slice(0, 3);
  const colors = new Colors(folded);
  colors.receive({ rows, steps: [4], grad: [[0.5, 2, null]], time: [1, 2, 4] });
  assert.deepEqual(colors.measures, ["grad", "time"]);
  assert.deepEqual([colors.at("grad", 0).get(group), colors.at("time", 0).get(group)], [2, 7]);
  colors.receive({ rows, steps: [4], grad: [[0.5, "nan", 1]] });
  assert.ok(Number.isNaN(colors.at("grad", 0).get(group)));
});

test("steps stay in order, a step that comes again is replaced, and full columns replace all", () => {
  const colors = new Colors(folded);
  for (const step of [5, 1, 9, 5]) colors.receive({ rows: [0], steps: [step], dead: [[step / 10]] }, false);
  assert.deepEqual([colors.steps, [0, 1, 2].map((i) => colors.at("dead", i).get(0))], [[1, 5, 9], [0.1, 0.5, 0.9]]);
  colors.receive({ rows: [0], steps: [2], dead: [[1]] });
  assert.deepEqual(colors.steps, [2]);
});

test("damaged colors are left out", () => {
  const count = folded.nodes.name.length;
  for (const odd of [null, 5, {}, { rows: [count], steps: [0] }, { rows: [0], steps: ["x"] }, { rows: new Array(count + 1).fill(0), steps: [] }, { rows: [0], steps: [1e300] }]) {
    const colors = new Colors(folded);
    colors.receive(odd);
    assert.deepEqual([colors.steps, colors.measures], [[], []]);
  }
  const colors = new Colors(folded);
  colors.receive({ rows: [0, 1], steps: [0, 1], grad: [[{}, "<img>"], "x"], dead: 5, time: [Infinity, 3] });
  assert.deepEqual([colors.measures, [...colors.at("time", 0)].filter(([row]) => row < 2)], [["time"], [[1, 3]]]);
});

test("values are told by color and by text", () => {
  assert.deepEqual([place("grad", 1e-4, [1e-6, 1e-2]), place("dead", 0.25, [0, 1]), place("grad", 3, [3, 3])], [0.5, 0.25, 0]);
  assert.equal(colorOf("dead", 0, [0, 1]), "rgb(96,165,250)");
  assert.equal(colorOf("grad", NaN, [0, 1]), "#b91c1c");
  assert.deepEqual([textOf("grad", 1.234e-7), textOf("dead", 0.5), textOf("time", 1.2345), textOf("grad", Infinity)], ["1.2e-7", "50% dead", "1.23 ms", "∞"]);
});

test("outputs with too many pixels, or other than they say, are shown without pictures", () => {
  const pixels = Buffer.from(new Uint8Array(12)).toString("base64");
  const given = (maps: unknown): unknown => ({ 0: [[2, 3], 0, 1, -1, 1, [1, 2], 0.5, maps] });
  const count = (maps: unknown): number | undefined => readOutputs(given(maps), 1).get(0)?.maps.count;
  assert.deepEqual([count([3, 2, 2, pixels]), count([4, 2, 2, pixels]), count([1e9, 1e9, 1e9, pixels]), count([1, 3, 4, {}]), count(null)], [3, 0, 0, 0, undefined]);
});

/** A description as large as one may be: a flat tangle of layers and cyclic edges, or groups in groups. */
function wild(depth: number): Description {
  const d: any = structuredClone(Object.values<any>(scenes)[0].description);
  const n = LIMITS.nodes;
  for (const name of Object.keys(d.nodes)) d.nodes[name] = new Array(n).fill(d.nodes[name][0]);
  d.nodes.kind = new Array(n).fill(KINDS.layer);
  d.nodes.parent = Array.from({ length: n }, (_, i) => (depth && i % depth ? i - 1 : -1));
  let seed = 1;
  const random = (): number => (seed = (seed * 48271) % 2147483647) % n;
  for (const name of Object.keys(d.edges)) d.edges[name] = new Array(LIMITS.edges).fill(0);
  d.edges.source = d.edges.source.map(random);
  d.edges.target = d.edges.target.map(random);
  return check(d);
}

for (const [name, depth, groups] of [["a tangle of 20,000 layers", 0, 0], ["groups nested 60 deep", 60, 6_000]] as const) {
  test(`${name} with 60,000 lines, cycles among them, is arranged with rests`, () => {
    const description = wild(depth);
    const opened = new Set(Array.from({ length: groups }, (_, i) => i));
    let rests = 0;
    const work = arranging(description, opened);
    for (; ;) {
      const { done, value } = work.next();
      if (done) { assert.ok(value.boxes.length > 400 && rests > 30, `${value.boxes.length} ${rests}`); break; }
      rests++;
    }
  });
}

test("long work rests, tells that it goes on, and ends when it is cancelled or replaced", async () => {
  const told: boolean[] = [];
  let cancel: (() => void) | null = null;
  let turns = 0;
  const slices = new Sliced((how) => { told.push(how !== null); cancel = how; });
  function* endless(): Generator<void, string> {
    for (;;) {
      turns++;
      const until = performance.now() + 3;
      while (performance.now() < until);
      yield;
    }
  }
  slices.start(endless(), () => assert.fail("it has no end"));
  const soon = (): Promise<void> => new Promise((done) => { setTimeout(done, 5); });
  while (!cancel) await soon();
  (cancel as () => void)();
  assert.deepEqual(told, [true, false]);
  const so = turns;
  await soon();
  assert.equal(turns, so);
  let result = "";
  slices.start((function* (): Generator<void, string> { yield; return "done"; })(), (value) => { result = value; });
  assert.equal(result, "done"); // short work is done at once
});
