// The anywidget module: a search for hyperparameters while it runs. Python sends what is shown; clicks go back to it.

import { element, setText } from "../shared/dom";
import { duration } from "../shared/format";
import { readTheme, watchTheme } from "../shared/theme";
import type { Model } from "../shared/types";
import style from "./style.css";

interface Update {
  kind: "update";
  state: string;
  facts: string;
  note: string;
  seconds: number;
  running: number[];
  picture: string;
  rows: string[][];
}

class View {
  readonly node: HTMLElement;
  private readonly state = element("span", { class: "ks-chip" }, "preparing");
  private readonly facts = element("span", { class: "ks-facts" });
  private readonly time = element("span", { class: "ks-time" });
  private readonly note = element("div", { class: "ks-note", role: "status" });
  private readonly picture = element("div", { class: "ks-picture" });
  private readonly table = element("table");
  private readonly buttons = element("div", { class: "ks-buttons" });
  private readonly stopAll: HTMLButtonElement;
  private readonly stops = new Map<number, HTMLButtonElement>();
  private drawn = "";
  private written = "";
  private began = 0;
  private readonly clock: number;
  private readonly endTheme: () => void;

  constructor(private readonly send: (content: unknown) => void) {
    this.stopAll = element("button", { type: "button", click: () => this.ask(this.stopAll, { kind: "stop" }) }, "Stop search");
    this.buttons.append(this.stopAll);
    const head = element("div", { class: "ks-head" }, element("b", {}, "Search"), this.facts, this.time, this.state);
    this.node = element(
      "section", { class: "kernelkit-search-panel", "aria-label": "Search for hyperparameters" },
      element("style", {}, style), head, this.buttons, this.note, this.picture,
      element("div", { class: "ks-table", tabindex: 0, role: "region", "aria-label": "Trials" }, this.table),
    );
    this.clock = window.setInterval(() => this.tick(), 1000);
    this.endTheme = watchTheme(() => readTheme(this.node));
    requestAnimationFrame(() => readTheme(this.node));
  }

  show(update: Update): void {
    setText(this.state, update.state);
    this.state.dataset.state = update.state;
    setText(this.facts, update.facts);
    setText(this.note, update.note);
    const runs = update.state === "running" || update.state === "stopping";
    this.began = performance.now() - update.seconds * 1000;
    this.tick();
    if (!runs) this.began = 0;
    this.buttons.hidden = !runs;
    this.stopAll.disabled = update.state !== "running";
    this.showStops(update.state === "running" ? update.running : []);
    if (update.picture !== this.drawn) this.draw(update.picture);
    const rows = JSON.stringify(update.rows);
    if (rows !== this.written) {
      this.written = rows;
      this.write(update.rows);
    }
  }

  destroy(): void {
    window.clearInterval(this.clock);
    this.endTheme();
    this.node.remove();
  }

  private tick(): void {
    if (this.began) setText(this.time, duration((performance.now() - this.began) / 1000));
  }

  private ask(button: HTMLButtonElement, content: unknown): void {
    button.disabled = true;
    this.send(content);
  }

  /** A button for each running trial; those that stay are not made anew, so that they keep the focus. */
  private showStops(running: number[]): void {
    for (const [trial, button] of this.stops) {
      if (running.includes(trial)) continue;
      const next = document.activeElement === button ? this.stopAll : null;
      button.remove();
      this.stops.delete(trial);
      next?.focus();
    }
    for (const trial of running) {
      if (this.stops.has(trial)) continue;
      const button: HTMLButtonElement = element(
        "button", { type: "button", click: () => this.ask(button, { kind: "stop_trial", trial }) }, `Stop trial ${trial}`,
      );
      this.stops.set(trial, button);
      this.buttons.append(button);
    }
  }

  /** Show the SVG that Python has drawn: parsed as XML, never as a page. */
  private draw(text: string): void {
    this.drawn = text;
    this.picture.replaceChildren();
    if (!text) return;
    const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    if (parsed.localName === "svg") this.picture.append(document.importNode(parsed, true));
  }

  private write(rows: string[][]): void {
    const [titles = [], ...others] = rows;
    const head = element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)));
    const body = others.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))));
    others.forEach((row, i) => { body[i]!.dataset.state = row[2] ?? ""; });
    this.table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...body));
  }
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const view = new View((content) => model.send(content));
  const hear = (content: Update): void => { if (content?.kind === "update") view.show(content); };
  model.on("msg:custom", hear);
  el.append(view.node);
  model.send({ kind: "ready" });
  return () => {
    model.off("msg:custom", hear);
    view.destroy();
  };
}

export default { render };
