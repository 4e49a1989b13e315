// All that is known of one training, kept right although messages may be lost or come twice.

import { Series } from "./series";
import type { Axis, Earlier, Facts, Update } from "./types";

export const LEARNING_RATE = "learning_rate";

export class Run {
  facts: Facts | null = null;
  earlier: Earlier[] = [];
  received = 0; // performance.now() of the last message
  private sequence = -1;
  private curves = new Map<string, Series>();

  /** Take a message over. False when one before it is missing: the caller asks for everything. */
  receive(update: Update, buffer: DataView | undefined): boolean {
    if (update.sequence <= this.sequence) return true;
    const follows = update.full || update.sequence === this.sequence + 1;
    this.facts = update.facts;
    this.received = performance.now();
    if (!follows) return false;
    if (update.full) this.curves.clear();
    if (update.earlier) this.earlier = update.earlier;
    this.sequence = update.sequence;
    const data = floats(buffer);
    let offset = 0;
    for (const entry of update.curves) {
      const key = `${entry.axis} ${entry.name}`;
      let series = this.curves.get(key);
      if (!series) this.curves.set(key, (series = new Series()));
      offset = series.apply(entry, data, offset);
    }
    return true;
  }

  curve(axis: Axis, name: string): Series | undefined {
    return this.curves.get(`${axis} ${name}`);
  }

  /** All curves with their axis and name. */
  all(): { axis: Axis; name: string; series: Series }[] {
    return [...this.curves].map(([key, series]) => {
      const space = key.indexOf(" ");
      return { axis: key.slice(0, space) as Axis, name: key.slice(space + 1), series };
    });
  }

  /** Step counts at which epochs ended. */
  get ends(): Series {
    return this.curve("epoch", "") ?? new Series();
  }

  /** Metric names without `val_`: loss first, the learning rate last and only where it changes. */
  metrics(): string[] {
    const names = new Set<string>(["loss", ...(this.facts?.metrics ?? [])]);
    for (const key of this.curves.keys()) {
      const name = key.slice(key.indexOf(" ") + 1);
      if (name !== "" && name !== LEARNING_RATE && name !== "lr") names.add(name.replace(/^val_/, ""));
    }
    if (this.facts?.rate_changes) names.add(LEARNING_RATE);
    return [...names].filter((n) =>
      this.curve("step", n) || this.curve("epoch", n) || this.curve("epoch", `val_${n}`));
  }
}

function floats(buffer: DataView | undefined): Float32Array {
  if (!buffer || buffer.byteLength === 0) return new Float32Array(0);
  return new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
}
