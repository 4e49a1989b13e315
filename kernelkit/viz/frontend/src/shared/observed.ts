// What views listen to.

export class Observed {
  private listeners = new Set<() => void>();
  private frame = 0;

  /** Call back, at most once a frame, after something changed; returns how to end that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      for (const listener of this.listeners) listener();
    });
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.listeners.clear();
  }
}
