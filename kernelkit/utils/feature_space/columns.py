"""The columns of a table as arrays, from dicts, frames and rows; each error names the column."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from kernelkit import dtypes
from kernelkit.layers.preprocessing.batches import as_array
from kernelkit.layers.preprocessing.strings import to_strings
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Tensor, Tree
from kernelkit.utils.feature_space.features import Feature

_ROWS_AT_ONCE = 1024


def table_of(data: Tree) -> Mapping[str, Any] | None:
    """Return data with named columns as a mapping; ``None`` if the data have no names.

    Args:
        data: A dict, a frame or a row of one (pandas, polars), a table of pyarrow, or a structured NumPy array.

    Example:
        >>> table = table_of(np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]))
        >>> {name: column.tolist() for name, column in table.items()}
        {'a': [1], 'b': [2.0]}
    """
    if isinstance(data, Mapping):
        return data
    names = getattr(getattr(data, "dtype", None), "names", None) or getattr(data, "column_names", None)
    if names is None and hasattr(data, "columns") and hasattr(data, "__getitem__"):
        names = data.columns
    if names is not None and not callable(names):
        return {name: data[name] for name in names}
    if type(data).__name__ == "Series" and hasattr(data, "index") and hasattr(data, "to_dict"):
        return data.to_dict()
    return None


def read(table: Mapping[str, Any], features: Mapping[str, Feature], who: str) -> tuple[dict[str, Any], bool]:
    """Return the columns of a table, of shape (batch, 1) or more, and whether it is a single row.

    Args:
        table: Columns by name. Columns that are not features are ignored.
        features: The feature of each column.
        who: How errors name the caller.

    Raises:
        ValueError: If a column is missing, holds something else, or columns have unequal lengths.
    """
    absent = [name for name in features if name not in table]
    if absent:
        raise ValueError(f"{who}: the data have no column for the features {absent}. Their columns: {list(table)}.")
    columns = {name: column_of(table[name], feature, f"{who}: feature {name!r}") for name, feature in features.items()}
    shapes = {name: tuple(column.shape) for name, column in columns.items()}
    is_row = not any(shapes.values())
    if not is_row:
        _require_equal_lengths(shapes, who)
    return {name: _with_axes(column) for name, column in columns.items()}, is_row


def column_of(value: Any, feature: Feature, what: str) -> Any:
    """Return one column as an array: jax arrays and symbolic tensors unchanged, all else on the host.

    Args:
        value: Array, list, column of a frame, or a single value.
        feature: The feature of the column.
        what: How errors name the column.

    Raises:
        ValueError: If values are missing or of another kind.
    """
    if isinstance(value, (KerasTensor, jax.Array)):
        if feature.takes_strings != (value.dtype == "string"):
            raise ValueError(f"{what} takes {_kind(feature)}, got a tensor of {value.dtype}.")
        return value
    try:
        array = as_array(value)
    except (ValueError, TypeError) as error:
        _require_all(np.asarray(value, dtype=object), what)
        raise ValueError(f"{what}: {error}") from error
    if array.dtype.kind == "O":
        _require_all(array, what)
    if feature.takes_strings:
        return _strings(array, what)
    return _numbers(array, feature, what)


def _strings(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype.kind not in "OUST" and array.size:
        raise ValueError(
            f"{what} takes strings, got numbers ({array.dtype}). Declare it as 'integer_categorical' or "
            "'integer_hashed', or turn it into strings, for example with astype(str)."
        )
    try:
        return to_strings(array)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _numbers(array: np.ndarray, feature: Feature, what: str) -> np.ndarray:
    if array.dtype.kind == "O":
        with contextlib.suppress(ValueError, TypeError):  # still objects: the error below is raised
            array = np.array(array.tolist())
    if array.dtype.kind not in "fiub":
        shown = array.ravel()[:1].tolist()
        hint = " Declare it as 'string_categorical' or 'string_hashed'." if array.dtype.kind in "UST" else ""
        raise ValueError(
            f"{what} takes {_kind(feature)}, got {array.dtype} values such as {shown[0] if shown else None!r}.{hint}"
        )
    if dtypes.is_float(feature.dtype):
        return array.astype(feature.dtype)
    if array.dtype.kind == "f":
        odd = array[~(np.isfinite(array) & (array == np.trunc(array)))]
        if odd.size:
            raise ValueError(
                f"{what} takes integers, got {odd.size} other values among {array.size}, such as {odd[0]!s}. Replace "
                "missing values, or declare it as a float feature."
            )
    return array.astype("bool" if feature.dtype == "bool" else "int64")


def _require_all(array: np.ndarray, what: str) -> None:
    """Raise ``ValueError`` if values are missing: ``None``, NaN or pandas' NA."""
    missing = sum(v is None or type(v).__name__ in ("NAType", "NaTType") or v != v for v in array.ravel().tolist())
    if missing:
        raise ValueError(f"{what}: {missing} of {array.size} values are missing. Replace them, or drop their rows.")


