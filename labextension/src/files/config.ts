// A model's configuration, as Keras saves it, to the description that all pictures read (docs/graph.md). Nothing of it is
// run; walks are loops, with limits, since a configuration may come from anybody.

import { KINDS, LIMITS, type Description } from "../../../kernelkit/viz/frontend/src/graph/schema";
import { FileError } from "./bytes";
import { heldBack, outputShape, product, weightsOf, whole, type Config, type Shape } from "./layers";
import { findRepeats, type Repeat } from "./repeats";

const MOST_VALUES = 4_000_000; // values walked through in search of tensors
const MOST_NESTED = 24;

interface Spec { shape: Shape; dtype: string }
interface Reference { name: string; tensor: number; spec: Spec | null }

export interface Item {
  kind: number; name: string; title: string; parent: number; config: Config; scope: Scope | null; calls: Reference[][];
  path: string; legacy: string; frozen: boolean; inputs: (Spec | null)[]; outputs: (Spec | null)[];
  weights: [name: string, shape: number[]][] | null; built: any;
}

interface Scope { item: number; names: Map<string, number>; inputs: Reference[]; outputs: Reference[] }
interface Edge { source: number; output: number; target: number; input: number; call: number; spec: Spec | null }

export interface Described { description: Description; items: (Item | null)[]; unknown: number }

/** Describe a model's configuration: `{class_name, config}`, as config.json or the attribute model_config hold it. */
export function describeConfig(saved: any): Described {
  if (typeof saved !== "object" || saved === null) throw new FileError("Its configuration does not describe a model.");
  const items: Item[] = [];
  const budget = { left: MOST_VALUES };
  const config: Config = object(saved.config);
  const top = layersOf(saved) ? collect(saved, items, budget) : null;
  const title = text(saved.class_name, "Model");
  if (!top) {
    items.push({ ...blank(), kind: KINDS.layer, name: text(config.name, title), title, config, built: saved.build_config });
  } else {
    top.outputs.forEach((reference, i) => {
      const label = top.outputs.length > 1 ? `output ${i + 1}` : "output";
      items.push({ ...blank(), kind: KINDS.output, name: label, title: "Output", calls: [[reference]] });
    });
  }
  const edges = connect(items, top);
  infer(items, edges);
  return new Writer(text(config.name, "model"), title, items, edges, top ? "" :
    "The file does not describe the connections of this model's layers, because its class is user code. Its weights are under Weights.").written();
}

