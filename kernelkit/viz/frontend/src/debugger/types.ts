// The messages that kernelkit/viz/debugger/{message,samples,detail,panel}.py make.

import type { JsonNumber } from "../shared/types";

export interface Branch {
  name: string;
  begin: number;
  head: number;
  position: number;
  parent: string | null;
  count: number; // losses there are
  stride: number; // losses in a bucket; buckets of more than one are two numbers, the least and the greatest
  points: number; // numbers sent
}

export interface Breakpoint {
  number: number;
  kind: string;
  above: number | null;
  enabled: boolean;
  hits: number;
}

export interface State {
  kind: "state";
  sequence: number;
  handled: Record<string, number>; // for each page the last of its requests that was done
  name: string;
  running: boolean;
  notice: string;
  position: number;
  begin: number;
  head?: number;
  shown: number;
  epoch?: number | null;
  step_in_epoch?: number | null;
  steps_per_epoch?: number | null;
  logs: Record<string, JsonNumber>;
  curve: string; // the log of the curve: loss where there is one
  loss: JsonNumber | null;
  branch: string;
  branches: Branch[];
  breakpoints?: Breakpoint[];
  stopped?: string;
  error?: string | null;
  memory?: { used: number; budget: number };
  rewinds?: string; // how far one can go back
  looked?: number[]; // in a recording: the steps that can be looked into
  can: string[];
  kinds: Record<string, number | null>;
  conditions: string[];
  learning_rate: JsonNumber | null;
  layer: string;
  sample: number;
  graph?: string; // the key of the model's graph, once it was asked for
}

export interface Layer {
  name: string;
  type: string;
  shape: number[];
  trouble: string | null;
  none: number[]; // columns without a number, not even NaN
}

export interface Table {
  kind: "table";
  branch: string;
  position: number; // steps done where this was seen
  layers: Layer[];
  left_out: number;
  columns: string[];
  trends: string[];
  steps: number[];
  numbers: Float32Array; // layers x columns
  history: Float32Array; // layers x trends x steps
}

export interface Sample {
  place: number; // in the batch
  row: number | null; // in the data
  loss: JsonNumber;
  label: string | null;
  prediction: string | null;
  wrong: boolean | null;
}

export interface Batch {
  kind: "batch";
  branch: string;
  position: number; // steps done where this was seen
  size: number;
  samples: Sample[];
  bad: number[];
  show: "images" | "values";
  image?: [number, number, number];
  pictures?: [string, [number, number, number]][]; // what is drawn of each sample: its title and its shape
  columns?: string[];
  values?: string[][];
  pixels: Uint8Array;
}

export interface Histogram {
  what: string;
  low: JsonNumber;
  high: JsonNumber;
  counts: number[];
  size: number;
  zeros: number;
  odd: number;
  left_out?: number; // weights that are not drawn, with the last one that is
}

export interface Detail {
  kind: "layer";
  branch: string;
  position: number; // steps done where this was seen
  layer: string;
  sample: number;
  histograms: Histogram[];
  missing: string;
  maps?: { what: string; count: number; low: number; high: number; image: [number, number, number]; tokens?: string[]; every?: number; length?: number };
  // The pictures of a kernel, colours from byte `start` on: `image` of `total`, cut to a part of each where `cut`.
  filters?: { what: string; shape: number[]; names: string[]; total: number; cut: boolean; axes: string; top: number; start: number; image: [number, number, number] };
  pixels: Uint8Array;
}

export interface Explanation {
  kind: "explanation";
  branch: string;
  position: number;
  found: string;
  title: string;
  step: number;
  layer: string;
  where: string;
  evidence: string[];
  advice: string[];
}

export interface Comparison {
  kind: "comparison";
  names: [string, string];
  begin: number;
  end: number;
  first_step: number | null;
  weights: { path: string; distance: number }[];
}
