// The panel's line to the kernel, one for each widget model: views come and go, the session stays.

import { Run } from "./run";
import { Observed } from "../shared/observed";
import type { Model } from "../shared/types";
import type { Action, Earlier, State, Update } from "./types";

export type Reach = "unknown" | "live" | "queued" | "lost";

/** What the reader has chosen; kept while views are replaced. */
export interface Choices {
  smoothing: number | null; // null until the reader has moved the slider
  log: boolean | null; // null until the reader has chosen: then values that span decades are drawn so
  earlier: boolean | null; // whether earlier runs are shown; null: those of the same architecture
  zoom: [number, number] | null;
  hidden: Set<string>;
  together: string[] | null; // metrics that share a chart; null until the reader has chosen
  choosing: boolean; // whether the list of metrics is open
}

const ASK_AGAIN = [800, 3000, 6000, 12000]; // ms
const ASK_INTERVAL = 500;
const LIVE: State[] = ["preparing", "running", "pausing", "paused", "stopping"];
const SMOOTHING = 0.9;
const LOST = 4000; // ms that a kernel has to answer when the line to it was cut
const SILENCE = 15_000; // ms after which a training that could be heard is asked how it does
const CLOCK = 1000; // the time that has passed is shown although no message comes

/** The event by which a picture without a line to the kernel tells the widget of its training what was chosen. */
export const CHOSEN = "kernelkit-curves-chosen";

export class Session extends Observed {
  runs: Run[] = [];
  title = "";
  reach: Reach = "unknown";
  choices: Choices = { smoothing: null, log: null, earlier: null, zoom: null, hidden: new Set(), together: null, choosing: false };
  private nonce = Math.random().toString(36).slice(2);
  private asked = 0;
  private timers: number[] = [];
  private clock = 0;
  private kept = ""; // the choice that the kernel was told

  constructor(private model: Model) {
    super();
    const final = model.get("final");
    if (final?.kind) this.receive(final, model.get("final_buffer"));
    model.on("msg:custom", this.onMessage);
    model.on("comm_live_update", this.onLine); // only Jupyter's models tell of this
    this.askForAll();
    this.timers = ASK_AGAIN.map((delay, i) => window.setTimeout(() => this.askIfUnanswered(i > 0), delay));
    this.clock = window.setInterval(() => this.onClock(), CLOCK);
  }

  /** True while a training can still be steered. */
  get running(): boolean {
    const state = this.runs[0]?.facts?.state;
    return state !== undefined && LIVE.includes(state);
  }

  /** The earlier runs to show. */
  get earlier(): Earlier[] {
    const known = this.runs.length === 1 ? this.runs[0].earlier : [];
    return known.filter((run) => this.choices.earlier ?? run.same);
  }

  /** The metrics that share one chart. */
  get together(): string[] {
    return this.choices.together ?? this.runs[0]?.facts?.together ?? [];
  }

  /** Draw metrics in one chart. The picture in the notebook follows: of a training that has ended when the list is closed. */
  join(metrics: string[]): void {
    this.choices.together = metrics;
    if (this.running) this.keepChoice();
    this.changed();
  }

  /** The list of metrics was opened or closed. */
  choose(open: boolean): void {
    this.choices.choosing = open;
    if (!open) this.keepChoice();
  }

  /** Metrics were chosen in another picture of the same training, one that has no line to the kernel. */
  takeChoice(id: unknown, metrics: unknown): void {
    if (typeof id !== "string" || !id || id !== this.runs[0]?.facts?.id || !Array.isArray(metrics)) return;
    this.choices.together = metrics.filter((name) => typeof name === "string");
    this.keepChoice();
    this.changed();
  }

  private keepChoice(): void {
    const { together } = this.choices;
    if (together === null || JSON.stringify(together) === this.kept) return;
    this.kept = JSON.stringify(together);
    this.send({ kind: "together", value: together });
  }

  /** How much to smooth: single batches scatter too much to be followed, epochs do not. */
  get smoothing(): number {
    return this.choices.smoothing ?? (this.runs.some((run) => run.facts?.per_batch?.length) ? SMOOTHING : 0);
  }

  /** Ask something of the training; what it will do is shown at once, what it did when it says so. */
  ask(kind: Action, value?: string | number): void {
    this.send({ kind, value });
    const facts = this.runs[0]?.facts;
    const next: Partial<Record<Action, State>> = { pause: "pausing", resume: "running", stop: "stopping" };
    if (facts && next[kind]) facts.state = next[kind]!;
    if (facts && kind === "stop") facts.stops_after = value === "epoch" ? "epoch" : "batch";
    this.changed();
  }

  /** The notebook shows the final picture. If the last message was lost, ask for it. */
  ended(): void {
    for (const delay of [0, ...ASK_AGAIN]) this.timers.push(window.setTimeout(() => this.running && this.askForAll(), delay));
  }

  close(): void {
    this.model.off("msg:custom", this.onMessage);
    this.model.off("comm_live_update", this.onLine);
    this.timers.forEach(clearTimeout);
    clearInterval(this.clock);
    super.close();
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

  /** The line to the kernel was cut, or is there again: only an answer tells which. */
  private onLine = (): void => {
    if (!this.running) return;
    this.reach = "unknown";
    this.asked = 0;
    this.runs[0].facts!.answered = [];
    this.askForAll();
    this.timers.push(window.setTimeout(() => {
      if (this.running && this.reach !== "live") { this.reach = "lost"; this.changed(); }
    }, LOST));
    this.changed();
  };

  private onClock(): void {
    if (!this.running) return;
    const silent = performance.now() - this.runs[0].received;
    if (this.reach === "live" && silent > SILENCE && this.runs[0].facts!.state !== "paused") this.askForAll();
    this.changed();
  }

  private send(content: unknown): void {
    try {
      this.model.send(content);
    } catch { // there is no kernel to send to
      this.reach = "lost";
      this.changed();
    }
  }

  /** Ask for everything. The answer also shows that the kernel hears us while it works. */
  private askForAll(): void {
    const now = performance.now();
    if (this.asked && now - this.asked < ASK_INTERVAL) return;
    this.asked = now;
    this.send({ kind: "ready", nonce: this.nonce });
  }

  /** Ask once more; a page that was just loaded may have asked before JupyterLab had a subshell to ask on. */
  private askIfUnanswered(inVain: boolean): void {
    const known = this.runs[0]?.facts;
    if (known && !this.running) return;
    if (known?.answered?.includes(this.nonce)) return;
    if (this.running && inVain && this.reach !== "lost") this.reach = "queued";
    this.askForAll();
    this.changed();
  }
}