function collect(saved: any, items: Item[], budget: { left: number }): Scope {
  const frames: { scope: Scope; layers: any[]; at: number; counts: Map<string, number>; chain: boolean; item: Item | null; depth: number; seen: Reference | null }[] = [];
  const open = (model: any, index: number, depth: number): Scope => {
    const layers = layersOf(model)!;
    const scope: Scope = { item: index, names: new Map(), inputs: [], outputs: [] };
    const inner = object(model.config);
    if (!isChain(model)) {
      scope.inputs = flat(inner.input_layers, budget);
      scope.outputs = flat(inner.output_layers, budget);
    }
    frames.push({ scope, layers, at: 0, counts: new Map(), chain: isChain(model), item: items[index] ?? null, depth, seen: null });
    return scope;
  };
  const top = open(saved, -1, 0);
  while (frames.length) {
    const frame = frames[frames.length - 1];
    if (frame.at >= frame.layers.length) {
      if (frame.chain && frame.seen) frame.scope.outputs = [frame.seen];
      frames.pop();
      continue;
    }
    const layer = object(frame.layers[frame.at++]);
    if (items.length >= LIMITS.nodes) {
      throw new FileError(`The model has more than ${LIMITS.nodes.toLocaleString("en")} layers: too many for a picture.`);
    }
    const config: Config = object(layer.config);
    const title = text(layer.class_name, "Layer");
    const name = text(layer.name ?? config.name, title.toLowerCase());
    const op = typeof layer.module === "string" && /(^|\.)ops(\.|$)/.test(layer.module);
    const above = frame.item;
    let path = "", legacy = "";
    if (!op) {
      const snake = snakeCase(title);
      const count = frame.counts.get(snake) ?? 0;
      frame.counts.set(snake, count + 1);
      path = `${above ? above.path : ""}/layers/${snake}${count ? `_${count}` : ""}`;
      legacy = `${above ? above.legacy : "/model_weights"}/${name}`;
    }
    const group = layersOf(layer) !== null && frame.depth < MOST_NESTED;
    const item: Item = {
      ...blank(), name, title, config, path, legacy, parent: frame.scope.item, built: layer.build_config,
      kind: title === "InputLayer" ? KINDS.input : group ? KINDS.group : op ? KINDS.op : KINDS.layer,
      frozen: config.trainable === false || (above?.frozen ?? false),
    };
    const index = items.push(item) - 1;
    if (frame.chain) {
      if (frame.seen) item.calls = [[frame.seen]];
      else {
        frame.scope.inputs = [{ name, tensor: 0, spec: null }];
        if (frame.scope.item < 0 && title !== "InputLayer") item.built ??= { input_shape: config.batch_input_shape ?? config.batch_shape };
      }
      frame.seen = { name, tensor: 0, spec: null };
    } else if (Array.isArray(layer.inbound_nodes)) {
      item.calls = layer.inbound_nodes.slice(0, 10_000).map((node: any) => inbound(node, budget)).filter((refs: Reference[]) => refs.length);
    }
    frame.scope.names.set(name, index);
    if (group) item.scope = open(layer, index, frame.depth + 1);
  }
  return top;
}

function blank(): Item {
  return { kind: KINDS.layer, name: "", title: "", parent: -1, config: {}, scope: null, calls: [], path: "", legacy: "", frozen: false,
    inputs: [], outputs: [], weights: null, built: null };
}

/** Turn calls into edges from leaf to leaf. */
function connect(items: Item[], top: Scope | null): Edge[] {
  const edges: Edge[] = [];
  const scopes = new Map<number, Scope>();
  if (top) scopes.set(-1, top);
  items.forEach((item, i) => { if (item.scope) scopes.set(i, item.scope); });
  const leave = (scope: Scope, reference: Reference): [number, number] | null => {
    let { name, tensor } = reference;
    for (let depth = 0; depth <= MOST_NESTED; depth++) {
      const at = scope.names.get(name);
      if (at === undefined) return null;
      const inner = items[at].scope;
      if (!inner) return [at, tensor];
      const next = inner.outputs[tensor];
      if (!next) return null;
      [scope, name, tensor] = [inner, next.name, next.tensor];
    }
    return null;
  };
  const enter = (index: number, input: number): [number, number] | null => {
    for (let depth = 0; depth <= MOST_NESTED; depth++) {
      const inner = items[index].scope;
      if (!inner) return [index, input];
      const next = inner.inputs[input];
      const at = next ? inner.names.get(next.name) : undefined;
      if (at === undefined) return null;
      [index, input] = [at, 0];
    }
    return null;
  };
  items.forEach((item, index) => {
    const scope = scopes.get(item.parent);
    if (!scope) return;
    item.calls.forEach((references, call) => references.forEach((reference, i) => {
      const from = leave(scope, reference), to = enter(index, i);
      if (!from || !to || edges.length >= LIMITS.edges) return;
      edges.push({ source: from[0], output: from[1], target: to[0], input: to[1], call, spec: reference.spec });
    }));
  });
  return edges;
}

