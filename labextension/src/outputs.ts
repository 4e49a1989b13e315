// What is drawn in outputs. It may come from anybody: it is checked against its schema, and every text becomes a text node.

import { Panel } from "../../kernelkit/viz/frontend/src/curves/panel";
import { checkSaved, sessionOf } from "../../kernelkit/viz/frontend/src/curves/saved";
import { check } from "../../kernelkit/viz/frontend/src/graph/schema";
import { GraphView } from "../../kernelkit/viz/frontend/src/graph/view";

/** Draw a graph in a node; returns how to take it away. */
export function drawGraph(node: HTMLElement, value: unknown): () => void {
  node.textContent = "";
  try {
    const description = check(value);
    const { weights, outputs, colors, key } = description as { weights?: unknown; outputs?: unknown; colors?: unknown; key?: unknown };
    const view: GraphView = new GraphView(description, { weights, outputs, colors, key, ask: (kind) => {
      view.node.dispatchEvent(new CustomEvent("kernelkit-graph-ask", { detail: kind }));
    } });
    // The widget of this graph, if its kernel lives, finds the view by its key and tells it what happens.
    if (typeof key === "string") view.node.setAttribute("data-kernelkit-view", key.slice(0, 100));
    view.node.addEventListener("kernelkit-graph", (event) => view.receive((event as CustomEvent).detail));
    node.append(view.node);
    return () => view.destroy();
  } catch (error) {
    node.textContent = error instanceof Error ? error.message : String(error);
    return () => { node.textContent = ""; };
  }
}

/** Draw the curves of trainings in a node; returns how to take them away. */
export function drawHistory(node: HTMLElement, value: unknown): () => void {
  node.textContent = "";
  try {
    const session = sessionOf(checkSaved(value));
    const panel = new Panel(session);
    node.append(panel.node);
    session.changed();
    return () => {
      panel.destroy();
      session.close();
    };
  } catch (error) {
    node.textContent = error instanceof Error ? error.message : String(error);
    return () => { node.textContent = ""; };
  }
}
