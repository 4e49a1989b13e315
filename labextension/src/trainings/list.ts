// The side bar's list of trainings: a row for each, with its curve, what it does, and what can be asked of it.

import { element, setText, svg } from "../../../kernelkit/viz/frontend/src/shared/dom";
import * as format from "../../../kernelkit/viz/frontend/src/shared/format";
import type { Series } from "../../../kernelkit/viz/frontend/src/curves/series";
import { csv, HISTORY, isLive, nameOf, type Room, type Training } from "./room";
import css from "./style.css";
import type { Saved } from "../../../kernelkit/viz/frontend/src/curves/saved";

const INTERVAL = 250; // ms between two pictures
const POINTS = 160;
const [WIDTH, HEIGHT] = [240, 44];
const STATES: Record<string, string> = {
  preparing: "preparing", running: "running", pausing: "pausing …", paused: "paused", stopping: "stopping …", done: "done", stopped: "stopped",
  interrupted: "interrupted", failed: "failed", history: "done",
};
const QUEUED = "This takes effect when the cell ends.";

export interface Doors {
  /** Show curves in a tab of their own. */
  show(saved: Saved): void;
  /** Open a notebook that is closed. */
  open(path: string): void;
}

export class List {
  readonly node = element("div", { class: "kernelkit-trainings" });
  private readonly sections = ["Running", "Pinned", "Finished"].map((title) => {
    const body = element("div", { role: "list", "aria-label": `${title} trainings` });
    return { title, body, node: element("section", {}, element("h3", {}, title), body) };
  });
  private readonly empty = element("p", { class: "kt-empty" }, "Trainings of open notebooks are listed here: those that run, and those that their outputs show.");
  private readonly compare = element("button", { type: "button", click: () => this.open() }, "Show curves");
  private readonly save = element("button", { type: "button", click: () => this.download() }, "CSV");
  private readonly tools = element("div", { class: "kt-tools" }, element("span", {}), this.compare, this.save);
  private readonly rows = new Map<string, Row>();
  private timer = 0;
  private drawn = 0;

  constructor(private room: Room, private doors: Doors) {
    this.node.append(element("style", {}, css), this.tools, this.empty, ...this.sections.map((s) => s.node));
    room.subscribe(() => this.soon());
    this.draw();
  }

  /** Draw now if it is shown, at most four times a second. */
  soon(): void {
    if (this.timer || !this.node.offsetParent) return;
    this.timer = window.setTimeout(() => { this.timer = 0; this.draw(); }, Math.max(0, INTERVAL - (performance.now() - this.drawn)));
  }

  draw(): void {
    this.drawn = performance.now();
    const lists = [this.room.running, this.room.pinned, this.room.ended];
    const all = new Set(lists.flat().map((t) => t.key));
    for (const [key, row] of this.rows) if (!all.has(key)) { row.node.remove(); this.rows.delete(key); }
    lists.forEach((trainings, i) => {
      const { body, node } = this.sections[i];
      node.hidden = !trainings.length;
      trainings.forEach((training, place) => {
        let row = this.rows.get(training.key);
        if (!row || row.training !== training) {
          row?.node.remove();
          this.rows.set(training.key, (row = new Row(training, this.room, this.doors)));
        }
        row.update();
        if (body.children[place] !== row.node) body.insertBefore(row.node, body.children[place] ?? null);
      });
    });
    this.empty.hidden = all.size > 0;
    const chosen = lists.flat().filter((t) => t.chosen && t.saved).length;
    this.tools.hidden = chosen === 0;
    setText(this.tools.firstElementChild!, `${chosen} chosen`);
    setText(this.compare, chosen > 1 ? "Compare" : "Show curves");
  }

  private open(): void {
    const saved = this.room.chosen();
    if (saved) this.doors.show(saved);
  }

