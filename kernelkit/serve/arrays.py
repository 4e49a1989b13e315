"""Convert the values that a client sent to arrays, checked against the model's inputs, and arrays to JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit.export.signature import TensorSpec
from kernelkit.serve.limits import Limits, Refused

_KINDS = {"f": "fiu", "i": "iu", "u": "iu", "b": "b", "U": "U"}
"""The kinds of NumPy arrays that can be converted to each kind."""


def array(value: Any, spec: TensorSpec) -> np.ndarray:
    """Return nested lists of numbers as an array of an input's dtype.

    Raises:
        Refused: If the lists are not a regular array of such numbers.
    """
    try:
        made = np.asarray(value)
    except (ValueError, OverflowError, TypeError):
        raise Refused(
            400, f"Input {spec.name!r}: the lists have unequal lengths, or contain values that are not numbers."
        ) from None
    if spec.dtype == "string":
        if made.dtype.kind not in "U" or not made.size:
            raise Refused(400, f"Input {spec.name!r} takes strings, got {_kind(made)}.")
        return made
    dtype = jnp.dtype(spec.dtype)
    kind = "f" if jnp.issubdtype(dtype, jnp.floating) else dtype.kind
    if made.dtype.kind not in _KINDS.get(kind, "") and made.size:
        raise Refused(400, f"Input {spec.name!r} takes {spec.dtype}, got {_kind(made)}.")
    return cast(made, dtype, spec.name)


def cast(made: np.ndarray, dtype: Any, name: str) -> np.ndarray:
    """Return an array in another dtype.

    Raises:
        Refused: If a whole number does not fit.
    """
    if dtype.kind in "iu" and made.size and made.dtype != dtype:
        info = np.iinfo(dtype)
        if made.min() < info.min or made.max() > info.max:
            raise Refused(400, f"Input {name!r} takes {dtype.name}: numbers from {info.min} to {info.max}.")
    with np.errstate(over="ignore"):
        return made.astype(dtype)


def checked(arrays: Mapping[str, np.ndarray], specs: Sequence[TensorSpec], limits: Limits) -> list[np.ndarray]:
    """Return a request's arrays in the order of the model's inputs.

    Raises:
        Refused: If an array is missing or has the wrong shape, or if the request has too many rows.
    """
    names = [spec.name for spec in specs]
    if set(arrays) != set(names):
        raise Refused(400, f"The model takes the inputs {names}, got {sorted(arrays)}.")
    rows: int | None = None
    for spec in specs:
        shape = arrays[spec.name].shape
        fits = len(shape) == len(spec.shape) and all(n in (None, m) for n, m in zip(spec.shape[1:], shape[1:]))  # noqa: B905
        if not fits:
            raise Refused(400, f"Input {spec.name!r} has shape {_shown(spec.shape)}, got {_shown(shape)}.")
        if shape[0] == 0 or 0 in shape[1:]:
            raise Refused(400, f"Input {spec.name!r} is empty: its shape is {_shown(shape)}.")
        if shape[0] > limits.rows:
            raise Refused(413, f"The request has {shape[0]} rows, the limit is {limits.rows}: send several requests.")
        for size, given in zip(spec.shape[1:], shape[1:], strict=True):
            if size is None and given > limits.open_size:
                raise Refused(413, f"Input {spec.name!r} has an axis of size {given}, the limit is {limits.open_size}.")
        if rows is not None and shape[0] != rows:
            raise Refused(400, f"The inputs have different numbers of rows: {rows} and {shape[0]}.")
        rows = shape[0]
    return [arrays[name] for name in names]


to_text = json.JSONEncoder(separators=(",", ":")).encode


def to_json(value: Any) -> bytes:
    """Return a value as JSON without spaces. The encoder is made once: `json.dumps` would make one for each answer."""
    return to_text(value).encode()


def plain(made: np.ndarray) -> Any:
    """Return an array as nested lists for JSON, which has no NaN or infinity: they become ``None``."""
    if made.dtype.kind not in "biufU":  # bfloat16 and similar dtypes
        made = made.astype("float32")
    values = made.tolist()
    if made.dtype.kind == "f" and not np.isfinite(made).all():
        return _without_nan(values)
    return values


def _without_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return value if math.isfinite(value) else None


def _shown(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("any" if n is None else str(n) for n in shape) + "]"


def _kind(made: np.ndarray) -> str:
    return {"f": "fractions", "i": "whole numbers", "u": "whole numbers", "b": "true and false", "U": "strings"}.get(
        made.dtype.kind, "other things"
    )
