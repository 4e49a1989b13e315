"""`Records`: the logs of each step, by step number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_PENDING = 64


class Records:
    """The scalar logs of all steps done, in growing arrays.

    Logs stay on the device until they are read, or until there are too many.

    Args:
        begin: Number of the first step.
        means: Whether ``loss`` is the running mean of the epoch, weighted by samples, as Keras reports it.
        order: Returns the names of the metrics in the order of ``compile``.
    """

    def __init__(self, begin: int = 0, means: bool = True, order: Callable[[], list[str]] = list) -> None:
        self.begin = self.end = begin
        self.means = means
        self._order = order
        self._columns: dict[str, np.ndarray] = {}
        self._pending: list[tuple[int, int, dict]] = []

    @classmethod
    def of(cls, begin: int, means: bool, columns: dict[str, np.ndarray]) -> Records:
        """Return records from stored columns: arrays with one value per step, by name."""
        records = cls(begin, means)
        records._columns = {name: np.array(values) for name, values in columns.items()}
        records.end = begin + max((len(v) for v in columns.values()), default=0)
        return records

    def add(self, first: int, count: int, logs: dict[str, Any], epoch: int, step: int, rows: int) -> None:
        """Keep the logs of a dispatch. Logs of known steps do not change.

        Args:
            first: Number of the dispatch's first step.
            count: Number of steps.
            logs: Arrays by name, one row for each step.
            epoch: Number of the epoch.
            step: Number of the first step in its epoch.
            rows: Samples in each batch.
        """
        if first + count <= self.end:
            return
        span = slice(self.end - self.begin, first + count - self.begin)
        fresh = np.arange(self.end - first, count)
        self.end = first + count
        self._room("epoch", "int64")[span] = epoch
        self._room("step", "int64")[span] = step + fresh
        self._room("rows", "int64")[span] = rows
        self._pending.append((first, count, logs))
        if len(self._pending) > _PENDING:
            self._copy(2)

    def column(self, name: str) -> np.ndarray:
        """Return one value per step: a log, or ``"epoch"``, ``"step"`` (within its epoch) or ``"rows"``."""
        self._copy(0)
        if name not in self._columns:
            raise KeyError(f"There is no log {name!r}; there are {self.names}.")
        return self._room(name, str(self._columns[name].dtype))[: self.end - self.begin]

    @property
    def names(self) -> list[str]:
        """The names of the logs: the loss first, metrics in the order of ``compile``, then others by their names."""
        self._copy(0)
        logs = [n for n in self._columns if n not in ("epoch", "step", "rows")]
        known = self._order()
        return sorted(logs, key=lambda n: (n != "loss", known.index(n) if n in known else len(known), n))

    @property
    def main(self) -> str:
        """The log that is used as the loss: ``"loss"``, or the first log with "loss" in its name, or the first log.

        A custom ``train_step`` may report no ``"loss"``, as a GAN with two losses does. Without logs this is
        ``""``.
        """
        names = self.names
        return next((n for n in names if n == "loss"), next((n for n in names if "loss" in n), [*names, ""][0]))

    def logs(self, step: int) -> dict[str, float]:
        """Return the logs of one step."""
        return {name: float(self.column(name)[step - self.begin]) for name in self.names}

    def losses(self) -> np.ndarray:
        """Return each batch's own loss. If steps report running means, it is computed from them.

        If steps report no ``"loss"``, this is the log :attr:`main`, unchanged; NaN if there is no log.

        Running means are float32, so the losses of late steps in a long epoch are less exact: the error is about 1e-7
        times the step's number, relative to the mean.
        """
        if (main := self.main) != "loss":
            return self.column(main).astype("float64") if main else np.full(self.end - self.begin, np.nan)
        loss = self.column("loss").astype("float64")
        if not self.means or not len(loss):
            return loss
        rows, starts = self.column("rows"), self.column("step") == 0
        seen = np.cumsum(rows)
        offset = np.maximum.accumulate(np.where(starts, seen - rows, 0))
        seen = seen - offset
        with np.errstate(invalid="ignore"):
            total = loss * seen
            before = np.where(starts, 0.0, np.concatenate([[0.0], total[:-1]]))
            # After a NaN all running means of the epoch are NaN, and so are the computed batch losses.
            return (total - before) / rows

    def cut(self, end: int) -> Records:
        """Return a copy that ends at a step, as the past of a fork."""
        self._copy(0)
        twin = Records(self.begin, self.means, self._order)
        twin.end = end
        twin._columns = {name: values[: end - self.begin].copy() for name, values in self._columns.items()}
        return twin

    def _room(self, name: str, dtype: str) -> np.ndarray:
        """Return a column with room for all steps."""
        needed = self.end - self.begin
        column = self._columns.get(name, np.empty(0, dtype))
        if len(column) < needed:
            fill = np.full(max(64, needed, 2 * len(column)) - len(column), np.nan if dtype == "float32" else 0, dtype)
            column = self._columns[name] = np.concatenate([column, fill])
        return column

    def _copy(self, left: int) -> None:
        while len(self._pending) > left:
            first, count, logs = self._pending.pop(0)
            for name, values in logs.items():
                if values.ndim == 1:
                    span = slice(first - self.begin, first + count - self.begin)
                    self._room(name, "float32")[span] = np.asarray(values)[:count]


def curve_title(log: str) -> str:
    """Return the title of a debugger's curve for a log.

    Example:
        >>> curve_title("loss"), curve_title("d_loss")
        ('loss of each batch', 'd_loss of each step')
    """
    return "loss of each batch" if log in ("loss", "") else f"{log} of each step"
