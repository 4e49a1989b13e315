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

export class Panel {
  readonly node: HTMLElement;
  private readonly header: Header;
  private readonly tools: HTMLElement;
  private readonly smoothing: HTMLInputElement;
  private readonly smoothingValue = element("output", {});
  private readonly log: HTMLInputElement;
  private readonly earlier: HTMLInputElement;
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
    this.reset = element("button", { type: "button", click: () => this.zoom(null) }, "Show all");
    this.tools = element("div", { class: "kk-tools", role: "group", "aria-label": "Chart options" },
      element("label", {}, "Smoothing", this.smoothing, this.smoothingValue),
      element("label", {}, this.log, "Log scale"),
      element("label", {}, this.earlier, "Earlier runs"), this.reset, this.position);
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
    this.grid.dataset.room = String(this.session.running); // for the first charts, so that the page does not jump
    this.layout = layGrid(runs, this.session.earlier);
    for (const [metric, chart] of this.charts) {
      if (!metrics.includes(metric)) { this.resized.unobserve(chart.node); chart.destroy(); this.charts.delete(metric); }
    }
    for (const metric of metrics) this.chartOf(metric).update(runs, this.layout, this.theme, this.session.smoothing);
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

  private chartOf(metric: string): Chart {
    let chart = this.charts.get(metric);
    if (!chart) {
      const events = {
        zoom: (range: [number, number] | null) => this.zoom(range),
        hover: (x: number | null) => this.hover(x),
        toggle: (key: string) => this.toggle(key),
      };
      chart = new Chart(metric, this.session.choices, events, this.group);
      this.charts.set(metric, chart);
      this.grid.append(chart.node);
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
