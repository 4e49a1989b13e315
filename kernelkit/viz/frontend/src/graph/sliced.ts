// Long work in slices, so that the page stays alive and the reader can end it. A generator yields where it can rest.

const FIRST = 40; // ms at once: most work is done then
const SLICE = 8;
const PATIENCE = 250; // ms after which the reader is told

export class Sliced {
  private timer = 0;
  private stop: (() => void) | null = null;

  /** `told` is called with how to cancel when work takes long, and with null when it has ended. */
  constructor(private readonly told: (cancel: (() => void) | null) => void = () => undefined) {}

  /** Do work; what was under way is dropped. `done` is not called after a cancel. */
  start<T>(work: Generator<unknown, T>, done: (result: T) => void): void {
    this.cancel();
    const begin = performance.now();
    let shown = false;
    this.stop = () => { if (shown) this.told(null); };
    const slice = (room: number): void => {
      this.timer = 0;
      const until = performance.now() + room;
      do {
        const { done: over, value } = work.next();
        if (!over) continue;
        this.stop = null;
        if (shown) this.told(null);
        return done(value);
      } while (performance.now() < until);
      if (!shown && performance.now() - begin > PATIENCE) {
        shown = true;
        this.told(() => this.cancel());
      }
      this.timer = window.setTimeout(() => slice(SLICE), 0);
    };
    slice(FIRST);
  }

  cancel(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    const { stop } = this;
    this.stop = null;
    stop?.();
  }
}