def _kind(feature: Feature) -> str:
    if feature.takes_strings:
        return "strings"
    return "numbers" if dtypes.is_float(feature.dtype) else "integers"


def _require_equal_lengths(shapes: dict[str, tuple], who: str) -> None:
    lengths = {name: shape[0] for name, shape in shapes.items() if shape}
    if len(lengths) < len(shapes):
        single = next(name for name in shapes if name not in lengths)
        raise ValueError(
            f"{who}: feature {single!r} is a single value, but feature {next(iter(lengths))!r} is a batch."
        )
    if len(set(lengths.values()) - {None}) > 1:  # None: an unknown size of a symbolic tensor
        raise ValueError(f"{who}: the features have unequal numbers of rows: {lengths}.")


def _with_axes(column: Any) -> Any:
    """Return a column with a batch axis and a last axis of features."""
    rank = len(column.shape)
    if rank >= 2:
        return column
    if isinstance(column, KerasTensor):
        return KerasTensor((1,) * (2 - rank) + column.shape if rank == 0 else (*column.shape, 1), column.dtype)
    return column.reshape((1, 1) if rank == 0 else (column.shape[0], 1))


# Data sets ------------------------------------------------------------------------------------------------------------


def tables_in(data: Tree, who: str) -> Iterator[Mapping[str, Any]]:
    """Yield the tables of a data set, in one pass; single rows are gathered into tables.

    Args:
        data: A table, or an iterable of tables or rows: a `tf.data.Dataset`, a :class:`~kernelkit.utils.Dataset`, a
            `DataLoader`, a generator. Of pairs ``(x, y)`` only ``x`` is used.
        who: How errors name the caller.

    Raises:
        ValueError: If the data have no named columns, or never end.
    """
    whole = table_of(data)
    if whole is not None:
        yield whole
        return
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise ValueError(f"{who}: adapt() takes a dict of columns, a frame, or a data set of such, got {data!r}.")
    if hasattr(data, "cardinality") and int(data.cardinality()) == -1:
        raise ValueError(f"{who}: adapt() was given a data set that never ends. Limit it with take(batches).")
    source = data.as_numpy_iterator() if hasattr(data, "as_numpy_iterator") else data
    for is_row, group in itertools.groupby((_named(element, who) for element in _elements(source)), _is_row):
        if not is_row:
            yield from group
            continue
        while rows := list(itertools.islice(group, _ROWS_AT_ONCE)):
            yield {name: [row[name] for row in rows] for name in rows[0]}


def _elements(source: Any) -> Iterable[Any]:
    return source if hasattr(source, "__iter__") else (source[i] for i in range(len(source)))


def _named(element: Tensor, who: str) -> Mapping[str, Any]:
    if isinstance(element, (tuple, list)) and element:
        element = element[0]
    table = table_of(element)
    if table is None:
        raise ValueError(
            f"{who}: adapt() takes data with named columns, but the data set yields {type(element).__name__}."
        )
    return table


def _is_row(table: Mapping[str, Any]) -> bool:
    return all(np.ndim(value) == 0 for value in table.values())
