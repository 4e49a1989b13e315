// The futures of this training: which one is shown, how they compare, and how to begin another.

import { element } from "../shared/dom";
import * as format from "../shared/format";
import type { Theme } from "../shared/theme";
import type { Session } from "./session";
import { colorOf } from "./timeline";

export class Branches {
  readonly node: HTMLElement;
  private readonly list = element("span", { class: "kd-chips", role: "group", "aria-label": "Branch shown" });
  private readonly rate = element("input", {
    type: "text", inputmode: "decimal", size: 8, autocomplete: "off", spellcheck: "false", "aria-label": "Learning rate of the fork",
    keydown: (event: KeyboardEvent) => { if (event.key === "Enter") { event.stopPropagation(); this.fork(); } },
    input: () => { this.touched = true; this.rate.setAttribute("aria-invalid", String(this.wanted() === null)); },
  });
  private readonly button = element("button", { type: "button", class: "kd-fork", title: "Start a branch of the training at this step", click: () => this.fork() }, "Fork here");
  private touched = false;
  private drawn = "";

  constructor(private session: Session) {
    this.node = element("div", { class: "kd-row kd-branches" }, element("span", { class: "kd-title" }, "Branches"), this.list,
      element("span", { class: "kd-add" }, element("label", {}, "learning rate", this.rate), this.button));
  }

  update(theme: Theme): void {
    const state = this.session.state!;
    this.node.hidden = !this.session.can("fork");
    this.button.disabled = state.running;
    if (!this.touched && document.activeElement !== this.rate && typeof state.learning_rate === "number") {
      this.rate.value = String(+(state.learning_rate / 10).toPrecision(3));
    }
    const drawn = JSON.stringify([state.branches.map((b) => [b.name, b.begin, b.head]), state.branch, state.running, theme]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const focused = this.list.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.key : undefined;
    this.list.replaceChildren(...state.branches.flatMap((branch, i) => {
      const active = branch.name === state.branch;
      const swatch = element("i", { class: "kd-swatch", style: `background:${colorOf(theme, i)}` });
      const from = i ? ` after step ${format.count(branch.begin)}` : "";
      const choose = element("button", {
        type: "button", class: "kd-branch", "aria-pressed": active ? "true" : "false", disabled: state.running, "data-key": `b${i}`,
        title: `${branch.name}${from}, ${format.count(branch.head)} steps done`, click: () => this.session.ask("branch", { name: branch.name }),
      }, swatch, element("span", {}, branch.name), element("small", {}, from));
      if (active || state.branches.length < 2) return [choose];
      const compare = element("button", {
        type: "button", class: "kd-compare", disabled: state.running, "aria-label": `Compare with ${branch.name}`, "data-key": `c${i}`,
        title: "Where do the weights begin to differ?", click: () => { this.session.choices.dismissed = null; this.session.ask("compare", { name: branch.name }); },
      }, "compare");
      return [element("span", { class: "kd-pair" }, choose, compare)];
    }));
    if (focused) this.list.querySelector<HTMLElement>(`[data-key="${focused}"]`)?.focus();
  }

  private wanted(): number | null {
    const value = Number(this.rate.value.trim().replace(",", "."));
    return Number.isFinite(value) && value > 0 ? value : null;
  }

  private fork(): void {
    const value = this.wanted();
    if (value === null) return this.rate.focus();
    this.touched = false;
    this.session.ask("fork", { learning_rate: value });
  }
}
