// Which nodes of a description are seen, with which texts, and where: kernelkit/diagram/scene.py.

import { layered, type Layout, type Point } from "./layout";
import { KINDS, type Description } from "./schema";
import { cut, family, numberText, shapeText, textWidth } from "./words";

export interface Box {
  row: number; x: number; y: number; width: number; height: number; kind: number; open: boolean; opens: boolean;
  title: string; subtitle: string; family: string; state: number; depth: number; frozen: boolean;
}

export interface Line { points: Point[]; source: number; target: number; arrow: boolean }

export interface Scene { width: number; height: number; boxes: Box[]; lines: Line[] }

const PAD = 14;
const TITLE = 30;
const MOST = 400;
const REST = 2_000; // edges that are looked at without a rest

type Piece = { from: number; to: number; enters: number; leaves: number };

/** Arrange a description, with the inside of the groups in `opened` shown. */
export function arrange(description: Description, opened: Set<number>, leftToRight = false, most = MOST): Scene {
  const work = arranging(description, opened, leftToRight, most);
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** The same with rests. */
export function* arranging(description: Description, opened: Set<number>, leftToRight = false, most = MOST): Generator<void, Scene> {
  const { nodes } = description;
  const { parent, kind } = nodes;
  const count = parent.length;
  const children = new Map<number, number[]>([[-1, []]]);
  parent.forEach((p, row) => (children.get(p) ?? children.set(p, []).get(p)!).push(row));
  const isOpen = (row: number) => opened.has(row) && children.has(row);
  const shown: boolean[] = [];
  const depth: number[] = [];
  parent.forEach((p) => {
    shown.push(p === -1 || (shown[p] && isOpen(p)));
    depth.push(p === -1 ? 0 : depth[p] + 1);
  });
  const containers = [-1];
  for (let row = 0; row < count; row++) if (shown[row] && isOpen(row)) containers.push(row);
  const number = new Map(containers.map((c, i) => [c, i]));
  // Keys below -1 stand for the places where lines enter and leave a group, and for rows left out.
  const entersOf = (c: number) => -2 - 3 * number.get(c)!;
  const leavesOf = (c: number) => -3 - 3 * number.get(c)!;
  const leftOut = new Map<number, number>();
  const howMany = new Map<number, number>();
  containers.forEach((c, i) => {
    const members = children.get(c)!;
    if (members.length <= most) return;
    const hidden = members.slice(Math.floor((most * 3) / 4), members.length - Math.floor(most / 4));
    for (const row of hidden) leftOut.set(row, -4 - 3 * i);
    howMany.set(-4 - 3 * i, hidden.length);
  });
  const keyOf = (row: number) => leftOut.get(row) ?? row;
  const isPort = (key: number) =>
    key >= 0 ? kind[key] === KINDS.input && parent[key] >= 0 : (-key - 2) % 3 !== 2;

  // What leads where, cut where it crosses the edge of an open group.
  const pieces = new Map<number, Map<string, Piece>>(containers.map((c) => [c, new Map()]));
  const add = (c: number, from: number, to: number, enters: number, leaves: number) => {
    const key = `${from} ${to} ${enters} ${leaves}`;
    const found = pieces.get(c)!;
    if (!found.has(key)) found.set(key, { from, to, enters, leaves });
  };
  const chains = new Map<number, number[]>();
  const chain = (row: number) => {
    let found = chains.get(row);
    if (!found) {
      found = [];
      for (let r = row; r >= 0; r = parent[r]) if (shown[r]) found.push(r);
      chains.set(row, found.reverse());
    }
    return found;
  };
  const divide = (i: number): void => {
    const source = description.edges.source[i];
    const a = chain(source), b = chain(description.edges.target[i]);
    let common = 0;
    while (common < Math.min(a.length, b.length) && a[common] === b[common]) common++;
    if (common === a.length || common === b.length) return;
    const from = keyOf(a[common]), to = keyOf(b[common]);
    if (from === to) return;
    const last = b[b.length - 1];
    const port = isPort(last) ? last : null;
    const into = (at: number) => (at + 1 === b.length ? 0 : port !== null && at + 2 === b.length ? port : entersOf(b[at]));
    const out = (at: number) => (at + 1 === a.length ? 0 : leavesOf(a[at]));
    add(common ? a[common - 1] : -1, from, to, into(common), out(common));
    for (let d = common + 1; d < a.length; d++) add(a[d - 1], keyOf(a[d]), leavesOf(a[d - 1]), 0, out(d));
    for (let d = common + 1; d < b.length && b[d] !== port; d++) add(b[d - 1], entersOf(b[d - 1]), keyOf(b[d]), into(d), 0);
  };
  for (let i = 0; i < description.edges.source.length; i++) {
    divide(i);
    if (i % REST === REST - 1) yield;
  }

  const boxes = new Map<number, Box>();
  for (let row = 0; row < count; row++) {
    if (shown[row] && !leftOut.has(row)) boxes.set(row, boxOf(description, row, depth[row], isOpen(row), children.has(row)));
  }
  for (const [key, hidden] of howMany) {
    const title = `… ${hidden.toLocaleString("en")} more …`;
    boxes.set(key, { row: -1, x: 0, y: 0, width: textWidth(title) + 24, height: 26, kind: KINDS.layer, open: false,
      opens: false, title, subtitle: "", family: "other", state: 0, depth: 0, frozen: false });
  }

  const ports = new Map<number, number>();
  const inside = new Map<number, { layout: Layout; keys: number[] }>();
  for (const c of [...containers].reverse()) {
    yield;
    const own = [...pieces.get(c)!.values()];
    const used = new Set(own.flatMap((p) => [p.from, p.to]));
    const keySet = new Set<number>();
    if (c >= 0 && used.has(entersOf(c))) keySet.add(entersOf(c));
    for (const row of children.get(c)!) if (!isPort(row) || used.has(row)) keySet.add(keyOf(row));
    if (c >= 0 && used.has(leavesOf(c))) keySet.add(leavesOf(c));
    const keys = [...keySet];
    const at = new Map(keys.map((key, i) => [key, i]));
    const widths = keys.map((key) => (isPort(key) ? 0 : boxes.get(key)!.width));
    const heights = keys.map((key) => (isPort(key) ? 0 : boxes.get(key)!.height));
    const edges = own.map((p): Point => [at.get(p.from)!, at.get(p.to)!]);
    const offsets = own.map((p): Point => [ports.get(p.leaves) ?? 0, ports.get(p.enters) ?? 0]);
    let layout = leftToRight ? layered(heights, widths, edges, offsets) : layered(widths, heights, edges, offsets);
    if (leftToRight) {
      layout = { x: layout.y, y: layout.x, width: layout.height, height: layout.width,
        paths: layout.paths.map((path) => path.map(([x, y]): Point => [y, x])) };
    }
    inside.set(c, { layout, keys });
    if (c === -1) continue;
    const box = boxes.get(c)!;
    const heading = Math.max(textWidth(box.title, 12.5) + textWidth(box.subtitle, 11) + 60, 120);
    box.width = Math.max(layout.width + 2 * PAD, heading);
    box.height = layout.height + TITLE + PAD;
    const side = (box.width - layout.width) / 2;
    keys.forEach((key, i) => {
      if (isPort(key)) {
        ports.set(key, leftToRight ? TITLE + layout.y[i] - box.height / 2 : side + layout.x[i] - box.width / 2);
      }
    });
  }

  const whole: Scene = { width: inside.get(-1)!.layout.width, height: inside.get(-1)!.layout.height, boxes: [], lines: [] };
  for (const c of containers) {
    yield;
    const { layout, keys } = inside.get(c)!;
    const around = c >= 0 ? boxes.get(c)! : null;
    const left = around ? around.x + (around.width - layout.width) / 2 : 0;
    const top = around ? around.y + TITLE : 0;
    keys.forEach((key, i) => {
      if (isPort(key)) return;
      const box = boxes.get(key)!;
      box.x = left + layout.x[i];
      box.y = top + layout.y[i];
      whole.boxes.push(box);
    });
    [...pieces.get(c)!.values()].forEach(({ from, to }, i) => {
      const points = layout.paths[i].map(([x, y]): Point => [left + x, top + y]);
      if (around) {
        const [x, y] = points[0], [u, v] = points[points.length - 1];
        if (isPort(from)) points.unshift(leftToRight ? [around.x, y] : [x, around.y]);
        if (isPort(to)) points.push(leftToRight ? [around.x + around.width, v] : [u, around.y + around.height]);
      }
      const arrow = !isPort(to) && !(to >= 0 && isOpen(to));
      whole.lines.push({ points, source: Math.max(from, -1), target: Math.max(to, -1), arrow });
    });
  }
  return whole;
}

function boxOf(d: Description, row: number, depth: number, open: boolean, opens: boolean): Box {
  const { nodes, strings, tensors } = d;
  const kind = nodes.kind[row], title = strings[nodes.class[row]];
  let name = cut(strings[nodes.name[row]]);
  const params = nodes.params[row] ?? 0, calls = nodes.calls[row] ?? 0;
  const own = kind === KINDS.output ? nodes.inputs[row] : nodes.outputs[row];
  const shape = own.slice(0, 2).map((t) => shapeText(tensors[t].slice(1))).join(", ") + (own.length > 2 ? ", …" : "");
  let facts = [cut(title, 30), shape, params ? numberText(params) : ""];
  if (kind === KINDS.input || kind === KINDS.output) facts = [shape];
  else if (kind === KINDS.op) [name, facts] = [cut(title, 24), []];
  else if (kind >= KINDS.repeat && name === cut(title)) facts = facts.slice(1);
  if (kind === KINDS.repeat) name += ` × ${nodes.count[row]}`;
  else if (calls > 1) name += ` ×${calls} calls`;
  const subtitle = facts.filter(Boolean).join(" · ");
  const what = kind === KINDS.input || kind === KINDS.output ? "io" : kind >= KINDS.group ? "group" : family(title);
  return {
    row, x: 0, y: 0, width: Math.max(Math.max(textWidth(name, 12.5), textWidth(subtitle, 11)) + 32, 64),
    height: subtitle ? 42 : 26, kind, open, opens, title: name, subtitle, family: what, state: nodes.state[row] ?? 0,
    depth, frozen: params > 0 && (nodes.trainable_params[row] ?? 0) === 0,
  };
}

/** The corners of a line as an SVG path, corners rounded and slanted parts bent: path() of kernelkit/diagram/svg.py. */
export function pathOf(points: Point[], radius = 7): string {
  const near = (a: number, b: number) => Math.abs(a - b) <= 0.05;
  const simple = points.filter((p, i) => i === 0 || !near(p[0], points[i - 1][0]) || !near(p[1], points[i - 1][1]));
  const n = (value: number) => String(Math.round(value * 10) / 10);
  let d = `M${n(simple[0][0])} ${n(simple[0][1])}`;
  for (let i = 1; i < simple.length; i++) {
    const [x, y] = simple[i - 1], [u, v] = simple[i];
    const vertical = near(x, u), flat = near(y, v);
    if (vertical || flat) {
      const next = simple[i + 1];
      const turns = next && (vertical ? near(next[1], v) : near(next[0], u));
      if (!turns) {
        d += vertical ? `V${n(v)}` : `H${n(u)}`;
        continue;
      }
      const before = Math.max(Math.abs(u - x), Math.abs(v - y)), after = Math.max(Math.abs(next[0] - u), Math.abs(next[1] - v));
      const r = Math.min(radius, before / 2, after / 2);
      if (vertical) d += `V${n(v - Math.sign(v - y) * r)}Q${n(u)} ${n(v)} ${n(u + Math.sign(next[0] - u) * r)} ${n(v)}`;
      else d += `H${n(u - Math.sign(u - x) * r)}Q${n(u)} ${n(v)} ${n(u)} ${n(v + Math.sign(next[1] - v) * r)}`;
    } else if (Math.abs(v - y) >= Math.abs(u - x) * 0.4) {
      const m = n((y + v) / 2);
      d += `C${n(x)} ${m} ${n(u)} ${m} ${n(u)} ${n(v)}`;
    } else {
      const m = n((x + u) / 2);
      d += `C${m} ${n(y)} ${m} ${n(v)} ${n(u)} ${n(v)}`;
    }
  }
  return d;
}
