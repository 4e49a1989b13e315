// Draws kernelkit's model graphs and training curves in outputs: of saved notebooks too, trusted or not, and with no kernel.
// JupyterLab loads this at each start; what draws comes with the first picture.

import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Widget } from "@lumino/widgets";

const GRAPH = "application/vnd.kernelkit.graph.v1+json";
export const HISTORY = "application/vnd.kernelkit.history.v1+json";

class Renderer extends Widget implements IRenderMime.IRenderer {
  private clear = (): void => undefined;

  constructor(private mimeType: string) {
    super();
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { drawGraph, drawHistory } = await import("./outputs");
    if (this.isDisposed) return;
    this.clear();
    this.clear = (this.mimeType === GRAPH ? drawGraph : drawHistory)(this.node, model.data[this.mimeType]);
  }

  dispose(): void {
    this.clear();
    super.dispose();
  }
}

function extension(id: string, description: string, mimeType: string): IRenderMime.IExtension {
  const createRenderer = (): Renderer => new Renderer(mimeType);
  return { id, description, rendererFactory: { safe: true, mimeTypes: [mimeType], createRenderer }, rank: 0, dataType: "json" };
}

export default [
  extension("kernelkit-labextension:graph", "Draws the graphs of kernelkit's models.", GRAPH),
  extension("kernelkit-labextension:history", "Draws the curves of kernelkit's trainings.", HISTORY),
];
