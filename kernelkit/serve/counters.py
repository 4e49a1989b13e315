"""The counters of a server, and the metrics page in Prometheus's text format."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    """Counts of values up to each of some bounds.

    Args:
        bounds: Bounds, ascending.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: str) -> list[str]:
        """Return the lines of the metrics page."""
        made, below = [], 0
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            below += count
            made.append(f'{name}_bucket{{{labels},le="{bound}"}} {below}')
        return [*made, f"{name}_sum{{{labels}}} {self.total:.6g}", f"{name}_count{{{labels}}} {below}"]


class Counters:
    """The counts of one model. Threads may share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.answers: Counter[int] = Counter()
        self.seconds = Histogram(SECONDS)
        self.batch_rows = Histogram(tuple(map(float, ROWS)))
        self.batch_seconds = Histogram(SECONDS)

    def answer(self, status: int, seconds: float) -> None:
        """Count an answer to a client."""
        with self._lock:
            self.answers[status] += 1
            self.seconds.add(seconds)

    def batch(self, rows: int, seconds: float) -> None:
        """Count a batch that was computed."""
        with self._lock:
            self.batch_rows.add(rows)
            self.batch_seconds.add(seconds)

    def lines(self, model: str, gauges: Mapping[str, int]) -> list[str]:
        """Return the lines of the metrics page for a model."""
        labels = f'model="{model}"'
        with self._lock:
            made = [
                f'kernelkit_answers_total{{{labels},status="{code}"}} {n}' for code, n in sorted(self.answers.items())
            ]
            made += self.seconds.lines("kernelkit_request_seconds", labels)
            made += self.batch_rows.lines("kernelkit_batch_rows", labels)
            made += self.batch_seconds.lines("kernelkit_batch_seconds", labels)
        return made + [f"kernelkit_{name}{{{labels}}} {value}" for name, value in gauges.items()]


HELP = {
    "kernelkit_answers_total": ("counter", "Answers by HTTP status."),
    "kernelkit_request_seconds": ("histogram", "Time from a request to its answer."),
    "kernelkit_batch_rows": ("histogram", "Rows in a computed batch."),
    "kernelkit_batch_seconds": ("histogram", "Time to compute a batch."),
    "kernelkit_queue_rows": ("gauge", "Rows that wait in the queue."),
    "kernelkit_compiled_programs": ("gauge", "Programs that were compiled, one for each batch size and shape."),
}


def page(lines: list[str]) -> str:
    """Return the metrics page."""
    made = []
    for name, (kind, text) in HELP.items():
        made += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        made += [line for line in lines if line.startswith((f"{name}{{", f"{name}_"))]
    return "\n".join(made) + "\n"
