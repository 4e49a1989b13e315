import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { layered, type Layout } from "../src/graph/layout";
import { arrange } from "../src/graph/scene";
import { check, type Description } from "../src/graph/schema";
import { cut, shapeText } from "../src/graph/words";

const folder = "../../../tests/diagram/";
const layouts = JSON.parse(readFileSync(`${folder}layouts.json`, "utf8"));
const scenes = JSON.parse(readFileSync(`${folder}scenes.json`, "utf8"));

const round = (value: number) => Math.round(value * 1e6) / 1e6 + 0;
const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 2e-6, `${a} is not ${b}`);

function sameLayout(found: Layout, expected: Layout): void {
  found.x.forEach((x, i) => near(x, expected.x[i]));
  found.y.forEach((y, i) => near(y, expected.y[i]));
  near(found.width, expected.width);
  near(found.height, expected.height);
  assert.equal(found.paths.length, expected.paths.length);
  found.paths.forEach((path, i) => {
    assert.equal(path.length, expected.paths[i].length);
    path.forEach(([x, y], j) => {
      near(x, expected.paths[i][j][0]);
      near(y, expected.paths[i][j][1]);
    });
  });
}

for (const [name, { widths, heights, edges, ports, layout }] of Object.entries<any>(layouts)) {
  test(`the layout of "${name}" is Python's`, () => sameLayout(layered(widths, heights, edges, ports), layout));
}

for (const [name, { description, opened, across, boxes, lines }] of Object.entries<any>(scenes)) {
  test(`the scene of "${name}" is Python's`, () => {
    const found = arrange(check(description), new Set(opened), across);
    assert.deepEqual(found.boxes.map((b) => [b.row, b.title, b.subtitle, b.family]), boxes.map((b: any) => b.slice(0, 4)));
    found.boxes.forEach((b, i) => [b.x, b.y, b.width, b.height].forEach((v, j) => near(round(v), boxes[i][4 + j])));
    assert.deepEqual(found.lines.map((l) => [l.source, l.target, l.arrow]), lines);
  });
}

test("a chain of 100,000 is laid out without recursion", () => {
  const n = 100_000;
  const edges = Array.from({ length: n - 1 }, (_, i): [number, number] => [i, i + 1]);
  const found = layered(new Array(n).fill(100), new Array(n).fill(40), edges);
  assert.equal(found.y[n - 1], 66 * (n - 1));
});

const DAMAGES: Record<string, (d: any) => void> = {
  "another version": (d) => (d.version = 2),
  "a cycle of parents": (d) => (d.nodes.parent[0] = 0),
  "a name that is no text": (d) => (d.strings[0] = {}),
  "a name of 10 MB": (d) => (d.strings[0] = "x".repeat(1e7)),
  "a count that is not finite": (d) => (d.nodes.params[0] = Infinity),
  "an edge to nowhere": (d) => (d.edges.target[0] = 99),
  "a missing column": (d) => delete d.nodes.flops,
  "a million nodes": (d) => (d.nodes.name = new Array(1e6).fill(0)),
  "nothing": (d) => Object.keys(d).forEach((key) => delete d[key]),
};
for (const [name, damage] of Object.entries(DAMAGES)) {
  test(`a description with ${name} is refused`, () => {
    const description = structuredClone(Object.values<any>(scenes)[0].description) as Description;
    check(description);
    damage(description);
    assert.throws(() => check(description), /cannot be shown/);
  });
}

test("texts are cut in the middle, and control characters leave them", () => {
  assert.equal(cut("a_very_long_name_of_a_layer_12", 12), "a_very…er_12");
  assert.equal(cut("a\u202eb\u0000"), "a·b·");
  assert.equal(shapeText([null, 32, null, 3]), "32×?×3");
});
