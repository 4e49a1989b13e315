// The upper part of the panel: what runs, how far it is, the newest numbers, and the controls.

import { Controls } from "./controls";
import { element, setText } from "../shared/dom";
import * as format from "../shared/format";
import { LEARNING_RATE } from "./run";
import type { Reach, Session } from "./session";
import type { Facts, State } from "./types";

const STATES: Record<State, string> = {
  preparing: "preparing", running: "running", pausing: "pausing", paused: "paused", stopping: "stopping", done: "done",
  stopped: "stopped", interrupted: "interrupted", failed: "failed", history: "",
};

const NOTES: Partial<Record<Reach, string>> = {
  queued: "Controls take effect when the cell ends. To stop now, interrupt the kernel (■).",
  lost: "The kernel does not answer any more: it was restarted, or it has died. The panel shows the last known state.",
};

const LONG_SILENCE = 15; // seconds

export class Header {
  readonly node: HTMLElement;
  private readonly name = element("strong", { class: "kk-name", dir: "auto" });
  private readonly state = element("span", { class: "kk-state" });
  private readonly stats = element("span", { class: "kk-stats" });
  private readonly controls: Controls;
  private readonly unreachable = element("p", { class: "kk-note", role: "status" });
  private readonly error = element("p", { class: "kk-error", role: "alert" });
  private readonly bar = element("div", { class: "kk-bar" }, element("div", {}));
  private readonly spoken = element("div", { class: "kk-spoken", role: "status", "aria-live": "polite" });
  private said = "";

  constructor(private session: Session) {
    this.controls = new Controls(session);
    const line = element("div", { class: "kk-head" }, this.name, this.state, this.stats);
    this.bar.setAttribute("role", "progressbar");
    this.bar.setAttribute("aria-label", "Training progress");
    this.node = element("header", {}, line, this.bar, this.controls.node, this.unreachable, this.error, this.spoken);
  }

  /** Show what the session knows now. */
  update(): void {
    const facts = this.session.runs[0]?.facts;
    const several = this.session.runs.length > 1 || facts?.state === "history";
    setText(this.name, this.session.title);
    for (const node of [this.state, this.stats, this.bar]) node.hidden = several;
    if (!facts || several) {
      for (const node of [this.controls.node, this.unreachable, this.error]) node.hidden = true;
      return;
    }
    const later = facts.state === "stopping" && facts.stops_after === "epoch";
    const lost = this.session.running && this.session.reach === "lost";
    const word = facts.state === "preparing" && facts.compiling ? "compiling" : STATES[facts.state] ?? facts.state;
    setText(this.state, lost ? "lost" : later ? "stopping after this epoch" : facts.state === "paused" && facts.validating ? "paused in validation" : !this.session.running && facts.ending?.[1] || word);
    this.state.dataset.state = lost ? "failed" : this.kind(facts);
    this.showControls(facts);
    this.showProgress(facts);
    this.say(facts);
  }

  /** The state, or how the training ended: it decides the colours. */
  private kind(facts: Facts): State | string {
    return !this.session.running && facts.ending?.[0] || facts.state;
  }

  private showControls(facts: Facts): void {
    const { running, reach } = this.session;
    this.controls.update(facts);
    const note = running ? NOTES[reach] ?? "" : "";
    this.unreachable.hidden = note === "";
    setText(this.unreachable, note);
    const text = facts.ending?.[2] ?? facts.error ?? "";
    this.error.hidden = !text;
    this.error.dataset.kind = facts.ending?.[0] ?? "failed";
    setText(this.error, text);
  }

  private showProgress(facts: Facts): void {
    const running = this.session.running && this.session.reach !== "lost";
    const parts: string[] = [];
    const epoch = Math.min((facts.epoch ?? 0) + (running ? 1 : 0), facts.epochs ?? 0);
    parts.push(`epoch ${epoch}/${facts.epochs}`);
    if (running && facts.validating) {
      const [done, total] = facts.validating;
      parts.push(`validation ${format.count(done)}${total ? `/${format.count(total)}` : ""}`);
    } else if (running && facts.step) parts.push(`step ${format.count(facts.step)}${facts.steps ? `/${format.count(facts.steps)}` : ""}`);
    if (!running) parts.push(`${format.count(facts.done ?? 0)} step${facts.done === 1 ? "" : "s"}`);
    if (facts.rate) parts.push(format.rate(facts.rate));
    if (running && facts.state !== "paused" && facts.eta !== null && facts.eta !== undefined) parts.push(`${format.duration(facts.eta)} left`);
    const silent = running ? (performance.now() - this.session.runs[0].received) / 1000 : 0;
    const elapsed = (facts.elapsed ?? 0) + silent;
    parts.push(running ? `${format.duration(elapsed)} so far` : `in ${seconds(elapsed)}`);
    const rate = facts.latest?.[LEARNING_RATE] ?? facts.learning_rate;
    if (!running && typeof rate === "number") parts.push(`lr ${+rate.toPrecision(3)}`);
    if (facts.memory) parts.push(format.memory(facts.memory));
    if (silent > LONG_SILENCE && facts.state !== "paused") parts.push(`no update for ${format.duration(silent)}`);
    if (this.stats.childElementCount !== parts.length) {
      this.stats.replaceChildren(...parts.map(() => element("span", {})));
    }
    parts.forEach((part, i) => setText(this.stats.children[i], part));
    const held = facts.state === "paused" ? facts.validating : null; // the steps of the buttons are those of validation
    const share = held ? held[0] / (held[1] || 1) : facts.state === "done" && !facts.ending ? 1 : facts.total ? Math.min((facts.done ?? 0) / facts.total, 1) : null;
    this.bar.classList.toggle("kk-endless", share === null && running);
    (this.bar.firstElementChild as HTMLElement).style.width = `${100 * (share ?? 0)}%`;
    this.bar.dataset.state = held ? "validating" : this.kind(facts);
    if (share === null) this.bar.removeAttribute("aria-valuenow");
    else this.bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  }

  /** Tell a screen reader of each epoch's end and of the training's. */
  private say(facts: Facts): void {
    const ended = this.session.runs[0].ends.count;
    const key = `${facts.state} ${ended}`;
    if (key === this.said) return;
    this.said = key;
    const numbers = Object.entries(facts.latest ?? {}).map(([name, v]) => `${name} ${format.value(v)}`).join(", ");
    setText(this.spoken, `${STATES[facts.state]}, ${ended} of ${(facts.epochs ?? 0) - facts.first_epoch} epochs, ${numbers}`);
  }
}

function seconds(elapsed: number): string {
  return elapsed < 60 ? `${elapsed.toFixed(1)} s` : format.duration(elapsed);
}
