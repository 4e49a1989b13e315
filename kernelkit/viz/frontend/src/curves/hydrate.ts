// When training has ended the notebook holds a static picture, which needs no kernel. While the kernel still lives, the
// panel takes the picture's place in the page: nothing of that is saved, so what is saved always shows the curves.

import { Panel } from "./panel";
import type { Session } from "./session";

const MARK = "data-kernelkit-panel";

/** Put a panel over each static picture with this key, now and later; returns how to end that. */
export function hydrate(key: string, session: Session): () => void {
  const panels = new Map<HTMLElement, Panel>();

  const place = (): void => {
    for (const [host, panel] of panels) {
      if (!host.isConnected) { release(host, panel); panels.delete(host); }
    }
    for (const host of document.querySelectorAll<HTMLElement>(`[${MARK}="${CSS.escape(key)}"]`)) {
      if (!panels.has(host)) panels.set(host, cover(host, session));
    }
  };

  let waiting = 0;
  const observer = new MutationObserver(() => {
    if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; place(); });
  });
  observer.observe(document.body, { childList: true, subtree: true });
  place();
  return () => {
    observer.disconnect();
    cancelAnimationFrame(waiting);
    panels.forEach((panel, host) => release(host, panel));
  };
}

function cover(host: HTMLElement, session: Session): Panel {
  for (const child of host.children) (child as HTMLElement).style.setProperty("display", "none", "important");
  const panel = new Panel(session);
  const padding = host.parentElement ? getComputedStyle(host.parentElement).paddingRight : "0px";
  panel.node.style.marginRight = `-${padding}`; // as wide as the widget's view was
  host.append(panel.node);
  session.ended();
  session.changed();
  return panel;
}

function release(host: HTMLElement, panel: Panel): void {
  panel.destroy();
  for (const child of host.children) (child as HTMLElement).style.removeProperty("display");
}