  private download(): void {
    const saved = this.room.chosen();
    if (!saved) return;
    const url = URL.createObjectURL(new Blob([csv(saved)], { type: "text/csv" }));
    element("a", { href: url, download: "trainings.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

class Row {
  readonly node: HTMLElement;
  private readonly name = element("button", { type: "button", class: "kt-name", title: "Go to its cell", click: () => this.jump() });
  private readonly state = element("span", { class: "kt-state" });
  private readonly where = element("div", { class: "kt-where" });
  private readonly line = svg("path", { class: "kt-line" });
  private readonly validation = svg("path", { class: "kt-line kt-validation" });
  private readonly bar = element("div", { class: "kt-bar" }, element("div", {}));
  private readonly facts = element("div", { class: "kt-facts" });
  private readonly note = element("div", { class: "kt-note", role: "status" });
  private readonly buttons = element("div", { class: "kt-buttons" });
  private readonly choose = element("input", { type: "checkbox", change: () => this.room.choose(this.training, this.choose.checked) });
  private shape = "";

  constructor(readonly training: Training, private room: Room, private doors: Doors) {
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.validation, this.line);
    this.bar.setAttribute("role", "progressbar");
    this.node = element("div", { class: "kt-row", role: "listitem" },
      element("div", { class: "kt-head" }, this.choose, this.name, this.state), this.where, picture, this.bar, this.facts, this.note, this.buttons);
  }

  update(): void {
    const { training } = this;
    const { facts } = training.run;
    if (!facts) return;
    const live = isLive(training);
    const name = nameOf(training);
    setText(this.name, name);
    const lost = training.reach === "lost";
    setText(this.state, lost ? "kernel ended" : STATES[facts.state] ?? "");
    this.state.dataset.state = lost ? "failed" : facts.state;
    setText(this.where, training.path + (training.book ? "" : " (closed)"));
    this.choose.hidden = !training.saved;
    this.choose.checked = training.chosen;
    this.choose.setAttribute("aria-label", `Choose ${name}`);
    const metric = training.run.metrics()[0] ?? "loss";
    const best = training.run.curve("epoch", metric);
    const steps = training.run.curve("step", metric);
    const val = training.run.curve("epoch", `val_${metric}`);
    const main = best && best.size > 1 ? best : steps ?? best;
    const range = rangeOf([main, main === best ? val : undefined]);
    this.line.setAttribute("d", pathOf(main, range));
    this.validation.setAttribute("d", main === best ? pathOf(val, range) : "");
    const share = facts.total ? Math.min(1, (facts.done ?? 0) / facts.total) : null;
    this.bar.hidden = !live;
    this.bar.classList.toggle("kt-endless", share === null);
    (this.bar.firstElementChild as HTMLElement).style.width = `${100 * (share ?? 0)}%`;
    this.bar.setAttribute("aria-label", `Progress of ${name}`);
    if (share !== null) this.bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    const parts: string[] = [];
    if (facts.epochs) parts.push(`epoch ${Math.min((facts.epoch ?? 0) + (live ? 1 : 0), facts.epochs)}/${facts.epochs}`);
    if (facts.rate) parts.push(format.rate(facts.rate));
    if (live && facts.eta !== null && facts.eta !== undefined && facts.state !== "paused") parts.push(`${format.duration(facts.eta)} left`);
    if (!live && facts.elapsed) parts.push(`in ${facts.elapsed < 60 ? `${facts.elapsed.toFixed(1)} s` : format.duration(facts.elapsed)}`);
    const latest = Object.entries(facts.latest ?? {}).filter(([key]) => key !== "learning_rate").slice(0, 4).map(([key, v]) => `${key} ${format.value(v)}`);
    setText(this.facts, [...parts, ...latest].join(" · "));
    setText(this.note, facts.error ?? (live && training.reach === "queued" ? QUEUED : facts.notice ?? ""));
    this.note.classList.toggle("kt-wrong", !!facts.error);
    this.updateButtons(live);
  }

  private updateButtons(live: boolean): void {
    const { training, room } = this;
    const { state } = training.run.facts!;
    const queued = training.reach === "queued";
    const shape = live ? `live ${state === "paused" || state === "pausing"} ${queued}` : `ended ${training.pinned} ${!!training.saved}`;
    if (shape === this.shape) return;
    this.shape = shape;
    const button = (label: string, does: string, click: () => void) => element("button", { type: "button", title: does, "aria-label": `${label}: ${nameOf(training)}`, click }, label);
    const made: HTMLElement[] = [];
    if (live) {
      const paused = state === "paused" || state === "pausing";
      made.push(paused ? button("Resume", "Resume", () => room.steer(training, "resume")) : button("Pause", "Pause", () => room.steer(training, "pause")));
      made.push(queued ? button("Interrupt", "Interrupt the kernel, which stops the training", () => room.interrupt(training))
        : button("Stop", "Stop", () => room.steer(training, "stop", "batch")));
    } else if (training.saved) {
      made.push(button(training.pinned ? "Unpin" : "Pin", training.pinned ? "Unpin" : "Keep it when the notebook is closed", () => room.pin(training, !training.pinned)));
      made.push(button("Name", "Give it a name", () => this.rename()));
    }
    this.buttons.replaceChildren(...made);
  }

  private rename(): void {
    const input = element("input", { type: "text", value: nameOf(this.training), "aria-label": "Name", maxlength: 120, keydown: (event: KeyboardEvent) => {
      event.stopPropagation();
      if (event.key === "Enter") { this.room.rename(this.training, input.value.trim()); input.replaceWith(this.name); }
      if (event.key === "Escape") input.replaceWith(this.name);
    } });
    this.name.replaceWith(input);
    input.select();
    input.focus();
  }

  private jump(): void {
    const { training } = this;
    if (!training.book) return this.doors.open(training.path);
    training.book.jump((data) => data?.["application/vnd.jupyter.widget-view+json"]?.model_id === training.comm && training.comm !== ""
      || (training.id !== "" && data?.[HISTORY]?.runs?.[0]?.facts?.id === training.id));
  }
}

type Range = [low: number, high: number];

function rangeOf(all: (Series | undefined)[]): Range {
  let low = Infinity, high = -Infinity;
  for (const series of all) for (let i = 0; series && i < series.size; i++) {
    const y = series.mean[i];
    if (Number.isFinite(y)) { low = Math.min(low, y); high = Math.max(high, y); }
  }
  return [low, high];
}

/** A curve in a few points, as wide as the picture. */
function pathOf(series: Series | undefined, [low, high]: Range): string {
  if (!series || !(high >= low)) return "";
  const { size, mean } = series;
  const step = Math.max(1, Math.ceil(size / POINTS));
  const parts: string[] = [];
  for (let i = 0; i < size; i += step) {
    let sum = 0, n = 0;
    for (let j = i; j < Math.min(size, i + step); j++) if (Number.isFinite(mean[j])) { sum += mean[j]; n++; }
    if (!n) continue;
    const x = size > 1 ? (i / (size - 1)) * WIDTH : WIDTH / 2;
    const y = high > low ? 3 + (1 - (sum / n - low) / (high - low)) * (HEIGHT - 6) : HEIGHT / 2;
    parts.push(`${parts.length ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`);
  }
  return parts.length === 1 ? `${parts[0]}h1` : parts.join("");
}