/** Fill in shapes: as said, else as told by the layer's arguments. */
function infer(items: Item[], edges: Edge[]): void {
  const into: Edge[][] = items.map(() => []);
  for (const edge of edges) {
    if (edge.call === 0) into[edge.target].push(edge);
    const { outputs } = items[edge.source];
    if (edge.spec && edge.output < 64) outputs[edge.output] ??= edge.spec;
  }
  items.forEach((item, index) => {
    const { config } = item;
    const dtype = dtypeOf(config);
    for (const edge of into[index]) if (edge.input < 64) item.inputs[edge.input] = edge.spec ?? items[edge.source].outputs[edge.output] ?? null;
    if (!item.inputs.some(Boolean)) item.inputs = shapesIn(item.built?.input_shape ?? item.built?.shapes_dict).map((shape) => ({ shape, dtype }));
    const inputs = item.inputs.flatMap((spec) => (spec ? [spec.shape] : []));
    if (item.kind === KINDS.input) {
      const shape = shapesIn(config.batch_shape ?? config.batch_input_shape)[0];
      if (shape) item.outputs[0] ??= { shape, dtype: text(config.dtype, "float32") };
    } else if (item.kind === KINDS.layer || item.kind === KINDS.op) {
      const shape = outputShape(item.title, config, inputs);
      if (shape && shape.length <= 30) item.outputs[0] ??= { shape, dtype };
      item.weights = item.kind === KINDS.op ? [] : weightsOf(item.title, config, inputs[0]);
    } else if (item.kind === KINDS.output) item.outputs = [...item.inputs];
  });
  for (let index = items.length - 1; index >= 0; index--) { // from the innermost out
    const { scope } = items[index];
    if (!scope) continue;
    const find = (r: Reference) => items[scope.names.get(r.name) ?? -1]?.outputs[r.tensor] ?? null;
    items[index].inputs = scope.inputs.slice(0, 64).map(find);
    items[index].outputs = scope.outputs.slice(0, 64).map(find);
  }
}

class Writer {
  private strings = new Map<string, number>();
  private tensors = new Map<string, { index: number; row: (number | null)[] }>();
  private rows: any[] = [];
  private items: (Item | null)[] = [];
  private place: number[] = [];

  constructor(private name: string, private title: string, private all: Item[], private edges: Edge[], private note: string) {}

  written(): Described {
    const children = new Map<number, number[]>();
    this.all.forEach((item, i) => (children.get(item.parent) ?? children.set(item.parent, []).get(item.parent)!).push(i));
    const runs = this.runs(children);
    type Waiting = { item?: number; run?: Repeat; members: number[]; parent: number; number?: number };
    const divided = (members: number[], found: Repeat[], parent: number): Waiting[] => {
      const begins = new Map(found.map((run) => [run.start, run]));
      const parts: Waiting[] = [];
      for (let at = 0; at < members.length;) {
        const run = begins.get(at);
        parts.push(run ? { run, members, parent } : { item: members[at], members, parent });
        at += run ? run.length * run.count : 1;
      }
      return parts.reverse();
    };
    const stack = divided(children.get(-1) ?? [], runs.get(-1) ?? [], -1);
    for (let next = stack.pop(); next; next = stack.pop()) {
      if (next.item !== undefined) {
        const row = (this.place[next.item] = this.write(this.all[next.item], next.parent));
        for (const part of divided(children.get(next.item) ?? [], runs.get(next.item) ?? [], row)) stack.push(part);
        continue;
      }
      const { run, members, parent, number } = next;
      const inside = members.slice(run!.start, run!.start + run!.length);
      const titles = [...new Set(inside.map((i) => this.all[i].title))];
      const title = titles.slice(0, 3).join(" + ") + (titles.length > 3 ? " + …" : "");
      const block = run!.length === 1 ? this.all[members[run!.start]].title : "block";
      if (number !== undefined) {
        const row = this.group(KINDS.block, `${block} ${number}`, title, 1, parent);
        for (const part of divided(inside, [], row)) stack.push(part);
        continue;
      }
      const row = this.group(KINDS.repeat, block, title, run!.count, parent);
      if (run!.length === 1) {
        for (const part of divided(members.slice(run!.start, run!.start + run!.count), [], row)) stack.push(part);
      } else {
        for (let n = run!.count; n >= 1; n--) {
          stack.push({ run: { start: run!.start + (n - 1) * run!.length, length: run!.length, count: 1 }, members, parent: row, number: n });
        }
      }
    }
    return { description: this.description(), items: this.items, unknown: this.all.filter((i) => i.kind === KINDS.layer && !i.weights).length };
  }

