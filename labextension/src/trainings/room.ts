// All trainings of all open notebooks: heard on their kernels' IOPub channel, never asked for again and again. What ended is
// read from the notebooks' own outputs.

import { Run } from "../../../kernelkit/viz/frontend/src/curves/run";
import { checkCurves, checkFacts, checkSaved, floatsOf, saveRun, updatesOf, type Saved } from "../../../kernelkit/viz/frontend/src/curves/saved";
import type { Action, State, Update } from "../../../kernelkit/viz/frontend/src/curves/types";
import { Observed } from "../../../kernelkit/viz/frontend/src/shared/observed";

export const HISTORY = "application/vnd.kernelkit.history.v1+json";
export const TARGET = "kernelkit.trainings";
const LIVE: State[] = ["preparing", "running", "pausing", "paused", "stopping"];
const PATIENCE = 6_000; // ms that a kernel has to answer
const SUBSHELL = 3_000; // ms that a subshell may take to start
const ASK_INTERVAL = 700;
const MOST = 200; // trainings that are kept
const MOST_PINS = 24;

export interface Comm {
  open(): unknown;
  send(data: any): unknown;
  dispose(): void;
  onClose: (message: any) => void;
  /** When what is sent goes to a subshell, which hears while a cell runs. */
  readonly subshellStarted?: Promise<unknown>;
}

/** What the room needs of a kernel's connection; JupyterLab's fits. */
export interface Kernel {
  readonly id: string;
  createComm(target: string): Comm;
  interrupt(): Promise<void>;
}

export interface Message { header: { msg_type: string }; content: any; buffers?: (ArrayBuffer | ArrayBufferView)[] }

/** A notebook that is open. */
export interface Book {
  readonly path: string;
  kernel(): Kernel | null;
  /** Bring the cell that shows an output into view. */
  jump(shows: (data: any) => boolean): void;
  /** The saved trainings in its outputs. */
  outputs(): unknown[];
}

export type Reach = "unknown" | "live" | "queued" | "lost";

export interface Training {
  key: string;
  id: string;
  run: Run;
  title: string;
  path: string;
  book: Book | null; // null where the notebook is closed
  comm: string; // of its widget; "" where it is read from an output
  reach: Reach;
  saved: Saved | null;
  pinned: boolean;
  chosen: boolean; // for a comparison
  label: string; // the reader's name for it
  seen: number;
}

/** Where pins are kept; JupyterLab's state database fits. */
export interface Store { fetch(key: string): Promise<any>; save(key: string, value: any): Promise<void> }

const PINS = "kernelkit-labextension:pins";

export class Room extends Observed {
  readonly trainings = new Map<string, Training>();
  private lines = new Map<string, { comm: Comm; book: Book; waiting: unknown[] | null }>();
  private asked = new Map<string, number>();
  private nonce = Math.random().toString(36).slice(2);
  private count = 0;
  private loaded: Promise<void>;

  constructor(private store: Store | null = null, private now: () => number = () => performance.now()) {
    super();
    this.loaded = this.load();
  }

  /** Trainings that go on, first those that began last. */
  get running(): Training[] {
    return this.sorted((t) => isLive(t));
  }

  get ended(): Training[] {
    return this.sorted((t) => !isLive(t) && !t.pinned);
  }

  get pinned(): Training[] {
    return this.sorted((t) => !isLive(t) && t.pinned);
  }

  private sorted(wanted: (t: Training) => boolean): Training[] {
    return [...this.trainings.values()].filter(wanted).sort((a, b) => b.seen - a.seen);
  }

  // Hearing ---------------------------------------------------------------------------------------------------------

  /** Take a message of a kernel over, if it is one of a training. */
  hear(book: Book, message: Message): void {
    if (message.header.msg_type !== "comm_msg") return;
    const { comm_id: comm, data } = message.content ?? {};
    const update = data?.method === "custom" ? data.content : null;
    if (typeof comm !== "string" || update?.kind !== "update" || update.run !== 0 || update.runs !== 1) return;
    let read: Update;
    const values = viewOf(message.buffers?.[0]);
    try {
      const curves = checkCurves(update.curves, false);
      if (floatsOf(curves) * 4 !== (values?.byteLength ?? 0) || !Number.isSafeInteger(update.sequence)) return;
      read = { kind: "update", run: 0, runs: 1, sequence: update.sequence, full: update.full === true, curves, facts: checkFacts(update.facts) };
    } catch {
      return; // no message of this version
    }
    if (read.facts.state === "history") return; // a comparison, not a training
    const { id } = read.facts;
    const key = id || comm;
    let training = this.trainings.get(key);
    if (!training || (!training.comm && !isLive(training))) {
      training = this.add(key, { id: id ?? "", title: read.facts.name, path: book.path, book, comm });
    }
    training.comm = comm;
    const complete = training.run.receive(read, values);
    if (complete && !isLive(training)) this.finish(training);
    if (isLive(training)) {
      if (read.facts.answered?.includes(this.nonce)) training.reach = "live";
      else if (!complete || training.reach === "unknown") this.ask(training);
      if (training.reach === "lost") training.reach = "unknown"; // it does live
    }
    this.changed();
  }

