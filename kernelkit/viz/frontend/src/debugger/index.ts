// The anywidget module: one session for each widget model, a view for each place where it is shown.

import type { Model } from "../shared/types";
import { cover } from "./host";
import { Session } from "./session";
import { View } from "./view";

const sessions = new Map<string, Session>();

function initialize({ model }: { model: Model }): () => void {
  const key: string = model.get("key");
  const session = new Session(model);
  sessions.set(key, session);
  const stop = cover(key, session);
  return () => {
    stop();
    session.close();
    sessions.delete(key);
  };
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const view = new View(sessions.get(model.get("key"))!);
  el.append(view.node);
  return () => view.destroy();
}

export default { initialize, render };
