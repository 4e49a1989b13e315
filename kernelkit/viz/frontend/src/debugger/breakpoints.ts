// What runs stop at.

import { element } from "../shared/dom";
import * as format from "../shared/format";
import type { Session } from "./session";

export class Breakpoints {
  readonly node: HTMLElement;
  private readonly list = element("span", { class: "kd-chips" });
  private readonly kind = element("select", { "aria-label": "Kind of breakpoint", change: () => this.suggest() });
  private readonly above = element("input", {
    type: "text", inputmode: "decimal", size: 5, autocomplete: "off", "aria-label": "Threshold",
    keydown: (event: KeyboardEvent) => { if (event.key === "Enter") { event.stopPropagation(); this.add(); } },
  });
  private drawn = "";

  constructor(private session: Session) {
    this.node = element("div", { class: "kd-row kd-breakpoints" }, element("span", { class: "kd-title" }, "Stop at"), this.list,
      element("span", { class: "kd-add" }, this.kind, this.above,
        element("button", { type: "button", class: "kd-break", title: "Add a breakpoint: runs stop at it", click: () => this.add() }, "Add")));
  }

  update(): void {
    const state = this.session.state!;
    this.node.hidden = !this.session.can("break_on");
    const names = Object.keys(state.kinds);
    if (this.kind.options.length !== names.length) {
      this.kind.replaceChildren(...names.map((name) => element("option", { value: name }, name === "nan" ? "NaN or infinity" : name)));
      this.suggest();
    }
    const points = state.breakpoints ?? [];
    const drawn = JSON.stringify(points);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.list.replaceChildren(...points.map((point) => {
      const above = point.above === null ? "" : ` > ${format.tick(point.above)}${point.kind === "loss spike" ? " × mean" : ""}`;
      const name = point.kind === "nan" ? "NaN or infinity" : point.kind;
      return element("span", { class: "kd-point" },
        element("label", {}, element("input", {
          type: "checkbox", checked: point.enabled,
          change: (event: Event) => this.session.ask("enable", { number: point.number, on: (event.target as HTMLInputElement).checked }),
        }), `${name}${above}`),
        element("small", {}, point.hits ? `${point.hits} ×` : ""),
        element("button", {
          type: "button", class: "kd-remove", "aria-label": `Remove breakpoint ${name}`, title: "Remove",
          click: () => this.session.ask("clear", { number: point.number }),
        }, "×"));
    }), ...(points.length ? [] : [element("small", {}, "no breakpoint yet")]));
  }

  private suggest(): void {
    const usual = this.session.state?.kinds[this.kind.value];
    this.above.hidden = usual === null || usual === undefined;
    this.above.value = String(usual ?? "");
  }

  private add(): void {
    const value = Number(this.above.value.trim().replace(",", "."));
    if (!this.above.hidden && !(Number.isFinite(value) && this.above.value.trim() !== "")) return this.above.focus();
    this.session.ask("break", { on: this.kind.value, above: this.above.hidden ? null : value });
  }
}
