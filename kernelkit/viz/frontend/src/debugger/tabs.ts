// Where the page is narrow the layers, the open layer and the batch share one place: tabs choose among them.

import { element, setText } from "../shared/dom";
import type { Session } from "./session";

export type Tab = "layers" | "detail" | "batch";

export class Tabs {
  readonly node: HTMLElement;
  private readonly buttons: Record<Tab, HTMLButtonElement>;
  private opened = ""; // the layer that was open before
  private sample = -1;

  constructor(private session: Session) {
    const button = (tab: Tab, label: string): HTMLButtonElement => element("button", {
      type: "button", role: "tab", class: "kd-tab", click: () => { session.choices.tab = tab; session.changed(); },
    }, label);
    this.buttons = { layers: button("layers", "Layers"), detail: button("detail", ""), batch: button("batch", "Batch") };
    this.node = element("div", { class: "kd-tabs", role: "tablist", "aria-label": "Parts of the step" },
      this.buttons.layers, this.buttons.detail, this.buttons.batch);
  }

  /** What is shown where there is room for one part only. */
  get shown(): Tab {
    const { choices, detail } = this.session;
    return choices.tab === "detail" && !detail ? "layers" : choices.tab;
  }

  update(): void {
    const { state, detail, table, batch, choices } = this.session;
    const layer = detail?.layer ?? "";
    // A click on a layer shows it, and so does one on a sample while a layer is open.
    if (layer && (layer !== this.opened || (this.sample >= 0 && detail!.sample !== this.sample))) choices.tab = "detail";
    this.opened = layer;
    this.sample = detail?.sample ?? -1;
    this.node.hidden = !state || (!table && !batch);
    setText(this.buttons.detail, layer);
    this.buttons.detail.hidden = layer === "";
    this.buttons.batch.hidden = !batch;
    for (const [tab, button] of Object.entries(this.buttons)) button.setAttribute("aria-selected", String(tab === this.shown));
  }
}
