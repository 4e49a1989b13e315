// Draws kernelkit's model graphs in outputs: of saved notebooks too, trusted or not, and with no kernel. What it is given
// may come from anybody: it is checked against the schema, and every text becomes a text node.

import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Widget } from "@lumino/widgets";
import { check } from "../../kernelkit/viz/frontend/src/graph/schema";
import { GraphView } from "../../kernelkit/viz/frontend/src/graph/view";
import { readWeights } from "../../kernelkit/viz/frontend/src/graph/weights";

const MIME = "application/vnd.kernelkit.graph.v1+json";

class Renderer extends Widget implements IRenderMime.IRenderer {
  private view: GraphView | null = null;

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.clear();
    try {
      const description = check(model.data[MIME]);
      const weights = (description as { weights?: unknown }).weights;
      this.view = new GraphView(description, readWeights(weights, description.nodes.name.length));
      this.node.append(this.view.node);
    } catch (error) {
      this.node.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  dispose(): void {
    this.clear();
    super.dispose();
  }

  private clear(): void {
    this.view?.destroy();
    this.view = null;
    this.node.textContent = "";
  }
}

const extension: IRenderMime.IExtension = {
  id: "kernelkit-labextension:graph",
  description: "Draws the graphs of kernelkit's models.",
  rendererFactory: { safe: true, mimeTypes: [MIME], createRenderer: () => new Renderer() },
  rank: 0,
  dataType: "json",
};

export default extension;
