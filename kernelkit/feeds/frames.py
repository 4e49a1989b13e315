"""DataFrames and their columns (pandas, polars, pyarrow) as arrays, with errors that name the column."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from kernelkit.layers.preprocessing.strings import to_strings

_LIBRARIES = ("pandas", "polars", "pyarrow")
_MOST_NAMED = 5


class Column(NamedTuple):
    """A column of a frame.

    Attributes:
        name: Its name, ``None`` if it has none.
        values: A NumPy array of numbers or bools; an array of objects if the column holds anything else.
        dtype: The dtype, as its library writes it.
        missing: Number of missing values that no number stands for (NaN is such a number).
    """

    name: Any
    values: np.ndarray
    dtype: str
    missing: int


def is_frame(value: Any) -> bool:
    """Return whether a value is a frame or a column of pandas, polars or pyarrow."""
    library = type(value).__module__.partition(".")[0]
    return library in _LIBRARIES and hasattr(value, "collect" if _is_lazy(value) else "__array__")


def frame_array(frame: Any) -> np.ndarray:
    """Return a frame as an array (rows, columns) of numbers, or of strings if all columns hold strings.

    Args:
        frame: A DataFrame of pandas or polars, a Table of pyarrow, or a single column of these.

    Raises:
        TypeError: If columns hold other values; the message names these columns, their dtypes and the remedy.

    Example:
        >>> import pandas as pd
        >>> frame_array(pd.DataFrame({"a": [1, 2], "b": [True, False]})).tolist()
        [[1, 1], [2, 0]]
    """
    if _is_lazy(frame):
        raise TypeError("A LazyFrame has no data yet: give lazy_frame.collect().")
    columns = list(_columns(frame))
    if not columns:
        raise TypeError(f"The {type(frame).__name__} has no columns.")
    if all(_holds_strings(column) for column in columns):
        return np.stack([to_strings(column.values) for column in columns], axis=1)
    problems = [found for column in columns if (found := _problem(column)) is not None]
    if problems:
        more = f"; and {len(problems) - _MOST_NAMED} more columns" if len(problems) > _MOST_NAMED else ""
        raise TypeError(f"A {type(frame).__name__} must hold numbers: {'; '.join(problems[:_MOST_NAMED])}{more}.")
    return np.stack([_numbers(column.values) for column in columns], axis=1)


def _is_lazy(value: Any) -> bool:
    return type(value).__name__ == "LazyFrame"


def _columns(frame: Any) -> Iterator[Column]:
    library = type(frame).__module__.partition(".")[0]
    if library == "pandas":
        yield from _pandas_columns(frame)
    elif library == "polars":
        parts = frame.get_columns() if hasattr(frame, "get_columns") else [frame]
        for part in parts:
            plain = part.dtype.is_numeric() or str(part.dtype) == "Boolean"
            values = part.to_numpy() if plain else np.array(part.to_list(), dtype=object)
            yield Column(part.name or None, values, str(part.dtype), part.null_count())
    else:
        names = getattr(frame, "column_names", [None])
        for name, part in zip(names, getattr(frame, "columns", [frame]), strict=True):
            values = part.to_numpy() if hasattr(part, "chunks") else part.to_numpy(zero_copy_only=False)
            kept = values if values.dtype.kind in "fiub" else np.array(part.to_pylist(), dtype=object)
            yield Column(name, kept, str(part.type), part.null_count)


def _pandas_columns(frame: Any) -> Iterator[Column]:
    pandas = sys.modules["pandas"]
    if hasattr(frame, "columns"):
        parts = [(name, frame.iloc[:, place]) for place, name in enumerate(frame.columns)]
    else:
        series = frame if isinstance(frame, pandas.Series) else pandas.Series(frame)
        parts = [(series.name, series)]
    for name, part in parts:
        text = str(part.dtype)
        if isinstance(part.dtype, pandas.CategoricalDtype):
            part = part.astype(part.cat.categories.dtype) if not part.isna().any() else part.astype(object)
        if isinstance(part.dtype, np.dtype) and part.dtype.kind in "fiub":
            yield Column(name, part.to_numpy(), text, 0)
            continue
        missing = int(part.isna().sum())
        numeric = pandas.api.types.is_numeric_dtype(part.dtype) and not missing
        dtype = getattr(part.dtype, "numpy_dtype", None) if numeric else None
        yield Column(name, part.to_numpy(dtype=dtype or object), text, missing)


def _holds_strings(column: Column) -> bool:
    values = column.values
    return values.dtype.kind == "O" and values.size > 0 and all(isinstance(v, (str, bytes)) for v in values)


def _problem(column: Column) -> str | None:
    """Return why a column cannot be trained on and what to do, ``None`` if it can."""
    name = "the column" if column.name is None else f"column {column.name!r}"
    kind = column.values.dtype.kind
    if column.missing:
        advice = "fill them (fillna, fill_null) or drop the rows (dropna, drop_nulls)"
        return f"{name} ({column.dtype}) has {column.missing} missing values: {advice}"
    if kind in "fiub":
        return None
    dtype = column.dtype.lower()
    if kind == "M" or dtype.startswith(("datetime", "date", "timestamp")):
        return (
            f"{name} is {column.dtype}: make numbers of it, such as .dt.year or .dt.dayofweek (polars: .dt.weekday())"
        )
    if kind == "m" or dtype.startswith(("timedelta", "duration")):
        return f"{name} is {column.dtype}: make numbers of it, .dt.total_seconds()"
    for value in column.values.tolist():
        if isinstance(value, (str, bytes)):
            advice = "turn them into numbers with StringLookup, or with get_dummies"
            return f"{name} ({column.dtype}) holds strings ({value!r:.40}): {advice}"
        try:
            float(value)
        except (TypeError, ValueError):
            return f"{name} ({column.dtype}) holds {_described(value)}, which is no number"
    return None


def _described(value: Any) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} ({value!r:.40})"


def _numbers(values: np.ndarray) -> np.ndarray:
    return values.astype("float64") if values.dtype.kind == "O" else values
