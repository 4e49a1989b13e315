// The panel's line to the kernel, one for each widget model: views come and go, the session stays.

import { Run } from "./run";
import type { Action, Model, State, Update } from "./types";

export type Reach = "unknown" | "live" | "queued";

/** What the reader has chosen; kept while views are replaced. */
export interface Choices {
  smoothing: number;
  log: boolean;
  earlier: boolean; // whether earlier runs are shown
  zoom: [number, number] | null;
  hidden: Set<string>;
}

const ASK_AGAIN = [1500, 3000, 6000, 12000]; // ms
const ASK_INTERVAL = 1000;
const LIVE: State[] = ["preparing", "running", "pausing", "paused", "stopping"];
const CLOCK = 1000; // the time that has passed is shown although no message comes

export class Session {
  runs: Run[] = [];
  title = "";
  reach: Reach = "unknown";
  choices: Choices = { smoothing: 0, log: false, earlier: true, zoom: null, hidden: new Set() };
  private listeners = new Set<() => void>();
  private nonce = Math.random().toString(36).slice(2);
  private asked = 0;
  private frame = 0;
  private timers: number[] = [];
  private clock = 0;

  constructor(private model: Model) {
    const final = model.get("final");
    if (final?.kind) this.receive(final, model.get("final_buffer"));
    model.on("msg:custom", this.onMessage);
    this.askForAll();
    this.timers = ASK_AGAIN.map((delay) => window.setTimeout(() => this.askIfUnanswered(), delay));
    this.clock = window.setInterval(() => this.running && this.changed(), CLOCK);
  }

  /** True while a training can still be steered. */
  get running(): boolean {
    const state = this.runs[0]?.facts?.state;
    return state !== undefined && LIVE.includes(state);
  }

  /** Ask something of the training; what it will do is shown at once, what it did when it says so. */
  ask(kind: Action, value?: string | number): void {
    this.model.send({ kind, value });
    const facts = this.runs[0]?.facts;
    const next: Partial<Record<Action, State>> = { pause: "pausing", resume: "running", stop: "stopping" };
    if (facts && next[kind]) facts.state = next[kind]!;
    if (facts && kind === "stop") facts.stops_after = value === "epoch" ? "epoch" : "batch";
    this.changed();
  }

  /** Call back, at most once a frame, after something changed; returns how to end that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      for (const listener of this.listeners) listener();
    });
  }

  close(): void {
    this.model.off("msg:custom", this.onMessage);
    this.timers.forEach(clearTimeout);
    clearInterval(this.clock);
    cancelAnimationFrame(this.frame);
    this.listeners.clear();
  }

  private onMessage = (content: Update, buffers?: DataView[]): void => {
    if (content.kind === "update") this.receive(content, buffers?.[0]);
  };

  private receive(update: Update, buffer: DataView | undefined): void {
    while (this.runs.length < update.runs) this.runs.push(new Run());
    this.title = update.title ?? update.facts.name;
    if (!this.runs[update.run].receive(update, buffer)) this.askForAll();
    if (this.running && update.facts.answered?.includes(this.nonce)) this.reach = "live";
    this.changed();
  }

  /** Ask for everything. The answer also shows that the kernel hears us while it works. */
  private askForAll(): void {
    const now = performance.now();
    if (this.asked && now - this.asked < ASK_INTERVAL) return;
    this.asked = now;
    this.model.send({ kind: "ready", nonce: this.nonce });
  }

  private askIfUnanswered(): void {
    const known = this.runs[0]?.facts;
    if (known && !this.running) return;
    if (known?.answered?.includes(this.nonce)) return;
    if (this.running) this.reach = "queued";
    this.askForAll();
    this.changed();
  }
}