  /** The runs of equal blocks among the children of each group. */
  private runs(children: Map<number, number[]>): Map<number, Repeat[]> {
    const at = new Map<number, number>();
    for (const members of children.values()) members.forEach((index, place) => at.set(index, place));
    const offsets: string[][] = this.all.map(() => []);
    for (const { source, target, input } of this.edges) {
      if (this.all[source].parent === this.all[target].parent) offsets[target].push(`${at.get(target)! - at.get(source)!}.${input}`);
    }
    const numbers = new Map<string, number>();
    const numberOf = (key: string) => numbers.get(key) ?? numbers.set(key, numbers.size).get(key)!;
    const looks: number[] = [];
    const found = new Map<number, Repeat[]>();
    for (const parent of [...children.keys()].sort((a, b) => b - a)) {
      const members = children.get(parent)!;
      for (const index of members) {
        const item = this.all[index];
        const alone = parent === -1 && (item.kind === KINDS.input || item.kind === KINDS.output) ? index : -1;
        const inside = (children.get(index) ?? []).map((i) => looks[i]);
        looks[index] = numberOf(JSON.stringify([item.kind, item.title, argumentsOf(item.config), item.outputs.map((o) => o?.shape ?? null), alone, inside]));
      }
      found.set(parent, findRepeats(members.map((i) => numberOf(`${looks[i]} ${[...new Set(offsets[i])].sort()}`))));
    }
    return found;
  }

  private write(item: Item, parent: number): number {
    const { config } = item;
    const weights = item.weights ?? [];
    const params = weights.reduce((sum, [, shape]) => sum + (product(shape) ?? 0), 0);
    const trained = item.frozen ? 0 : params - heldBack(item.title, weights);
    const known = item.weights !== null || item.kind !== KINDS.layer;
    const activation = typeof config.activation === "string" ? config.activation : text(config.activation?.class_name ?? config.activation?.config, "");
    this.items.push(item);
    return this.rows.push({
      name: this.text(item.name), class: this.text(item.title), kind: item.kind, parent, state: 0, calls: Math.max(1, item.calls.length),
      inputs: item.inputs.map((s) => this.tensor(s)), outputs: item.outputs.map((s) => this.tensor(s)),
      params: known && Number.isSafeInteger(params) ? params : null, trainable_params: known && Number.isSafeInteger(trained) ? trained : null,
      weight_bytes: known ? params * widthOf(dtypeOf(config, true)) : null, output_bytes: null, flops: null, count: null,
      trainable: item.kind === KINDS.layer || item.kind === KINDS.group ? (item.frozen ? 0 : 1) : null,
      activation: activation && item.kind === KINDS.layer ? this.text(activation) : null,
      config: item.kind === KINDS.layer || item.kind === KINDS.op ? this.text(argumentsOf(config)) : null,
    }) - 1;
  }

  private group(kind: number, name: string, title: string, count: number, parent: number): number {
    this.items.push(null);
    return this.rows.push({ name: this.text(name), class: this.text(title), kind, parent, state: 0, calls: 0, inputs: [], outputs: [], params: 0,
      trainable_params: 0, weight_bytes: 0, output_bytes: null, flops: null, count, trainable: null, activation: null, config: null }) - 1;
  }

