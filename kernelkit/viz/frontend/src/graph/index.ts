// The anywidget module: lays the graph over the static cards in the page that bear the widget's mark, as long as the
// kernel lives. Where JupyterLab's extension has drawn the graph there is no such card, and nothing to do.

import { element } from "../shared/dom";
import type { Model } from "../shared/types";
import { check } from "./schema";
import { GraphView } from "./view";
import { readWeights } from "./weights";

const MARK = "data-kernelkit-graph";

function made(model: Model): { node: HTMLElement; destroy(): void; fit?(): void } {
  try {
    const description = check(model.get("description"));
    return new GraphView(description, readWeights(model.get("weights"), description.nodes.name.length));
  } catch (error) {
    const node = element("div", {}, String(error instanceof Error ? error.message : error));
    return { node, destroy: () => node.remove() };
  }
}

function initialize({ model }: { model: Model }): () => void {
  const key: string = model.get("key");
  const views = new Map<HTMLElement, { node: HTMLElement; destroy(): void }>();
  const place = (): void => {
    for (const [host, view] of views) {
      if (!host.isConnected) {
        view.destroy();
        views.delete(host);
      }
    }
    for (const host of document.querySelectorAll<HTMLElement>(`[${MARK}="${CSS.escape(key)}"]`)) {
      if (views.has(host)) continue;
      for (const child of host.children) (child as HTMLElement).style.setProperty("display", "none", "important");
      const view = made(model);
      views.set(host, view);
      host.append(view.node);
    }
  };
  const observer = new MutationObserver(place);
  observer.observe(document.body, { childList: true, subtree: true });
  place();
  return () => {
    observer.disconnect();
    for (const [host, view] of views) {
      view.destroy();
      for (const child of host.children) (child as HTMLElement).style.removeProperty("display");
    }
  };
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const view = made(model);
  el.append(view.node);
  return () => view.destroy();
}

export default { initialize, render };
