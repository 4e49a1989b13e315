// What the status bar says of the trainings that run.

import * as format from "../../../kernelkit/viz/frontend/src/shared/format";
import type { Room } from "./room";

/** The device, its memory and the number of trainings; an empty text where none runs. */
export function statusOf(room: Room): string {
  const { running } = room;
  if (!running.length) return "";
  const { device, memory } = running[0].run.facts!;
  const parts = [`${running.length} training${running.length === 1 ? "" : "s"}`, device ?? "", memory ? format.memory(memory) : ""];
  return parts.filter(Boolean).join(" · ");
}
