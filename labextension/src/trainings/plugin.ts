// The list of trainings in the side bar, its commands and the status bar's item. Their code is loaded with the first notebook,
// or when the list is opened.

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, MainAreaWidget } from "@jupyterlab/apputils";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStateDB } from "@jupyterlab/statedb";
import { IStatusBar } from "@jupyterlab/statusbar";
import { LabIcon } from "@jupyterlab/ui-components";
import { Widget } from "@lumino/widgets";
import type { Saved } from "../../../kernelkit/viz/frontend/src/curves/saved";
import type { Room, Training } from "./room";

const ID = "kernelkit-labextension:trainings";
const PLACE = "kernelkit-trainings";
const ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path class="jp-icon3" style="fill:none" stroke="#616161" ' +
  'stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="M4 4v16h16M7 8c2 7 5 8 12 8.5"/></svg>';
const COMMANDS = { list: "kernelkit:list-trainings", pause: "kernelkit:pause-trainings", resume: "kernelkit:resume-trainings", stop: "kernelkit:stop-trainings" };

/** What is loaded late. */
async function furnish(state: IStateDB | null) {
  const [{ Room, isLive }, { List }, { bookOf }, { statusOf }] = await Promise.all([import("./room"), import("./list"), import("./book"), import("./status")]);
  const room = new Room(state ? { fetch: (key) => state.fetch(key), save: (key, value) => state.save(key, value) } : null);
  return { room, isLive, List, bookOf, statusOf };
}

export const trainings: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: "Lists the trainings of open notebooks in the side bar, and steers them.",
  autoStart: true,
  optional: [INotebookTracker, ICommandPalette, ILayoutRestorer, IStateDB, IStatusBar, ISettingRegistry],
  activate: async (
    app: JupyterFrontEnd, notebooks: INotebookTracker | null, palette: ICommandPalette | null, restorer: ILayoutRestorer | null, state: IStateDB | null,
    statusBar: IStatusBar | null, registry: ISettingRegistry | null,
  ) => {
    const widget = new Widget();
    widget.id = PLACE;
    widget.title.icon = new LabIcon({ name: "kernelkit:trainings", svgstr: ICON });
    widget.title.caption = "Trainings";
    widget.node.setAttribute("role", "region");
    widget.node.setAttribute("aria-label", "Trainings");
    let item: Widget | null = null; // of the status bar
    let furnished: ReturnType<typeof furnish> | null = null;
    const furniture = () => (furnished ??= furnish(state).then((found) => {
      const list = new found.List(found.room, { show: (saved) => show(saved), open: (path) => void app.commands.execute("docmanager:open", { path }) });
      widget.node.append(list.node);
      const look = new IntersectionObserver(() => list.soon());
      look.observe(list.node);
      found.room.subscribe(() => {
        const text = found.statusOf(found.room);
        item?.setHidden(!text);
        if (item && item.node.textContent !== text) item.node.textContent = text;
      });
      return found;
    }));
    const show = async (saved: Saved): Promise<void> => {
      const { drawHistory } = await import("../outputs");
      const content = new Widget();
      content.node.style.cssText = "overflow: auto; padding: 12px 18px; background: var(--jp-layout-color0)";
      const clear = drawHistory(content.node, saved);
      const tab = new MainAreaWidget({ content });
      tab.title.label = saved.title === "comparison" ? "Comparison of trainings" : saved.title;
      tab.title.icon = widget.title.icon;
      tab.disposed.connect(clear);
      app.shell.add(tab, "main");
      app.shell.activateById(tab.id);
    };

    const open = () => app.shell.activateById(PLACE);
    const all = async (wanted: (room: Room) => Training[], kind: "pause" | "resume" | "stop") => {
      const { room } = await furniture();
      for (const training of wanted(room)) room.steer(training, kind, kind === "stop" ? "batch" : undefined);
    };
    const settings = await registry?.load(ID).catch(() => null);
    const wants = (name: string) => settings?.composite[name];
    app.shell.add(widget, wants("sideBar") === "right" ? "right" : "left", { rank: 800 });
    restorer?.add(widget, PLACE);

    // Not before the list has its place: a command that is offered does something.
    const add = (command: string, label: string, execute: () => unknown) => {
      app.commands.addCommand(command, { label, execute: () => void execute() });
      palette?.addItem({ command, category: "kernelkit" });
    };
    add(COMMANDS.list, "Show Trainings", open);
    add(COMMANDS.pause, "Pause All Trainings", () => all((room) => room.running.filter((t) => t.run.facts?.state !== "paused"), "pause"));
    add(COMMANDS.resume, "Resume All Trainings", () => all((room) => room.running.filter((t) => t.run.facts?.state === "paused"), "resume"));
    add(COMMANDS.stop, "Stop All Trainings", () => all((room) => room.running, "stop"));

    if (statusBar && wants("statusBar") !== false) {
      item = new Widget();
      item.node.style.cssText = "display: flex; align-items: center; cursor: pointer; padding: 0 6px";
      item.node.addEventListener("click", open);
      item.hide();
      statusBar.registerStatusItem(ID, { item, align: "left", rank: 100 });
    }

    const watch = async (panel: NotebookPanel): Promise<void> => {
      const { room, bookOf, isLive } = await furniture();
      if (panel.isDisposed) return;
      let shown = false;
      bookOf(panel, room, () => {
        if (!shown && wants("openOnTraining") && room.running.some(isLive)) open();
        shown = true;
      }, () => app.shell.activateById(panel.id));
    };
    notebooks?.forEach((panel) => void watch(panel));
    notebooks?.widgetAdded.connect((_, panel) => void watch(panel));
  },
};
