// What the layers are colored by: a choice of measures, the colors' range, and the steps to go back to.

import { element, setText } from "../shared/dom";
import { BAR, textOf, TITLES, type Colors, type Measure } from "./colors";

export class ColorBar {
  readonly node: HTMLElement;
  measure: Measure | null = null;
  index = 0;
  canMeasure = false; // whether a kernel offers to measure times
  private touched = false;
  private held: number | null = null; // the step to which the reader went back; else the newest one is shown
  private asked = false;
  private shape = "";
  private readonly select = element("select", { "aria-label": "Color layers by", change: () => this.choose() });
  private readonly low = element("span", {});
  private readonly high = element("span", {});
  private readonly gradient = element("span", { class: "kg-gradient" });
  private readonly slider = element("input", {
    type: "range", min: 0, "aria-label": "Step", input: () => {
      this.index = Number(this.slider.value);
      const { steps } = this.colors;
      this.held = this.index === steps.length - 1 ? null : steps[this.index];
      this.refresh();
      this.changed();
    }, keydown: (event: KeyboardEvent) => event.stopPropagation(),
  });
  private readonly step = element("span", { class: "kg-step" });

  /** `ask` asks the kernel to measure times, where there is one that can. */
  constructor(private readonly colors: Colors, private readonly changed: () => void, private readonly ask: () => void = () => undefined) {
    this.gradient.style.background = BAR;
    this.node = element("div", { class: "kg-colors", hidden: true }, element("label", {}, "Color ", this.select),
      element("span", { class: "kg-range" }, this.low, this.gradient, this.high), element("label", { class: "kg-steps" }, this.slider, this.step));
  }

  /** There are other colors; `step` is where the kernel is, if it says so. */
  update(step: number | null = null): void {
    const { steps, measures } = this.colors;
    if (this.measure === null && !this.touched && measures.length) this.measure = measures[0];
    const at = step === null ? -1 : steps.indexOf(step);
    if (at >= 0 && at < steps.length - 1) [this.index, this.held] = [at, null]; // a debugger went back
    else this.index = Math.max(0, this.held === null ? steps.length - 1 : steps.findIndex((s) => s >= this.held!));
    const offers: [string, string][] = [["", "Kind of layer"], ...measures.map((m): [string, string] => [m, TITLES[m]])];
    if (this.canMeasure && !measures.includes("time")) offers.push(["ask", this.asked ? "Time (measuring …)" : "Time (measure it)"]);
    const shape = JSON.stringify(offers);
    if (shape !== this.shape) {
      this.shape = shape;
      this.select.replaceChildren(...offers.map(([value, label]) => element("option", { value }, label)));
    }
    if (this.asked && measures.includes("time")) [this.asked, this.measure] = [false, "time"];
    this.node.hidden = offers.length < 2;
    this.refresh();
  }

  private choose(): void {
    this.touched = true;
    if (this.select.value === "ask") {
      this.asked = true;
      this.ask();
      this.update();
    } else this.measure = (this.select.value || null) as Measure | null;
    this.refresh();
    this.changed();
  }

  private refresh(): void {
    const { steps } = this.colors;
    this.select.value = this.measure ?? "";
    const shown = this.measure !== null;
    const range = this.measure ? this.colors.range(this.measure) : [0, 0];
    this.low.parentElement!.hidden = !shown || !(range[1] >= range[0]);
    if (this.measure) {
      setText(this.low, textOf(this.measure, range[0]));
      setText(this.high, textOf(this.measure, range[1]));
    }
    this.slider.parentElement!.hidden = !shown || this.measure === "time" || steps.length === 0;
    this.slider.hidden = steps.length < 2;
    this.slider.max = String(Math.max(0, steps.length - 1));
    this.slider.value = String(this.index);
    const text = steps.length ? `step ${(steps[this.index] + 1).toLocaleString("en")}` : "";
    this.slider.setAttribute("aria-valuetext", text);
    setText(this.step, text);
  }
}
