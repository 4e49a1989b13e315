"""`history_frame`: a history as a pandas table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from kernelkit.viz.curves.plot import as_histories


def history_frame(history: Any, per: Literal["epoch", "batch"] = "epoch") -> Any:
    """Return a training's values as a table.

    Args:
        history: A History, or a dict from log name to a value per epoch.
        per: `"epoch"`, or `"batch"` for the running means after each batch. Only a History has these.

    Returns:
        A `pandas.DataFrame` with a column for each log, indexed by epoch or batch from 1. A missing value is NaN.

    Raises:
        ValueError: If `per` is neither.
        ImportError: If pandas is not installed.

    Example:
        >>> history_frame({"loss": [3.0, 2.0], "val_loss": [3.5, 2.5]}).val_loss.min()
        np.float64(2.5)
    """
    if per not in ("epoch", "batch"):
        raise ValueError(f"to_frame: per must be 'epoch' or 'batch', got {per!r}.")
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas: pip install pandas. Without it, history.history is a dict of lists."
        ) from error
    if per == "batch":
        columns: Mapping[str, Any] = history.batches
        rows = np.arange(1, max((len(column) for column in columns.values()), default=0) + 1)
    else:
        epochs, columns = as_histories(history)[""]
        rows = np.array(epochs, int) + 1
    series = {name: pandas.Series(values, index=rows[: len(values)]) for name, values in columns.items()}
    return pandas.DataFrame(series, index=pandas.Index(rows, name=per))
