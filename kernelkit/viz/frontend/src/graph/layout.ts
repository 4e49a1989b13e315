// A layered layout: kernelkit/diagram/layered.py, line by line; tests/diagram/layouts.json holds both to the same numbers.

export type Point = [number, number];

export interface Layout {
  x: number[];
  y: number[];
  width: number;
  height: number;
  paths: Point[][];
}

const GAP = 18;
const ROW_GAP = 26;
const LANE_GAP = 9;
const LONGEST = 3;
const MOST_LANES = 60;
const SWEEPS = 4;

/** Lay boxes out from top to bottom; `ports` say how far right of the middle of its boxes each line begins and ends. */
export function layered(widths: number[], heights: number[], edges: Point[], ports?: Point[]): Layout {
  const count = widths.length;
  const rank = ranks(count, edges);
  const size = [...widths];
  const rowOf = [...rank];
  const links: Point[] = [];
  const chains: (number[] | null)[] = [];
  const seen = new Map<number, number[]>();
  for (const [a, b] of edges) {
    const [top, bottom] = rank[a] <= rank[b] ? [a, b] : [b, a];
    if (rank[bottom] - rank[top] > LONGEST || rank[a] === rank[b]) {
      chains.push(null);
      continue;
    }
    const key = top * count + bottom;
    let chain = seen.get(key);
    if (!chain) {
      chain = [top];
      for (let row = rank[top] + 1; row < rank[bottom]; row++) {
        chain.push(size.length);
        size.push(0);
        rowOf.push(row);
      }
      chain.push(bottom);
      for (let i = 1; i < chain.length; i++) links.push([chain[i - 1], chain[i]]);
      seen.set(key, chain);
    }
    chains.push(top === a ? chain : [...chain].reverse());
  }
  const rows = order(rowOf, links);
  let middle = place(rows, size, links, count);
  const left = least(size.map((s, i) => middle[i] - s / 2), 0);
  middle = middle.map((m) => m - left);
  const width = most(size.map((s, i) => middle[i] + s / 2), 0);
  const tallest = rows.map((row) => most(row.filter((i) => i < count).map((i) => heights[i]), 0));
  const tops: number[] = [];
  let at = 0;
  for (const tall of tallest) {
    tops.push(at);
    at += tall + ROW_GAP;
  }
  const x = widths.map((w, i) => middle[i] - w / 2);
  const y = heights.map((h, i) => tops[rank[i]] + (tallest[rank[i]] - h) / 2);
  const found: Layout = { x, y, width, height: Math.max(0, at - ROW_GAP), paths: [] };
  const lastOfRow = rows.map((row) => most(row.filter((i) => i < count).map((i) => x[i] + widths[i]), 0));
  const [lanes, used] = laneOf(rank, edges, chains);

  const toLane = (box: number, lane: number, port: number, leaves: boolean): Point[] => {
    const right = x[box] + widths[box];
    if (right >= lastOfRow[rank[box]] && heights[box] > 0) {
      const level = y[box] + heights[box] * (leaves ? 0.62 : 0.38);
      return [[right, level], [lane, level]];
    }
    const row = rank[box];
    const level = leaves ? tops[row] + tallest[row] + ROW_GAP * 0.3 : tops[row] - ROW_GAP * 0.3;
    return [[middle[box] + port, leaves ? y[box] + heights[box] : y[box]], [middle[box] + port, level], [lane, level]];
  };

  edges.forEach(([a, b], number) => {
    const [start, end] = ports ? ports[number] : [0, 0];
    const path: Point[] = [];
    const chain = chains[number];
    if (chain) {
      const down = rank[a] < rank[b];
      path.push([middle[a] + start, down ? y[a] + heights[a] : y[a]]);
      for (const i of chain.slice(1, -1)) path.push([middle[i], tops[rowOf[i]] + tallest[rowOf[i]] / 2]);
      path.push([middle[b] + end, down ? y[b] : y[b] + heights[b]]);
    } else {
      const lane = width + LANE_GAP * (lanes.get(number)! + 1);
      path.push(...toLane(a, lane, start, true), ...toLane(b, lane, end, false).reverse());
    }
    found.paths.push(path);
  });
  found.width = used ? width + LANE_GAP * (used + 1) : width;
  return found;
}

/** The row of each node: the longest way from a node that nothing leads to. */
export function ranks(count: number, edges: Point[]): number[] {
  const following: number[][] = Array.from({ length: count }, () => []);
  const missing = new Array<number>(count).fill(0);
  for (const [a, b] of edges) {
    if (a === b) continue;
    following[a].push(b);
    missing[b]++;
  }
  const begins = missing.map((m) => m === 0);
  const rank = new Array<number>(count).fill(0);
  const done = new Array<boolean>(count).fill(false);
  const ready: number[] = [];
  for (let i = 0; i < count; i++) if (begins[i]) ready.push(i);
  for (let at = 0, first = 0; ; ) {
    if (at === ready.length) {
      while (first < count && done[first]) first++;
      if (first === count) break;
      ready.push(first); // in a cycle
    }
    const node = ready[at++];
    if (done[node]) continue;
    done[node] = true;
    for (const other of following[node]) {
      if (done[other]) continue;
      rank[other] = Math.max(rank[other], rank[node] + 1);
      if (--missing[other] === 0) ready.push(other);
    }
  }
  for (let node = 0; node < count; node++) {
    if (begins[node] && following[node].length) {
      rank[node] = Math.max(0, least(following[node].map((o) => rank[o]), 0) - 1);
    }
  }
  return rank;
}

