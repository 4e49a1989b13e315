// The bar that moves the debugger, and its keys.

import { element, svg } from "../shared/dom";
import type { Session } from "./session";

const ICONS: Record<string, string> = {
  start: "M2 2h2v10H2zM12 2v10L5 7z",
  back: "M10 2v10L3 7zM11 2h2v10h-2z",
  step: "M4 2v10l7-5zM1 2h2v10H1z",
  many: "M1 2v10l6-5zM7 2v10l6-5z",
  run: "M3 1.5v11l9-5.5z",
  until: "M2 2v10l7-5zM10 2h3v10h-3z",
  stop: "M3 3h8v8H3z",
};

export class Transport {
  readonly node: HTMLElement;
  private readonly what = element("select", { "aria-label": "Condition to run to" });
  private readonly value = element("input", {
    type: "text", inputmode: "decimal", size: 6, value: "0.1", "aria-label": "Value of the condition", autocomplete: "off",
    keydown: (event: KeyboardEvent) => { if (event.key === "Enter") { event.stopPropagation(); this.runTo(); } },
    input: () => this.value.setAttribute("aria-invalid", String(!this.number())),
  });
  private readonly buttons: Record<string, HTMLButtonElement>;
  private readonly until: HTMLElement;

  constructor(private session: Session) {
    this.buttons = {
      start: this.button("start", "", "Go to the first step", "Home", () => this.goto("begin")),
      back: this.button("back", "Back", "Go one step back", "ArrowLeft", () => session.ask("back")),
      step: this.button("step", "Step", "Do one step", "ArrowRight", () => session.ask("step")),
      many: this.button("many", "Step 10", "Do ten steps", "Shift+ArrowRight", () => session.ask("step", { count: 10 })),
      run: this.button("run", "Run epoch", "Run to the end of the epoch, or to a breakpoint", "R", () => session.ask("run")),
      stop: this.button("stop", "Stop", "Stop after the running steps", "Escape", () => session.ask("stop")),
    };
    const to = this.button("until", "Run to", "Run until the condition holds, for ten epochs at most", "C", () => this.runTo());
    this.buttons.until = to;
    this.until = element("span", { class: "kd-until" }, to, this.what, this.value);
    const { start, back, step, many, run, stop } = this.buttons;
    this.node = element("div", { class: "kd-transport", role: "toolbar", "aria-label": "Move through the training" },
      start, back, step, many, run, this.until, stop);
  }

  update(): void {
    const state = this.session.state!;
    const runs = this.session.can("running");
    const { start, back, step, many, run, stop, until } = this.buttons;
    const idle = !state.running;
    start.disabled = back.disabled = !idle || state.position <= state.begin;
    const ended = !runs && state.position >= (state.head ?? 0);
    step.disabled = many.disabled = !idle || ended;
    run.disabled = until.disabled = !idle;
    run.hidden = this.until.hidden = stop.hidden = !runs;
    stop.disabled = idle && !this.session.waiting;
    if (this.what.options.length !== state.conditions.length) {
      this.what.replaceChildren(...state.conditions.map((name) => element("option", { value: name }, name)));
    }
  }

  /** Do what a key stands for, wherever in the debugger the focus is; fields keep their own keys. */
  onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches("input, select, textarea") || (target.matches("button") && [" ", "Enter"].includes(event.key))) return;
    const press = (name: string): void => { if (!this.buttons[name].disabled && !this.buttons[name].hidden) this.buttons[name].click(); };
    const far = event.shiftKey;
    if (event.key === "ArrowRight") press(far ? "many" : "step");
    else if (event.key === "ArrowLeft") far ? this.session.ask("back", { count: 10 }) : press("back");
    else if (event.key === "Home") press("start");
    else if (event.key === "End") this.goto("head");
    else if (event.key === "r" || event.key === "R") press("run");
    else if (event.key === "c" || event.key === "C") press("until");
    else if (event.key === "Escape") press("stop");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private goto(where: "begin" | "head"): void {
    const state = this.session.state!;
    const branch = state.branches.find((b) => b.name === state.branch)!;
    if (!state.running) this.session.scrub(branch[where]);
  }

  private number(): number | null {
    const value = Number(this.value.value.trim().replace(",", "."));
    return this.value.value.trim() !== "" && Number.isFinite(value) ? value : null;
  }

  private runTo(): void {
    const value = this.number();
    if (value === null) return this.value.focus();
    this.session.ask("run to", { what: this.what.value, value });
  }

  private button(icon: string, label: string, title: string, key: string, act: () => void): HTMLButtonElement {
    return element("button", {
      type: "button", class: `kd-${icon}`, title: `${title} (${key.replace("Arrow", "")})`, "aria-keyshortcuts": key,
      "aria-label": label || title, click: act,
    }, svg("svg", { viewBox: "0 0 14 14", width: 13, height: 13, "aria-hidden": "true" }, svg("path", { d: ICONS[icon] })), label);
  }
}