  private description(): Description {
    for (let row = this.rows.length - 1; row >= 0; row--) {
      const above = this.rows[this.rows[row].parent];
      if (above) for (const name of ["params", "trainable_params", "weight_bytes"]) above[name] = (above[name] ?? 0) + (this.rows[row][name] ?? 0);
    }
    const sum = (name: string) => this.rows.reduce((all, row) => all + (row.parent < 0 ? row[name] ?? 0 : 0), 0);
    const columns: any = {};
    const names = ["name", "class", "activation", "config", "params", "trainable_params", "weight_bytes", "output_bytes", "flops", "calls", "count",
      "kind", "state", "trainable", "inputs", "outputs", "parent"];
    for (const name of names) columns[name] = this.rows.map((row) => row[name]);
    const edges: any = { source: [], output: [], target: [], input: [], call: [], tensor: [] };
    for (const edge of this.edges) {
      edges.source.push(this.place[edge.source]);
      edges.target.push(this.place[edge.target]);
      edges.output.push(edge.output);
      edges.input.push(edge.input);
      edges.call.push(edge.call);
      edges.tensor.push(this.tensor(edge.spec ?? this.all[edge.source].outputs[edge.output] ?? null));
    }
    const params = sum("params"), trained = sum("trainable_params");
    const [model, title] = [this.text(this.name), this.text(this.title)];
    return {
      schema: "kernelkit.graph", version: 1, model, class: title, strings: [...this.strings.keys()],
      tensors: [...this.tensors.values()].map(({ row }) => row), nodes: columns, edges,
      totals: { params, trainable_params: trained, frozen_params: params - trained, optimizer_params: 0, weight_bytes: sum("weight_bytes"), flops: null },
      error: null, note: this.note,
    };
  }

  private text(value: string): number {
    const cut = value.length <= LIMITS.text ? value : value.slice(0, LIMITS.text - 1) + "…";
    return this.strings.get(cut) ?? this.strings.set(cut, this.strings.size).get(cut)!;
  }

  private tensor(spec: Spec | null): number {
    const { shape, dtype } = spec ?? { shape: [null, null], dtype: "?" };
    const key = `${dtype} ${shape}`;
    let found = this.tensors.get(key);
    if (!found) this.tensors.set(key, (found = { index: this.tensors.size, row: [this.text(dtype), ...shape] }));
    return found.index;
  }
}

// Reading -----------------------------------------------------------------------------------------------------------

function layersOf(saved: any): any[] | null {
  const config = saved?.config;
  if (saved?.class_name === "Sequential" && Array.isArray(config)) return config; // Keras 1
  return Array.isArray(config?.layers) && (isChain(saved) || config.output_layers !== undefined) ? config.layers : null;
}

function isChain(saved: any): boolean {
  return saved?.config?.output_layers === undefined && (saved?.class_name === "Sequential" || saved?.config?.build_input_shape !== undefined);
}

/** The tensors that a call is given, wherever they stand among its arguments. */
function inbound(node: any, budget: { left: number }): Reference[] {
  if (Array.isArray(node)) return node.filter((r) => Array.isArray(r) && typeof r[0] === "string").map((r) => ({ name: r[0], tensor: whole(r[2]) ? r[2] : 0, spec: null })); // Keras 2
  const found: Reference[] = [];
  const stack: any[] = [node?.kwargs, node?.args];
  while (stack.length) {
    if (--budget.left < 0) throw new FileError("The configuration is too large.");
    const value = stack.pop();
    if (typeof value !== "object" || value === null) continue;
    if (value.class_name === "__keras_tensor__") {
      const [name, , tensor] = Array.isArray(value.config?.keras_history) ? value.config.keras_history : [];
      const shape = shapesIn(value.config?.shape)[0];
      if (typeof name === "string") {
        found.push({ name, tensor: whole(tensor) ? tensor : 0, spec: shape ? { shape, dtype: text(value.config.dtype, "float32") } : null });
      }
      continue;
    }
    const inner = Array.isArray(value) ? value : Object.values(value);
    for (let i = inner.length - 1; i >= 0; i--) stack.push(inner[i]);
  }
  return found;
}