function neighbours(count: number, links: Point[]): [number[][], number[][]] {
  const above: number[][] = Array.from({ length: count }, () => []);
  const below: number[][] = Array.from({ length: count }, () => []);
  for (const [a, b] of links) {
    below[a].push(b);
    above[b].push(a);
  }
  return [above, below];
}

function order(rowOf: number[], links: Point[]): number[][] {
  const rows: number[][] = Array.from({ length: most(rowOf, -1) + 1 }, () => []);
  rowOf.forEach((row, node) => rows[row].push(node));
  if (rows.every((row) => row.length <= 1)) return rows;
  const [above, below] = neighbours(rowOf.length, links);
  const at = new Array<number>(rowOf.length).fill(0);
  for (const row of rows) row.forEach((node, i) => (at[node] = i));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    const near = down ? above : below;
    for (let r = 0; r < rows.length; r++) {
      const row = rows[down ? r : rows.length - 1 - r];
      if (row.length < 2) continue;
      const key = new Map(row.map((i) => [i, near[i].length ? sum(near[i].map((o) => at[o])) / near[i].length : at[i]]));
      row.sort((a, b) => key.get(a)! - key.get(b)!);
      row.forEach((node, i) => (at[node] = i));
    }
  }
  return rows;
}

function place(rows: number[][], size: number[], links: Point[], real: number): number[] {
  const [above, below] = neighbours(size.length, links);
  const middle = new Array<number>(size.length).fill(0);
  for (const row of rows) {
    let at = 0;
    for (const node of row) {
      middle[node] = at + size[node] / 2;
      at += size[node] + GAP;
    }
    for (const node of row) middle[node] -= (at - GAP) / 2;
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (let r = 0; r < rows.length; r++) {
      const row = rows[down ? r : rows.length - 1 - r];
      const offsets = [0];
      for (let i = 1; i < row.length; i++) offsets.push(offsets[i - 1] + (size[row[i - 1]] + size[row[i]]) / 2 + GAP);
      const wanted = row.map((node, i) => {
        const [first, second] = down ? [above[node], below[node]] : [below[node], above[node]];
        const near = first.length ? first : second;
        return (near.length ? sum(near.map((o) => middle[o])) / near.length : middle[node]) - offsets[i];
      });
      const pooled = pool(wanted, row.map((node) => (node < real ? 1 : 4)));
      row.forEach((node, i) => (middle[node] = pooled[i] + offsets[i]));
    }
  }
  return middle;
}

/** The rising sequence nearest to the values: pool adjacent violators. */
function pool(values: number[], weights: number[]): number[] {
  const pools: [number, number, number][] = [];
  values.forEach((value, i) => {
    pools.push([value, weights[i], 1]);
    while (pools.length > 1 && pools[pools.length - 2][0] > pools[pools.length - 1][0]) {
      const b = pools.pop()!, a = pools.pop()!;
      pools.push([(a[0] * a[1] + b[0] * b[1]) / (a[1] + b[1]), a[1] + b[1], a[2] + b[2]]);
    }
  });
  return pools.flatMap(([value, , length]) => new Array<number>(length).fill(value));
}

function laneOf(rank: number[], edges: Point[], chains: (number[] | null)[]): [Map<number, number>, number] {
  const spans: [number, number, number][] = [];
  edges.forEach(([a, b], number) => {
    if (!chains[number]) spans.push([-Math.min(rank[a], rank[b]), Math.max(rank[a], rank[b]), number]);
  });
  spans.sort((s, t) => s[0] - t[0] || s[1] - t[1] || s[2] - t[2]);
  const begins: number[] = [];
  const lanes = new Map<number, number>();
  for (const [begin, end, number] of spans) {
    let lane = begins.findIndex((taken) => end <= taken);
    lane = Math.min(lane < 0 ? begins.length : lane, MOST_LANES - 1);
    begins[lane] = -begin;
    lanes.set(number, lane);
  }
  return [lanes, begins.length];
}

function sum(values: number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

// Not Math.max(...values): a hundred thousand arguments overflow the stack.
function most(values: number[], otherwise: number): number {
  let found = -Infinity;
  for (const value of values) if (value > found) found = value;
  return values.length ? found : otherwise;
}

function least(values: number[], otherwise: number): number {
  return values.length ? -most(values.map((v) => -v), 0) : otherwise;
}
