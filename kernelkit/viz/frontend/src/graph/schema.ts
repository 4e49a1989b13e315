// The description of a model, kernelkit.graph version 1 (docs/graph.md), and a check: it may come from anybody.

export const KINDS = { input: 0, layer: 1, op: 2, output: 3, group: 4, repeat: 5, block: 6 } as const;
export const STATES = { ok: 0, failed: 1, unreached: 2 } as const;

type Maybe = (number | null)[];

export interface Nodes {
  name: number[]; class: number[]; activation: Maybe; config: Maybe;
  params: Maybe; trainable_params: Maybe; weight_bytes: Maybe; output_bytes: Maybe; flops: Maybe; calls: Maybe;
  count: Maybe; kind: number[]; state: number[]; trainable: Maybe; inputs: number[][]; outputs: number[][];
  parent: number[];
}

export interface Description {
  schema: string; version: number; model: number; class: number;
  strings: string[];
  tensors: (number | null)[][];
  nodes: Nodes;
  edges: { source: number[]; output: number[]; target: number[]; input: number[]; call: number[]; tensor: number[] };
  totals: Record<string, number | null>;
  error: { message: string; layer: string; in: string; shapes: (number | null)[][]; node: number } | null;
  note: string;
}

export const LIMITS = { nodes: 20_000, edges: 60_000, text: 4_096, depth: 64, tensors: 60_000, dims: 32 };

const TEXTS = ["name", "class", "activation", "config"];
const NEEDED = new Set(["name", "class", "kind", "state"]);
const COUNTS = ["params", "trainable_params", "weight_bytes", "output_bytes", "flops", "calls", "count"];
const CODES: Record<string, number> = { kind: 7, state: 3, trainable: 2 };
const EDGES = ["source", "output", "target", "input", "call", "tensor"];

/** Return a description as it is if its form is right; throw an Error that says what is wrong. */
export function check(value: any): Description {
  need(typeof value === "object" && value !== null && value.schema === "kernelkit.graph", "it is not a kernelkit.graph");
  need(value.version === 1, "its version is not 1");
  const { strings, tensors, nodes, edges, totals } = value;
  need(Array.isArray(strings) && strings.length <= LIMITS.nodes * 4, "strings are missing or too many");
  for (const text of strings) need(typeof text === "string" && text.length <= LIMITS.text, "a text is too long");
  need(Array.isArray(tensors) && tensors.length <= LIMITS.tensors, "tensors are missing or too many");
  for (const tensor of tensors) {
    need(Array.isArray(tensor) && tensor.length > 0 && tensor.length <= LIMITS.dims && index(tensor[0], strings.length),
      "a tensor is damaged");
    for (let i = 1; i < tensor.length; i++) need(tensor[i] === null || whole(tensor[i]), "a size is not a whole number");
  }
  need(index(value.model, strings.length) && index(value.class, strings.length), "the model has no name");
  need(typeof nodes === "object" && nodes !== null && Array.isArray(nodes.name), "there are no nodes");
  const count = nodes.name.length;
  need(count <= LIMITS.nodes, `there are ${count} nodes, at most ${LIMITS.nodes} are shown`);
  const column = (table: any, name: string, length: number): any[] => {
    need(Array.isArray(table[name]) && table[name].length === length, `the column ${name} is missing or too short`);
    return table[name];
  };
  const every = (name: string, good: (x: any) => boolean) => {
    for (const x of column(nodes, name, count)) {
      need((x === null && !NEEDED.has(name)) || good(x), `the column ${name} is damaged`);
    }
  };
  for (const name of TEXTS) every(name, (x) => index(x, strings.length));
  for (const name of COUNTS) every(name, whole);
  for (const [name, codes] of Object.entries(CODES)) every(name, (x) => index(x, codes));
  for (const name of ["inputs", "outputs"]) {
    every(name, (x) => Array.isArray(x) && x.length <= LIMITS.text && x.every((t) => index(t, tensors.length)));
  }
  const depth: number[] = [];
  column(nodes, "parent", count).forEach((parent, i) => {
    need(parent === -1 || index(parent, i), "a parent comes after its child");
    depth.push(parent === -1 ? 0 : depth[parent] + 1);
    need(depth[i] <= LIMITS.depth, "groups are nested too deep");
  });
  need(typeof edges === "object" && edges !== null && Array.isArray(edges.source), "there are no edges");
  const length = edges.source.length;
  need(length <= LIMITS.edges, `there are ${length} edges, at most ${LIMITS.edges} are shown`);
  const limits: Record<string, number> = { source: count, target: count, tensor: tensors.length };
  for (const name of EDGES) {
    for (const x of column(edges, name, length)) need(index(x, limits[name] ?? 2 ** 31), `edges.${name} is damaged`);
  }
  need(typeof totals === "object" && totals !== null, "there are no totals");
  for (const total of Object.values(totals)) need(total === null || whole(total), "a total is not a whole number");
  need(value.note === undefined || typeof value.note === "string", "the note is not a text");
  const error = value.error ?? null;
  if (error !== null) {
    need(typeof error === "object" && [error.message, error.layer, error.in].every((t) => typeof t === "string"),
      "the error is damaged");
    need(Array.isArray(error.shapes) && error.shapes.length < 1000 && error.shapes.every(Array.isArray), "the error is damaged");
  }
  return value;
}

function need(condition: boolean, text: string): void {
  if (!condition) throw new Error(`This model cannot be shown: ${text}.`);
}

function whole(x: any): boolean {
  return Number.isInteger(x) && x >= 0;
}

function index(x: any, limit: number): boolean {
  return Number.isInteger(x) && x >= 0 && x < limit;
}