  /** A kernel was restarted or ended: what ran on it runs no more. */
  lose(book: Book): void {
    for (const training of this.trainings.values()) {
      if (training.book !== book || !isLive(training)) continue;
      training.reach = "lost";
      training.run.facts!.state = "interrupted";
      this.finish(training);
    }
    this.hangUp(book);
    this.changed();
  }

  /** Keep the curves of a training that ended. The output that shows them may have been lost with an earlier page. */
  private finish(training: Training): void {
    training.saved ??= saveRun(training.run, training.title);
  }

  /** A notebook was closed. Its trainings stay where they are pinned. */
  forget(book: Book): void {
    this.hangUp(book);
    for (const training of [...this.trainings.values()]) {
      if (training.book !== book) continue;
      training.book = null;
      if (!training.pinned) this.trainings.delete(training.key);
    }
    this.changed();
  }

  /** Read the trainings in a notebook's outputs. */
  read(book: Book): void {
    for (const value of book.outputs()) {
      let saved: Saved;
      try {
        saved = checkSaved(value);
      } catch {
        continue; // the output says what is wrong
      }
      if (saved.runs.length !== 1) continue;
      const id = saved.runs[0].facts.id ?? "";
      const key = id || `${book.path} ${saved.title} ${saved.runs[0].values.slice(0, 400)}`;
      const known = this.trainings.get(key);
      if (known) {
        known.book ??= book;
        known.saved ??= saved;
        continue;
      }
      this.add(key, { id, title: saved.title, path: book.path, book, comm: "", saved });
    }
    this.changed();
  }

  private add(key: string, known: Partial<Training>): Training {
    const training: Training = {
      key, id: "", run: new Run(), title: "", path: "", book: null, comm: "", reach: "unknown", saved: null, pinned: false, chosen: false, label: "",
      seen: ++this.count, ...known,
    };
    if (training.saved) for (const [update, values] of updatesOf(training.saved)) training.run.receive(update, values);
    this.trainings.set(key, training);
    for (const old of [...this.trainings.values()].sort((a, b) => a.seen - b.seen)) {
      if (this.trainings.size <= MOST) break;
      if (!isLive(old) && !old.pinned) this.trainings.delete(old.key);
    }
    return training;
  }

  // Steering --------------------------------------------------------------------------------------------------------

  /** Ask a training to pause, to go on, to stop; false where nobody hears it. */
  steer(training: Training, kind: Action, value?: string | number): boolean {
    if (!this.send(training, { kind, value })) return false;
    const next: Partial<Record<Action, State>> = { pause: "pausing", resume: "running", stop: "stopping" };
    if (next[kind]) training.run.facts!.state = next[kind]!;
    this.changed();
    return true;
  }

  interrupt(training: Training): void {
    void training.book?.kernel()?.interrupt();
  }

  private ask(training: Training): void {
    const last = this.asked.get(training.key) ?? -Infinity;
    if (this.now() - last < ASK_INTERVAL) return;
    this.asked.set(training.key, this.now());
    this.send(training, { kind: "ready", nonce: this.nonce });
    if (training.reach !== "unknown") return;
    setTimeout(() => {
      if (training.reach !== "unknown" || !isLive(training)) return;
      training.reach = "queued";
      this.changed();
    }, PATIENCE);
  }

  private send(training: Training, content: unknown): boolean {
    const { book } = training;
    const kernel = book?.kernel();
    if (!book || !kernel || !training.comm) return false;
    try {
      let line = this.lines.get(kernel.id);
      if (!line) {
        const comm = kernel.createComm(TARGET);
        line = { comm, book, waiting: [] };
        this.lines.set(kernel.id, line);
        comm.onClose = () => { this.lines.delete(kernel.id); };
        if (comm.subshellStarted) this.openLater(line, comm.subshellStarted);
        else this.openNow(line);
      }
      const message = { training: training.comm, content };
      if (line.waiting) line.waiting.push(message);
      else line.comm.send(message);
      return true;
    } catch { // there is no kernel to send to
      return false;
    }
  }

