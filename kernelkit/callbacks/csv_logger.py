"""Write the logs of each epoch to a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kernelkit.training.callback import Callback, was_cut_short


class CSVLogger(Callback):
    """Write a line for each epoch to a CSV file: the epoch's number and all logs, sorted by name.

    Args:
        filename: Path of the file.
        separator: Text between two values.
        append: Whether to append lines to an existing file instead of replacing it.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/log.csv"
        >>> logger = CSVLogger(path)
        >>> logger.on_train_begin()
        >>> logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
        >>> logger.on_train_end()
        >>> print(open(path).read().strip())
        epoch,loss,val_loss
        0,0.5,0.75
    """

    first_process_only = True

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        path = Path(self.filename)
        has_lines = path.exists() and path.stat().st_size > 0
        self._header_due = not (self.append and has_lines)
        self.keys = None
        self._file = path.open("a" if self.append else "w", newline="")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if was_cut_short(self):
            return
        logs = logs or {}
        if self.keys is None:
            # Validation may begin in a later epoch, so make its columns now.
            has_validation = any(key.startswith("val_") for key in logs)
            self.keys = sorted(logs) + ([] if has_validation else [f"val_{key}" for key in sorted(logs)])
        writer = csv.writer(self._file, delimiter=self.sep)
        if self._header_due:
            self._header_due = False
            writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(_cell(logs[key]) if key in logs else "NA" for key in self.keys)])
        self._file.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._file.close()


def _cell(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        return value
    return f'"[{", ".join(str(v) for v in value)}]"'
