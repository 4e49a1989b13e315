// The notebook holds static pictures of the debugger, which need no kernel. While the kernel lives the widget lies over
// them: nothing of that is saved, so what is saved always shows the last picture. The picture is made anew now and then;
// the view moves over to the new one, as it is, before the page is drawn.

import type { Session } from "./session";
import { View } from "./view";

const MARK = "data-kernelkit-debugger";

/** Put a view over each static picture with this key, now and later; returns how to end that. */
export function cover(key: string, session: Session): () => void {
  const views = new Map<HTMLElement, View>();

  const place = (): void => {
    const left = [...views].filter(([host, view]) => !host.isConnected || !host.contains(view.node));
    for (const [host] of left) views.delete(host);
    for (const host of document.querySelectorAll<HTMLElement>(`[${MARK}="${CSS.escape(key)}"]`)) {
      if (!views.has(host)) views.set(host, lay(host, left.pop()?.[1] ?? new View(session), session));
    }
    for (const [host, view] of left) lift(host, view);
  };

  const observer = new MutationObserver(place);
  observer.observe(document.body, { childList: true, subtree: true });
  place();
  return () => {
    observer.disconnect();
    views.forEach((view, host) => lift(host, view));
  };
}

/** Put a view into a static picture, which stays in sight until the kernel has answered: it may be busy with a cell. */
function lay(host: HTMLElement, view: View, session: Session): View {
  const still = [...host.children] as HTMLElement[];
  const hide = (): void => {
    if (!session.state || !host.contains(view.node)) return;
    for (const child of still) child.style.setProperty("display", "none", "important");
    stop();
  };
  const stop = session.subscribe(hide);
  const padding = host.parentElement ? getComputedStyle(host.parentElement).paddingRight : "0px";
  view.node.style.marginRight = `-${padding}`; // as wide as a widget's view
  host.prepend(view.node);
  hide();
  view.moved();
  return view;
}

function lift(host: HTMLElement, view: View): void {
  view.destroy();
  for (const child of host.children) (child as HTMLElement).style.removeProperty("display");
}
