// The anywidget module: lays the graph over the static cards in the page that bear the widget's mark, as long as the
// kernel lives. Where JupyterLab's extension has drawn the graph there is no such card, and nothing to do.

import { element } from "../shared/dom";
import type { Model } from "../shared/types";
import { check } from "./schema";
import { GraphView } from "./view";

const MARK = "data-kernelkit-graph";
const VIEW = "data-kernelkit-view"; // what JupyterLab's extension has drawn

interface View { node: HTMLElement; destroy(): void; receive(message: unknown): void }

function made(model: Model): View {
  try {
    const ask = (kind: string): void => model.send({ kind });
    return new GraphView(check(model.get("description")), { weights: model.get("weights"), outputs: model.get("outputs"), key: model.get("key"), ask });
  } catch (error) {
    const node = element("div", {}, String(error instanceof Error ? error.message : error));
    return { node, destroy: () => node.remove(), receive: () => undefined };
  }
}

/** Hand on what the kernel sends; returns how to end that. */
function hear(model: Model, tell: (message: unknown) => void): () => void {
  model.on("msg:custom", tell);
  return () => model.off("msg:custom", tell);
}

function initialize({ model }: { model: Model }): () => void {
  const key: string = model.get("key");
  const views = new Map<HTMLElement, View>();
  const others = new Map<HTMLElement, () => void>();
  const tell = (message: unknown): void => {
    for (const view of views.values()) view.receive(message);
    for (const node of others.keys()) node.dispatchEvent(new CustomEvent("kernelkit-graph", { detail: message }));
  };
  const unhear = hear(model, tell);
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
      model.send({ kind: "ready" });
    }
    for (const [node, end] of others) {
      if (node.isConnected) continue;
      end();
      others.delete(node);
    }
    for (const node of document.querySelectorAll<HTMLElement>(`[${VIEW}="${CSS.escape(key)}"]`)) {
      if (others.has(node)) continue;
      const ask = (event: Event): void => model.send({ kind: String((event as CustomEvent).detail) });
      node.addEventListener("kernelkit-graph-ask", ask);
      others.set(node, () => node.removeEventListener("kernelkit-graph-ask", ask));
      const detail = { kind: "statistics", weights: model.get("weights"), outputs: model.get("outputs") };
      node.dispatchEvent(new CustomEvent("kernelkit-graph", { detail }));
      model.send({ kind: "ready" });
    }
  };
  const observer = new MutationObserver(place);
  observer.observe(document.body, { childList: true, subtree: true });
  place();
  return () => {
    observer.disconnect();
    unhear();
    for (const end of others.values()) end();
    for (const [host, view] of views) {
      view.destroy();
      for (const child of host.children) (child as HTMLElement).style.removeProperty("display");
    }
  };
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const view = made(model);
  el.append(view.node);
  const unhear = hear(model, (message) => view.receive(message));
  model.send({ kind: "ready" });
  return () => {
    unhear();
    view.destroy();
  };
}

export default { initialize, render };
