// The panel: header, tools and charts, put together for one place in the page.

import uPlotCss from "uplot/dist/uPlot.min.css";
import { Chart } from "./chart";
import { element, setText } from "../shared/dom";
import * as format from "../shared/format";
import { Header } from "./header";
import { layGrid, stepAt, type Grid } from "./lines";
import type { Session } from "./session";
import css from "./style.css";
import { readTheme, watchTheme, type Theme } from "../shared/theme";
import { LEARNING_RATE } from "./run";

const keyOf = (metrics: string[]): string => JSON.stringify(metrics);

export class Panel {
  readonly node: HTMLElement;
  private readonly header: Header;
  private readonly tools: HTMLElement;
  private readonly smoothing: HTMLInputElement;
  private readonly smoothingValue = element("output", {});
  private readonly log: HTMLInputElement;
  private readonly earlier: HTMLInputElement;
  private readonly together = element("span", { class: "kk-boxes", role: "group", "aria-label": "Metrics in one chart" });
  private readonly joining: HTMLDetailsElement;
  private offered = "";
  private readonly reset: HTMLButtonElement;
  private readonly position = element("span", { class: "kk-position" });
  private readonly grid = element("div", { class: "kk-charts" });
  private readonly charts = new Map<string, Chart>();
  private readonly resized = new ResizeObserver(() => this.charts.forEach((chart) => chart.resize()));
  private readonly arriving = new ResizeObserver(() => {
    if (!this.node.isConnected) return;
    this.arriving.disconnect();
    this.session.changed();
  });
  private readonly cleanups: (() => void)[];
  private readonly group = Math.random().toString(36);
  private layout: Grid | null = null;
  private theme: Theme | null = null;

  constructor(private session: Session) {
    const { choices } = session;
    this.header = new Header(session);
    this.smoothing = element("input", {
      type: "range", min: 0, max: 0.99, step: 0.01, value: session.smoothing, "data-lm-suppress-shortcuts": "true",
      input: () => { choices.smoothing = Number(this.smoothing.value); session.changed(); },
    });
    this.log = element("input", {
      type: "checkbox", checked: choices.log ?? false, change: () => { choices.log = this.log.checked; session.changed(); },
    });
    this.earlier = element("input", {
      type: "checkbox", checked: choices.earlier ?? false, change: () => { choices.earlier = this.earlier.checked; session.changed(); },
    });
    this.joining = element("details", {
      class: "kk-joining", "data-lm-suppress-shortcuts": "true", toggle: () => session.choose(this.joining.open),
      focusout: (event: FocusEvent) => { if (event.relatedTarget && !this.joining.contains(event.relatedTarget as Node)) this.joining.open = false; },
    },
      element("summary", { title: "Choose metrics that share one chart" }, "One chart for …"), this.together);
    this.joining.open = choices.choosing;
    this.reset = element("button", { type: "button", click: () => this.zoom(null) }, "Show all");
    this.tools = element("div", { class: "kk-tools", role: "group", "aria-label": "Chart options" },
      element("label", {}, "Smoothing", this.smoothing, this.smoothingValue),
      element("label", {}, this.log, "Log scale"),
      element("label", {}, this.earlier, "Earlier runs"), this.joining, this.reset, this.position);
    this.node = element("section", { class: "kernelkit-panel", "aria-label": "Training curves" },
      element("style", {}, uPlotCss + css), this.header.node, this.grid, this.tools);
    this.cleanups = [
      session.subscribe(() => this.update()),
      watchTheme(() => { this.theme = null; session.changed(); }),
      () => this.resized.disconnect(),
      () => this.arriving.disconnect(),
    ];
    session.changed();
  }

  destroy(): void {
    this.cleanups.forEach((cleanup) => cleanup());
    this.charts.forEach((chart) => chart.destroy());
    this.node.remove();
  }

