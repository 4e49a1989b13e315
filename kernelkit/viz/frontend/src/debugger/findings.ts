// What explain() found, and what compare() did: cards that can be put away.

import { element } from "../shared/dom";
import * as format from "../shared/format";
import type { Session } from "./session";
import type { Comparison, Explanation } from "./types";

export class Findings {
  readonly node = element("div", { class: "kd-findings", "aria-live": "polite" });
  readonly ask = element("button", {
    type: "button", class: "kd-explain", title: "Look for what went wrong first, up to this step",
    click: () => { this.session.choices.dismissed = null; this.put = null; this.session.ask("explain"); },
  }, "What went wrong?");
  private put: Explanation | null = null; // the explanation that was put away
  private drawn: unknown[] = [];

  constructor(private session: Session) {}

  update(): void {
    const { state, explanation, comparison, choices } = this.session;
    const found = explanation && explanation !== this.put && explanation.branch === state!.branch ? explanation : null;
    const compared = comparison && comparison !== choices.dismissed ? comparison : null;
    this.ask.disabled = state!.running;
    this.ask.hidden = !this.session.can("explain");
    if (this.drawn[0] === found && this.drawn[1] === compared && this.drawn.length) return;
    this.drawn = [found, compared];
    this.node.replaceChildren(...(found ? [this.explained(found)] : []), ...(compared ? [this.compared(compared)] : []));
  }

  private explained(found: Explanation): HTMLElement {
    const fine = found.found === "nothing";
    const items = [...found.evidence, ...(found.where ? [`written in ${found.where}`] : [])];
    const go = element("button", { type: "button", click: () => this.session.scrub(found.step + 1) }, `Show step ${format.count(found.step + 1)}`);
    const layer = element("button", { type: "button", click: () => this.session.ask("layer", { layer: found.layer }) }, `Look into ${found.layer}`);
    return element("article", { class: `kd-card ${fine ? "kd-fine" : "kd-wrong"}`, "aria-label": "Explanation" },
      element("h4", {}, element("span", { "aria-hidden": "true" }, fine ? "" : "⚠ "), found.title), this.close(() => { this.put = found; }),
      element("ul", {}, ...items.map((line) => element("li", {}, line))),
      ...(found.advice.length ? [element("h5", {}, "What usually helps"), element("ol", {}, ...found.advice.map((line) => element("li", {}, line)))] : []),
      element("div", { class: "kd-actions" }, ...(fine ? [] : [go]), ...(this.knows(found.layer) ? [layer] : [])));
  }

  private compared(found: Comparison): HTMLElement {
    const [a, b] = found.names;
    const apart = found.first_step === null ? "The weights are the same." : `The weights differ from step ${format.count(found.first_step + 1)} on.`;
    const most = Math.max(...found.weights.map((w) => w.distance), 1e-30);
    return element("article", { class: "kd-card kd-comparison", "aria-label": "Comparison" },
      element("h4", {}, `${a} and ${b}`), this.close(() => { this.session.choices.dismissed = found; }),
      element("p", {}, `The branches are equal for ${format.count(found.begin)} steps; compared after ${format.count(found.end)}. ${apart}`),
      ...(found.weights.length ? [element("table", {},
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "weight"), element("th", { scope: "col" }, "distance / norm"), element("td", {}))),
        element("tbody", {}, ...found.weights.map((row) => element("tr", {}, element("th", { scope: "row" }, row.path), element("td", {}, format.value(row.distance)),
          element("td", { class: "kd-barcell" }, element("i", { style: `width:${(100 * row.distance) / most}%` }))))))] : []));
  }

  private knows(layer: string): boolean {
    return layer !== "" && (this.session.table?.layers.some((row) => row.name === layer) ?? false);
  }

  private close(act: () => void): HTMLElement {
    return element("button", { type: "button", class: "kd-close", "aria-label": "Close", title: "Close", click: () => { act(); this.session.changed(); } }, "×");
  }
}
