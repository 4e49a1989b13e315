// What is drawn in outputs. It may come from anybody: it is checked against its schema, and every text becomes a text node.

import { Panel } from "../../kernelkit/viz/frontend/src/curves/panel";
import { checkSaved, sessionOf } from "../../kernelkit/viz/frontend/src/curves/saved";
import { check } from "../../kernelkit/viz/frontend/src/graph/schema";
import { GraphView } from "../../kernelkit/viz/frontend/src/graph/view";
import { readWeights } from "../../kernelkit/viz/frontend/src/graph/weights";

/** Draw a graph in a node; returns how to take it away. */
export function drawGraph(node: HTMLElement, value: unknown): () => void {
  node.textContent = "";
  try {
    const description = check(value);
    const weights = (description as { weights?: unknown }).weights;
    const view = new GraphView(description, readWeights(weights, description.nodes.name.length));
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
