// The messages that kernelkit/viz/curves/panel.py and compare.py send.

import type { JsonNumber } from "../shared/types";

export type Axis = "step" | "epoch";
export type State =
  | "preparing" | "running" | "pausing" | "paused" | "stopping" | "done" | "stopped" | "interrupted" | "failed" | "history";

export type Action = "pause" | "resume" | "step" | "stop" | "learning_rate" | "save";

export interface Entry {
  axis: Axis;
  name: string;
  start: number; // first bucket sent
  stride: number; // values in a bucket; one column (mean) where it is 1, else three (mean, low, high)
  count: number; // values so far
}

export interface Facts {
  id?: string; // of the training
  device?: string | null;
  name: string;
  state: State;
  first_epoch: number;
  steps: number | null;
  best: Record<string, [number, JsonNumber]>;
  rate_changes: boolean;
  per_batch?: string[]; // metrics whose steps have a value of their own; the others have means of the epoch so far
  // The rest is missing in a finished history.
  epochs?: number;
  epoch?: number;
  step?: number;
  done?: number;
  total?: number | null;
  rate?: number | null;
  eta?: number | null;
  elapsed?: number;
  latest?: Record<string, JsonNumber>;
  answered?: string[];
  error?: string | null;
  can?: Action[];
  stops_after?: "" | "batch" | "epoch";
  notice?: string | null;
  memory?: [number, number] | null; // bytes in use, bytes there are
  learning_rate?: number;
  validating?: [number, number | null] | null; // steps of validation done, and how many there are
  compiling?: boolean;
  ending?: [string, string, string] | null; // kind, word, sentence: of the end, or of a NaN so far
  broken?: Record<string, number>; // for each metric the first step at which it is NaN or infinite
  marks?: [number, number][]; // steps done and the learning rate from there on
  metrics?: string[]; // in the order in which they are shown
  together?: string[]; // metrics that share one chart
  log?: string[]; // metrics that are drawn on a logarithmic scale unless the reader chose
}

export interface Update {
  kind: "update";
  run: number;
  runs: number;
  sequence: number;
  full: boolean;
  curves: Entry[];
  facts: Facts;
  title?: string;
  earlier?: Earlier[]; // with full messages
}

/** A training that this notebook ran before. */
export interface Earlier {
  name: string; // run 1
  title: string; // the name of its model, or its own
  same: boolean; // whether it has the architecture of the model that trains
  epochs: number[];
  logs: Record<string, JsonNumber[]>;
}