  /** Open a line when it has its subshell. Before, what is sent would wait for the end of the cell. */
  private openLater(line: { comm: Comm; waiting: unknown[] | null }, started: Promise<unknown>): void {
    const open = () => this.openNow(line);
    setTimeout(open, SUBSHELL); // a kernel without subshells starts none
    started.then(open, open);
  }

  private openNow(line: { comm: Comm; waiting: unknown[] | null }): void {
    const { waiting } = line;
    if (!waiting) return;
    line.waiting = null;
    try {
      line.comm.open();
      for (const message of waiting) line.comm.send(message);
    } catch { /* the kernel is gone */ }
  }

  private hangUp(book: Book): void {
    for (const [id, line] of this.lines) {
      if (line.book !== book) continue;
      this.lines.delete(id);
      try {
        line.comm.dispose();
      } catch { /* the kernel is gone */ }
    }
  }

  // Keeping ---------------------------------------------------------------------------------------------------------

  /** Keep a training after its notebook is closed, or no longer. */
  pin(training: Training, pinned: boolean): void {
    training.pinned = pinned;
    if (!pinned && !training.book) this.trainings.delete(training.key);
    this.keep();
    this.changed();
  }

  rename(training: Training, label: string): void {
    training.label = label.slice(0, 120);
    this.keep();
    this.changed();
  }

  choose(training: Training, chosen: boolean): void {
    training.chosen = chosen;
    this.changed();
  }

  /** Those that are chosen, as one set of curves; null where none has any. */
  chosen(): Saved | null {
    const runs = this.sorted((t) => t.chosen && t.saved !== null).reverse();
    if (!runs.length) return null;
    const all = runs.map((t) => ({ ...t.saved!.runs[0], facts: { ...t.saved!.runs[0].facts, name: nameOf(t) } }));
    return { schema: "kernelkit.history", version: 1, title: runs.length > 1 ? "comparison" : nameOf(runs[0]), runs: all };
  }

  private keep(): void {
    const pins = this.sorted((t) => t.pinned && t.saved !== null).slice(0, MOST_PINS);
    void this.loaded.then(() => this.store?.save(PINS, pins.map(({ key, id, title, path, label, saved }) => ({ key, id, title, path, label, saved }))));
  }

  private async load(): Promise<void> {
    const kept = await this.store?.fetch(PINS).catch(() => null);
    if (!Array.isArray(kept)) return;
    for (const pin of kept.slice(0, MOST_PINS).reverse()) {
      try {
        const saved = checkSaved(pin?.saved);
        const [key, id, title, path, label] = [pin.key, pin.id, pin.title, pin.path, pin.label].map((t) => (typeof t === "string" ? t.slice(0, 1000) : ""));
        const known = this.trainings.get(key);
        if (known) Object.assign(known, { pinned: true, label, saved: known.saved ?? saved });
        else this.add(key, { id, title, path, label, saved, pinned: true });
      } catch { /* a pin of another version */ }
    }
    this.changed();
  }
}

export function isLive(training: Training): boolean {
  return training.reach !== "lost" && LIVE.includes(training.run.facts?.state as State);
}

export function nameOf(training: Training): string {
  return training.label || training.title;
}

/** The epochs of trainings as CSV: a line for each training and epoch. */
export function csv(saved: Saved): string {
  const runs = saved.runs.map((run, i) => {
    const one = new Run();
    const [update, values] = updatesOf({ ...saved, runs: [run] })[0];
    one.receive(update, values);
    return { name: run.facts.name || `run ${i + 1}`, first: run.facts.first_epoch, run: one, names: run.curves.filter((c) => c.axis === "epoch" && c.name).map((c) => c.name) };
  });
  const names = [...new Set(runs.flatMap((r) => r.names))];
  const cell = (text: string) => {
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // a spreadsheet would run it
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = [["run", "epoch", ...names].map(cell).join(",")];
  for (const { name, first, run, names: own } of runs) {
    const series = names.map((n) => (own.includes(n) ? run.curve("epoch", n) : undefined));
    const [longest] = series.filter((s) => s !== undefined).sort((a, b) => b!.size - a!.size);
    for (let i = 0; i < (longest?.size ?? 0); i++) {
      const epoch = first + Math.min((i + 1) * longest!.stride, longest!.count);
      lines.push([cell(name), epoch, ...series.map((s) => {
        const at = s ? i - (longest!.size - s.size) : -1;
        return s && at >= 0 && Number.isFinite(s.mean[at]) ? Number(s.mean[at].toPrecision(7)) : "";
      })].join(","));
    }
  }
  return lines.join("\n") + "\n";
}

function viewOf(buffer: ArrayBuffer | ArrayBufferView | undefined): DataView | undefined {
  if (!buffer) return undefined;
  return ArrayBuffer.isView(buffer) ? new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new DataView(buffer);
}
