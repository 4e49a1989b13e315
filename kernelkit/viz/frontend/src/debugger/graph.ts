// The model's graph beside the layers, colored by the step shown. The kernel opens a widget for it, which finds its place
// in the page by a key.

import { element, setText } from "../shared/dom";
import type { Session } from "./session";

export class GraphPlace {
  readonly node: HTMLElement;
  private readonly place = element("div", {});
  readonly button = element("button", { type: "button", class: "kd-graph", "aria-expanded": "false", title: "The graph of the layers, colored by this step", click: () => this.toggle() }, "Graph");
  private open = false;

  constructor(private session: Session) {
    this.node = element("div", { class: "kd-graphs" }, this.place);
  }

  update(): void {
    const key = this.session.state!.graph ?? "";
    this.button.hidden = !this.session.can("graph");
    this.node.hidden = this.button.hidden || !this.open;
    setText(this.button, this.open ? "Hide graph" : "Graph");
    this.button.setAttribute("aria-expanded", String(this.open));
    this.place.hidden = !this.open;
    if (this.open && key && this.place.getAttribute("data-kernelkit-graph") !== key) this.place.setAttribute("data-kernelkit-graph", key);
  }

  private toggle(): void {
    this.open = !this.open;
    if (this.open && !this.session.state?.graph) this.session.ask("graph");
    this.session.changed();
  }
}