/** `["a", 0, 0]`, a list of such or a dict of such as references. */
function flat(value: any, budget: { left: number }): Reference[] {
  const found: Reference[] = [];
  const stack: any[] = [value];
  while (stack.length) {
    if (--budget.left < 0) throw new FileError("The configuration is too large.");
    const one = stack.pop();
    if (typeof one !== "object" || one === null) continue;
    if (Array.isArray(one) && typeof one[0] === "string") {
      found.push({ name: one[0], tensor: whole(one[2]) ? one[2] : 0, spec: null });
      continue;
    }
    const inner = Array.isArray(one) ? one : Object.values(one);
    for (let i = inner.length - 1; i >= 0; i--) stack.push(inner[i]);
  }
  return found;
}

function shapesIn(value: any): Shape[] {
  const isShape = (v: any) => Array.isArray(v) && v.length <= 30 && v.every((d) => d === null || whole(d));
  if (isShape(value)) return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).slice(0, 64).filter(isShape) as Shape[];
}

function object(value: any): any {
  return typeof value === "object" && value !== null ? value : {};
}

function text(value: any, otherwise: string): string {
  return typeof value === "string" && value ? value.slice(0, LIMITS.text) : otherwise;
}

function dtypeOf(config: Config, ofWeights = false): string {
  const policy = text(config.dtype?.config?.name ?? config.dtype, "float32");
  if (policy.startsWith("mixed_")) return ofWeights ? "float32" : policy.slice(6);
  return policy;
}

function widthOf(dtype: string): number {
  return /64/.test(dtype) ? 8 : /16/.test(dtype) ? 2 : /int8|float8|bool/.test(dtype) ? 1 : 4;
}

const USUAL: Record<string, string> = {
  use_bias: "true", padding: '"valid"', data_format: '"channels_last"', groups: "1", activation: '"linear"', recurrent_activation: '"sigmoid"',
  unit_forget_bias: "true", center: "true", scale: "true", synchronized: "false", sparse: "false", ragged: "false", optional: "false", unroll: "false",
  go_backwards: "false", stateful: "false", return_state: "false", return_sequences: "false", reset_after: "true", implementation: "2", zero_output_for_mask: "false",
  mask_zero: "false", renorm: "false", renorm_momentum: "0.99", keepdims: "false", dropout: "0", recurrent_dropout: "0", epsilon: "0.001", momentum: "0.99",
  rms_scaling: "false", flash_attention: "null", use_cudnn: '"auto"',
};
const USUAL_INITIALIZERS = new Set(["GlorotUniform", "Zeros", "Ones", "Orthogonal", "RandomUniform"]);

/** A layer's arguments, those left out that are as usual. */
export function argumentsOf(config: Config): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(config).slice(0, 64)) {
    if (value === null || value === undefined || ["name", "trainable", "dtype", "batch_shape", "batch_input_shape"].includes(name)) continue;
    const shown = short(value);
    if (USUAL[name] === shown || (name.endsWith("_initializer") && USUAL_INITIALIZERS.has(shown))) continue;
    if (["dilation_rate", "strides"].includes(name) && /^(1|\[1(, ?1)*\])$/.test(shown)) continue;
    parts.push(`${name}=${shown}`);
  }
  return parts.join(", ").slice(0, 600);
}

/** A value of a configuration in a few letters. */
export function short(value: any): string {
  if (Array.isArray(value)) return value.length <= 8 && value.every((v) => typeof v !== "object" || v === null) ? `[${value.map(short).join(", ")}]` : `[${value.length} values]`;
  if (typeof value === "object" && value !== null) return text(value.class_name, "…").slice(0, 60);
  return (typeof value === "number" ? String(Number(value.toPrecision(6))) : JSON.stringify(value) ?? "").slice(0, 80);
}

/** Keras's name for a class in the paths of weights. */
export function snakeCase(name: string): string {
  return name.slice(0, 200).replace(/\W+/g, "").replace(/(.)([A-Z][a-z]+)/g, "$1_$2").replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
}
