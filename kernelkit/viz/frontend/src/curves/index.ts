// The anywidget module: one session for each widget model, a panel for each of its views.

import { hydrate } from "./hydrate";
import { Panel } from "./panel";
import { CHOSEN, Session } from "./session";
import type { Model } from "../shared/types";

const sessions = new Map<string, Session>();

function initialize({ model }: { model: Model }): () => void {
  const key: string = model.get("key");
  const session = new Session(model);
  sessions.set(key, session);
  const stop = hydrate(key, session);
  const chosen = (event: Event): void => session.takeChoice((event as CustomEvent).detail?.id, (event as CustomEvent).detail?.metrics);
  document.addEventListener(CHOSEN, chosen);
  return () => {
    document.removeEventListener(CHOSEN, chosen);
    stop();
    session.close();
    sessions.delete(key);
  };
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const panel = new Panel(sessions.get(model.get("key"))!);
  el.append(panel.node);
  return () => panel.destroy();
}

export default { initialize, render };
