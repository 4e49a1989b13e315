// A page's line to the debugger, one for each widget model: views come and go, the session stays.

import { Observed } from "../shared/observed";
import type { Model } from "../shared/types";
import type { Tab } from "./tabs";
import type { Batch, Comparison, Detail, Explanation, State, Table } from "./types";

const ASK_AGAIN = [1000, 3000, 6000, 12000]; // ms after which a page that heard nothing asks once more
const ASK_INTERVAL = 500;
const PATIENCE = 400; // ms after which a request that was not done is shown as waiting

/** What the reader has chosen; kept while views are replaced. */
export interface Choices {
  log: boolean;
  allSamples: boolean;
  search: string; // what the names of the layers shown contain
  weights: boolean; // whether only layers with weights are shown
  columns: boolean; // whether all columns of the table are shown
  tab: Tab; // what a narrow page shows
  dismissed: Explanation | Comparison | null;
}

export class Session extends Observed {
  state: State | null = null;
  curves = new Map<string, Float32Array>();
  table: Table | null = null;
  batch: Batch | null = null;
  detail: Detail | null = null;
  blind = ""; // why there is nothing to be seen of this step
  explanation: Explanation | null = null;
  comparison: Comparison | null = null;
  choices: Choices = { log: false, allSamples: false, search: "", weights: false, columns: false, tab: "layers", dismissed: null };
  wanted: number | null = null; // where the reader scrubs to, ahead of the kernel
  private going = 0; // the request that goes there
  private page = Math.random().toString(36).slice(2);
  private last = 0; // number of the last request
  private since = 0; // performance.now() of the oldest one that was not done
  private sequence = 0;
  private asked = -Infinity;
  private timers: number[];

  constructor(private model: Model) {
    super();
    model.on("msg:custom", this.onMessage);
    this.askForAll();
    this.timers = ASK_AGAIN.map((delay) => window.setTimeout(() => this.state || this.askForAll(), delay));
  }

  /** Ask something of the debugger. */
  ask(kind: string, more: Record<string, unknown> = {}): number {
    if (!this.pending) this.since = performance.now();
    this.last += 1;
    this.model.send({ ...more, kind, page: this.page, id: this.last });
    window.setTimeout(() => this.changed(), PATIENCE + 50);
    return this.last;
  }

  /** Go where the reader points; while the kernel works on one place, only the newest other one is kept. */
  scrub(position: number): void {
    if (this.wanted === null && position === this.state?.position) return;
    if (this.wanted === position) return;
    this.wanted = position;
    if (!this.going) this.going = this.ask("goto", { position });
    this.changed();
  }

  can(action: string): boolean {
    return this.state?.can.includes(action) ?? false;
  }

  /** Whether what is known of layers and samples is that of another step. */
  get looking(): boolean {
    const here = (seen: Table | Batch | null): boolean =>
      seen !== null && seen.position === this.state?.position && seen.branch === this.state.branch;
    return !this.blind && !(here(this.table) && here(this.batch));
  }

  /** Whether requests wait for a kernel that does something else. */
  get waiting(): boolean {
    return this.pending && !this.state?.running && performance.now() - this.since > PATIENCE;
  }

  private get pending(): boolean {
    return this.last > (this.state?.handled[this.page] ?? 0);
  }

  close(): void {
    this.model.off("msg:custom", this.onMessage);
    this.timers.forEach(clearTimeout);
    super.close();
  }

  private onMessage = (content: any, buffers?: DataView[]): void => {
    if (this.sequence && content.sequence > this.sequence + 1) this.askForAll(); // a message was lost
    this.sequence = content.sequence;
    const bytes = copied(buffers?.[0]);
    if (content.kind === "state") this.receiveState(content, new Float32Array(bytes));
    else if (content.kind === "table") {
      const size = content.layers.length * content.columns.length;
      const all = new Float32Array(bytes);
      this.table = { ...content, numbers: all.subarray(0, size), history: all.subarray(size) };
      this.blind = "";
    } else if (content.kind === "batch") this.batch = { ...content, pixels: new Uint8Array(bytes) };
    else if (content.kind === "layer") this.detail = { ...content, pixels: new Uint8Array(bytes) };
    else if (content.kind === "explanation") this.explanation = content;
    else if (content.kind === "comparison") this.comparison = content;
    else if (content.kind === "blind") {
      this.blind = content.why;
      this.table = this.batch = this.detail = null;
    }
    this.changed();
  };

  private receiveState(state: State, numbers: Float32Array): void {
    const before = this.state?.handled[this.page] ?? 0;
    this.state = state;
    this.curves.clear();
    let at = 0;
    for (const branch of state.branches) {
      this.curves.set(branch.name, numbers.subarray(at, at + branch.points));
      at += branch.points;
    }
    const done = state.handled[this.page] ?? 0;
    if (done > before) this.since = performance.now();
    if (this.going && done >= this.going) {
      this.going = 0;
      const wanted = this.wanted;
      this.wanted = null;
      if (wanted !== null && wanted !== state.position && !state.notice) this.scrub(wanted);
    }
    if (!state.layer) this.detail = null;
  }

  private askForAll(): void {
    const now = performance.now();
    if (now - this.asked < ASK_INTERVAL) return;
    this.asked = now;
    this.ask("ready");
  }
}

function copied(view: DataView | undefined): ArrayBuffer {
  if (!view) return new ArrayBuffer(0);
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer;
}
