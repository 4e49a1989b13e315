// One view of the debugger: its parts, put together for one place in the page.

import uPlotCss from "uplot/dist/uPlot.min.css";
import { element, setText } from "../shared/dom";
import * as format from "../shared/format";
import { readTheme, watchTheme, type Theme } from "../shared/theme";
import { BatchPane } from "./batch";
import { Branches } from "./branches";
import { Breakpoints } from "./breakpoints";
import { DetailPane } from "./detail";
import { Findings } from "./findings";
import { GraphPlace } from "./graph";
import { LayerTable } from "./layers";
import type { Session } from "./session";
import { Tabs } from "./tabs";
import css from "./style.css";
import { Timeline } from "./timeline";
import { Transport } from "./transport";

export class View {
  readonly node: HTMLElement;
  private readonly name = element("span", { class: "kd-name", dir: "auto" });
  private readonly place = element("span", { class: "kd-place" });
  private readonly chip = element("span", { class: "kd-chip", role: "status" });
  private readonly tiles = element("div", { class: "kd-tiles" });
  private readonly reason = element("p", { class: "kd-reason", role: "status" });
  private readonly notice = element("p", { class: "kd-notice", role: "alert" });
  private readonly blind = element("p", { class: "kd-blind" });
  private readonly grid: HTMLElement;
  private readonly transport: Transport;
  private readonly timeline: Timeline;
  private readonly branches: Branches;
  private readonly breakpoints: Breakpoints;
  private readonly findings: Findings;
  private readonly graph: GraphPlace;
  private readonly layers: LayerTable;
  private readonly detail: DetailPane;
  private readonly batch: BatchPane;
  private readonly tabs: Tabs;
  private readonly resized = new ResizeObserver(() => this.timeline.resize());
  private readonly cleanups: (() => void)[];
  private theme: Theme | null = null;
  private focused: HTMLElement | null = null;
  private clicked = 0;
  private clock = 0;
  private since = 0; // when the first look began

  constructor(private session: Session) {
    this.transport = new Transport(session);
    this.timeline = new Timeline(session);
    this.branches = new Branches(session);
    this.breakpoints = new Breakpoints(session);
    this.findings = new Findings(session);
    this.graph = new GraphPlace(session);
    this.layers = new LayerTable(session);
    this.detail = new DetailPane(session);
    this.batch = new BatchPane(session);
    this.tabs = new Tabs(session);
    this.grid = element("div", { class: "kd-grid" }, element("div", { class: "kd-left" }, this.layers.node),
      element("div", { class: "kd-right" }, this.detail.node, this.batch.node)); // the card opens beside the row that was clicked
    this.node = element("section", {
      class: "kernelkit-debugger", "aria-label": "Step debugger", "data-lm-suppress-shortcuts": "true", tabindex: -1,
      keydown: (event: KeyboardEvent) => this.transport.onKey(event),
      focusin: (event: FocusEvent) => { this.focused = event.target as HTMLElement; },
      click: (event: MouseEvent) => { this.clicked = event.timeStamp; },
    },
      element("style", {}, uPlotCss + css),
      element("header", { class: "kd-head" }, this.name, this.place, this.chip),
      this.tiles, element("div", { class: "kd-moves" }, this.transport.node, this.findings.ask, this.graph.button), this.reason, this.notice,
      this.timeline.node,
      element("div", { class: "kd-rows" }, this.branches.node, this.breakpoints.node),
      this.findings.node, this.blind, this.graph.node, this.tabs.node, this.grid);
    this.cleanups = [
      session.subscribe(() => this.update()),
      watchTheme(() => { this.theme = null; session.changed(); }),
      () => this.resized.disconnect(),
    ];
    this.resized.observe(this.timeline.host);
    session.changed();
  }

  destroy(): void {
    this.cleanups.forEach((cleanup) => cleanup());
    this.stopClock();
    this.timeline.destroy();
    this.node.remove();
  }

