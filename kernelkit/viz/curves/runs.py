"""`runs`: the trainings of this kernel as a table, to sort, compare, drop and save."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kernelkit.typing import PathLike
from kernelkit.viz.curves.compare import Comparison, compare
from kernelkit.viz.curves.store import higher_is_better
from kernelkit.viz.curves.text import sparkline

KEPT = 200
"""Maximum number of runs kept; older ones are forgotten."""
MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class RunRecord:
    """One training.

    Attributes:
        number: Its number in this kernel, from 1.
        name: The name given to `fit`, by default the model's.
        config: The settings: model, loss, optimizer, batch size, epochs.
        ended: The end of the training: ``"done"``, ``"stopped early"``, ``"NaN"`` ...
        seconds: Duration in seconds.
        epoch: Numbers of its epochs, from 0.
        history: Dict from log name to a value per epoch.
        best: Dict from log name to its best value.
    """

    number: int
    name: str
    config: dict[str, Any]
    ended: str
    seconds: float
    epoch: list[int] = field(default_factory=list)
    history: dict[str, list[float]] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)


class Runs:
    """A table of trainings.

    Example:
        >>> table = Runs([RunRecord(1, "a", {}, "done", 2.0, [0, 1], {"loss": [3, 1]}, {"loss": 1})])
        >>> table.add("b", {}, "done", 1.0, [0, 1], {"loss": [3.0, 2.0]})
        >>> table.sort("loss").names(), len(table.drop("a"))
        (['a', 'b'], 1)
    """

    def __init__(self, records: list[RunRecord] | None = None) -> None:
        self.records = list(records or ())

    def add(
        self,
        name: str,
        config: dict[str, Any],
        ended: str,
        seconds: float,
        epoch: list[int],
        history: dict[str, list[float]],
    ) -> None:
        """Add a training."""
        number = 1 + max((record.number for record in self.records), default=0)
        best = {log: value for log, values in history.items() if (value := _best(log, values)) is not None}
        self.records.append(RunRecord(number, name, config, ended, seconds, epoch, history, best))
        del self.records[:-KEPT]

    def names(self) -> list[str]:
        """Return the names of the runs, in their order."""
        return [record.name for record in self.records]

    def sort(self, by: str) -> Runs:
        """Return the runs sorted, the best first.

        Args:
            by: A log, such as ``"val_loss"``; ``"seconds"``, ``"number"`` or ``"name"``; or a setting of the config.

        Raises:
            KeyError: If no run has it.
        """
        key: Callable[[RunRecord], Any]
        if by in ("seconds", "number", "name"):
            key = lambda record: getattr(record, by)  # noqa: E731
        elif any(by in record.best for record in self.records):
            sign = -1 if higher_is_better(by) else 1
            key = lambda record: sign * record.best.get(by, sign * math.inf)  # noqa: E731
        elif any(by in record.config for record in self.records):
            key = lambda record: str(record.config.get(by, ""))  # noqa: E731
        else:
            known = sorted({name for record in self.records for name in (*record.best, *record.config)})
            raise KeyError(f"No run has {by!r}; there are {['seconds', 'number', 'name', *known]}.")
        return Runs(sorted(self.records, key=key))

    def drop(self, *which: str | int) -> Runs:
        """Forget runs, given their names or numbers, and return the table."""
        for one in which:
            self[one]  # raises if there is none
        self.records[:] = [r for r in self.records if r.name not in which and r.number not in which]
        return self

    def compare(self, *which: str | int) -> Comparison:
        """Draw the curves of runs, given their names or numbers, in the same charts. Default: all."""
        chosen = [self[one] for one in which] or self.records
        labels = [r.name if [c.name for c in chosen].count(r.name) == 1 else f"{r.name} ({r.number})" for r in chosen]
        return compare({label: r.history for label, r in zip(labels, chosen, strict=True)})

    def to_frame(self) -> Any:
        """Return a `pandas.DataFrame` with a row for each run."""
        import pandas

        rows = [
            {"name": r.name, **r.config, "ended": r.ended, "seconds": r.seconds, **_titled(r.best)}
            for r in self.records
        ]
        return pandas.DataFrame(rows, index=pandas.Index([r.number for r in self.records], name="run"))

    def save(self, path: PathLike) -> None:
        """Write the runs to a JSON file, which :meth:`load` reads in another kernel."""
        text = json.dumps([asdict(record) for record in self.records])
        Path(path).write_text(text, encoding="utf-8")

    def load(self, path: PathLike) -> Runs:
        """Add the runs of a file after those of this kernel, and return the table.

        Raises:
            ValueError: If the file does not contain runs, or is larger than 64 MB.
        """
        file = Path(path)
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"{file.name} is larger than {MOST_BYTES >> 20} MB, too large for a file of runs.")
        try:
            for entry in json.loads(file.read_text(encoding="utf-8")):
                history = {str(k): [float(v) for v in values] for k, values in entry["history"].items()}
                config = {str(k): v for k, v in entry["config"].items() if isinstance(v, (str, int, float, type(None)))}
                epochs = [int(n) for n in entry["epoch"]]
                self.add(str(entry["name"]), config, str(entry["ended"]), float(entry["seconds"]), epochs, history)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError(f"{file.name} does not contain runs of kernelkit: {error}") from error
        return self

    def __getitem__(self, which: str | int) -> RunRecord:
        for record in reversed(self.records):
            if which in (record.name, record.number):
                return record
        raise KeyError(f"There is no run {which!r}; there are {[(r.number, r.name) for r in self.records]}.")

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def _rows(self) -> list[list[str]]:
        logs = list(dict.fromkeys(log for r in self.records for log in r.best if log != "learning_rate"))
        settings = list(dict.fromkeys(name for r in self.records for name in r.config))
        head = ["run", "name", *settings, "ended", "time", "curve", *(f"best {log}" for log in logs)]
        rows = [head]
        for r in self.records:
            curve = next((r.history[log] for log in ("val_loss", "loss", *r.history) if log in r.history), [])
            best = [f"{r.best[log]:.4g}" if log in r.best else "" for log in logs]
            values = [str(r.config.get(name, "")) for name in settings]
            drawn = sparkline(np.array(curve), 16) if curve else ""
            rows.append([str(r.number), r.name, *values, r.ended, f"{r.seconds:.1f} s", drawn, *best])
        return rows

    def __repr__(self) -> str:
        if not self.records:
            return "No training was shown in this kernel yet."
        rows = self._rows()
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        if not self.records:
            return f"<p>{self!r}</p>"
        head, *rows = self._rows()
        cells = lambda row, tag: "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in row)  # noqa: E731
        body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
        return f"<table><thead><tr>{cells(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"


def runs() -> Runs:
    """Return the trainings that this kernel has shown, in their order.

    Returns:
        A `Runs`: a table in a notebook; `.sort(by)`, `.compare(...)`, `.drop(...)`, `.save(path)`, `.to_frame()`.

    Example:
        >>> isinstance(runs(), Runs)
        True
    """
    return _known


def _titled(best: dict[str, float]) -> dict[str, float]:
    return {f"best {log}": value for log, value in best.items()}


def _best(log: str, values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return None if not finite else (max if higher_is_better(log) else min)(finite)


_known = Runs()