  private update(): void {
    const runs = this.session.runs.filter((run) => run.facts !== null);
    if (runs.length === 0) return;
    if (!this.node.isConnected) return this.arriving.observe(this.node); // a cell that comes into view later
    const started = performance.now();
    this.theme ??= readTheme(this.node);
    const metrics = [...new Set(runs.flatMap((run) => run.metrics()))];
    this.header.update();
    this.updateTools(metrics.length > 0);
    this.offer(metrics.filter((name) => name !== LEARNING_RATE));
    this.grid.dataset.room = String(this.session.running); // for the first charts, so that the page does not jump
    this.layout = layGrid(runs, this.session.earlier);
    const groups = this.groups(metrics);
    const keys = groups.map(keyOf);
    for (const [key, chart] of this.charts) {
      if (!keys.includes(key)) { this.resized.unobserve(chart.node); chart.destroy(); this.charts.delete(key); }
    }
    groups.forEach((group, i) => {
      const chart = this.chartOf(group);
      if (this.grid.children[i] !== chart.node) this.grid.insertBefore(chart.node, this.grid.children[i] ?? null);
      chart.update(runs, this.layout!, this.theme!, this.session.smoothing);
    });
    // uPlot draws in a microtask of its own, queued before this one.
    queueMicrotask(() => { this.node.dataset.draw = (performance.now() - started).toFixed(2); });
  }

  private updateTools(anything: boolean): void {
    const { choices, smoothing } = this.session;
    this.tools.hidden = !anything && !this.session.running;
    this.tools.style.visibility = anything ? "" : "hidden";
    this.smoothing.value = String(smoothing);
    setText(this.smoothingValue, smoothing.toFixed(2));
    this.log.checked = choices.log ?? this.session.runs.some((run) => (run.facts?.log?.length ?? 0) > 0);
    this.earlier.checked = this.session.earlier.length > 0;
    this.earlier.parentElement!.hidden = !(this.session.runs.length === 1 && this.session.runs[0].earlier.length > 0);
    this.reset.hidden = choices.zoom === null;
  }

  /** The metrics of each chart: those that share one stand where the first of them would. */
  private groups(metrics: string[]): string[][] {
    const joined = this.session.runs.length > 1 ? [] : metrics.filter((name) => this.session.together.includes(name));
    if (joined.length < 2) return metrics.map((name) => [name]);
    return metrics.filter((name) => name === joined[0] || !joined.includes(name)).map((name) => (name === joined[0] ? joined : [name]));
  }

  /** Offer metrics to be drawn in one chart. */
  private offer(metrics: string[]): void {
    this.joining.hidden = metrics.length < 2 || this.session.runs.length > 1;
    const offered = JSON.stringify(metrics);
    if (offered !== this.offered) {
      this.offered = offered;
      const box = (name: string): HTMLInputElement => element("input", { type: "checkbox", value: name, change: () => this.join() });
      this.together.replaceChildren(...metrics.map((name) => element("label", {}, box(name), element("span", { dir: "auto" }, name))));
    }
    for (const box of this.boxes()) box.checked = this.session.together.includes(box.value);
  }

  private boxes(): HTMLInputElement[] {
    return [...this.together.querySelectorAll("input")];
  }

  private join(): void {
    this.session.join(this.boxes().filter((box) => box.checked).map((box) => box.value));
  }

  private chartOf(metrics: string[]): Chart {
    let chart = this.charts.get(keyOf(metrics));
    if (!chart) {
      const events = {
        zoom: (range: [number, number] | null) => this.zoom(range),
        hover: (x: number | null) => this.hover(x),
        toggle: (key: string) => this.toggle(key),
      };
      chart = new Chart(metrics, this.session.choices, events, this.group);
      this.charts.set(keyOf(metrics), chart);
      // Each chart, not the grid: a chart that is added narrows its neighbours and leaves the grid as wide as it was.
      this.resized.observe(chart.node);
    }
    return chart;
  }

  private zoom(range: [number, number] | null): void {
    this.session.choices.zoom = range;
    this.session.changed();
  }

  private toggle(key: string): void {
    const { hidden } = this.session.choices;
    if (!hidden.delete(key)) hidden.add(key);
    this.session.changed();
  }

  private hover(x: number | null): void {
    const run = this.session.runs[0];
    const unit = this.layout?.unit;
    if (x === null || !unit || !run?.facts) setText(this.position, "");
    else if (unit === "step") setText(this.position, `step ${format.count(x)}`);
    else if (this.session.runs.length > 1 || run.facts.state === "history") setText(this.position, `epoch ${Math.max(Math.ceil(x - 1e-6), 1)}`);
    else setText(this.position, `epoch ${x.toFixed(2)} · step ${format.count(stepAt(run, unit, x))}`);
    this.charts.forEach((chart) => chart.showValues());
  }
}