  /** Find what has the focus again, after the view was moved in the page. */
  moved(): void {
    if (this.focused?.isConnected && document.activeElement === document.body) this.focused.focus({ preventScroll: true });
    this.session.changed();
  }

  private update(): void {
    const { state, batch, table } = this.session;
    if (!this.node.isConnected) return;
    this.theme ??= readTheme(this.node);
    this.node.dataset.ready = String(state !== null);
    if (!state) return setText(this.name, "Connecting to the kernel …");
    this.updateHead();
    this.transport.update();
    this.timeline.update(this.theme);
    this.branches.update(this.theme);
    this.breakpoints.update();
    this.findings.update();
    this.tellFirstLook(table !== null);
    this.grid.hidden = !table && !batch;
    this.graph.update();
    this.tabs.update();
    this.grid.dataset.tab = this.tabs.shown;
    this.layers.update();
    this.detail.update();
    this.batch.update();
    this.measure();
  }

  /** The first look compiles a program of its own: tell for how long. */
  private tellFirstLook(looked: boolean): void {
    const waits = !looked && !this.session.blind;
    if (waits && !this.clock) this.clock = window.setInterval(() => this.tellFirstLook(this.session.table !== null), 1000);
    if (waits) this.since ||= performance.now();
    else this.stopClock();
    const seconds = Math.floor((performance.now() - this.since) / 1000);
    setText(this.blind, this.session.blind || (looked ? "" : `Looking into the step: compiling a program for it … ${seconds} s`));
    this.blind.hidden = this.blind.textContent === "";
  }

  private stopClock(): void {
    clearInterval(this.clock);
    this.clock = this.since = 0;
  }

  private updateHead(): void {
    const state = this.session.state!;
    const done = state.position > state.begin;
    setText(this.name, state.name);
    const epoch = state.epoch === null || state.epoch === undefined ? "" : ` · epoch ${state.epoch + 1}`;
    const within = state.step_in_epoch === null || state.step_in_epoch === undefined ? ""
      : `, batch ${state.step_in_epoch + 1}${state.steps_per_epoch ? ` of ${state.steps_per_epoch}` : ""}`;
    setText(this.place, `${done ? "step" : "before step"} ${format.count(state.shown + 1)}${epoch}${within}`);
    const word = this.session.waiting ? "waiting for the kernel" : state.running ? "running" : "paused";
    setText(this.chip, word);
    this.chip.dataset.state = word;
    const shown: [string, string][] = Object.entries(state.logs).map(([name, value]) => [name === "loss" ? "loss, mean" : name, format.value(value)]);
    if (state.loss !== null && state.curve === "loss") shown.unshift(["loss of the batch", format.value(state.loss)]);
    if (state.learning_rate !== null) shown.push(["learning rate", typeof state.learning_rate === "number" ? String(+state.learning_rate.toPrecision(3)) : format.value(state.learning_rate)]);
    this.tiles.replaceChildren(...shown.slice(0, 8).map(([name, value]) =>
      element("div", { class: /NaN|∞/.test(value) ? "kd-bad" : "" }, element("span", { title: name, dir: "auto" }, name), element("b", {}, value))));
    const reason = state.error ?? state.stopped ?? "";
    setText(this.reason, state.running ? "" : reason);
    this.reason.hidden = this.reason.textContent === "";
    this.reason.classList.toggle("kd-bad", Boolean(state.error));
    setText(this.notice, state.notice);
    this.notice.hidden = state.notice === "";
  }

  /** Note how long it took from the last click to the picture of what it did, for whoever measures. */
  private measure(): void {
    const { state, batch } = this.session;
    if (!this.clicked || !state || !batch || this.session.waiting || this.session.looking) return;
    const clicked = this.clicked;
    this.clicked = 0;
    requestAnimationFrame(() => window.setTimeout(() => { // the frame after this one has been painted by then
      this.node.dataset.latency = (performance.now() - clicked).toFixed(1);
    }));
  }
}
