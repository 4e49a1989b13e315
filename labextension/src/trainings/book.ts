// A notebook's panel as the room of trainings sees it.

import type { CodeCell, ICodeCellModel } from "@jupyterlab/cells";
import type { NotebookPanel } from "@jupyterlab/notebook";
import type { KernelMessage } from "@jupyterlab/services";
import { HISTORY, type Book, type Kernel, type Message, type Room } from "./room";

const QUIET = 400; // ms without a change after which outputs are read

/** Let a room hear a notebook's kernel and read its outputs, until the notebook is closed; `show` brings its tab forward. */
export function bookOf(panel: NotebookPanel, room: Room, heard: () => void, show: () => void): void {
  const { sessionContext } = panel;
  const cells = () => panel.content.widgets.filter((cell): cell is CodeCell => cell.model.type === "code");
  const dataOf = (cell: CodeCell): any[] => {
    const { outputs } = cell.model as ICodeCellModel;
    return Array.from({ length: Math.min(outputs.length, 100) }, (_, i) => outputs.get(i).data);
  };
  const book: Book = {
    get path() { return panel.context.path; },
    kernel: () => (sessionContext.session?.kernel as Kernel | null | undefined) ?? null,
    jump: (shows) => {
      const all = cells();
      const cell = all.find((c) => dataOf(c).some(shows)) ?? all.find((c) => (c.model as ICodeCellModel).executionState === "running");
      show();
      if (!cell) return;
      panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
      void panel.content.scrollToCell(cell, "center");
    },
    outputs: () => cells().flatMap((cell) => dataOf(cell).flatMap((data) => (HISTORY in data ? [data[HISTORY]] : []))),
  };
  let timer = 0;
  const later = (): void => {
    clearTimeout(timer);
    timer = window.setTimeout(() => { if (!panel.isDisposed) room.read(book); }, QUIET);
  };
  const hear = (_: unknown, message: KernelMessage.IMessage): void => {
    const before = room.running.length;
    room.hear(book, message as unknown as Message);
    if (room.running.length > before) heard();
    if (message.header.msg_type === "update_display_data" || message.header.msg_type === "display_data") later();
  };
  const state = (_: unknown, status: string): void => {
    if (["restarting", "autorestarting", "terminating", "dead"].includes(status)) room.lose(book);
  };
  const gone = (): void => room.lose(book);
  sessionContext.iopubMessage.connect(hear);
  sessionContext.statusChanged.connect(state);
  sessionContext.kernelChanged.connect(gone);
  panel.content.modelContentChanged.connect(later);
  void panel.context.ready.then(later);
  panel.disposed.connect(() => {
    clearTimeout(timer);
    sessionContext.iopubMessage.disconnect(hear);
    sessionContext.statusChanged.disconnect(state);
    sessionContext.kernelChanged.disconnect(gone);
    room.forget(book);
  });
}
