"""Small helpers under Keras's private names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

_GRAIN = tuple(os.path.join("grain", "_src", "python", part) for part in ("dataset", "data_loader"))


def standardize_tuple(value: Any, n: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """Return an int or a sequence of ints as a tuple of a length.

    Raises:
        ValueError: If the value is neither, has another length, or holds a number that is too small.
    """
    values = (value,) * n if isinstance(value, int) else value
    try:
        numbers = tuple(int(v) for v in values)
    except (TypeError, ValueError):
        numbers = ()
    least = 0 if allow_zero else 1
    if len(numbers) != n or any(v < least for v in numbers):
        raise ValueError(
            f"The `{name}` argument must be a tuple of {n} integers of at least {least}. Received: {value}"
        )
    return numbers


def standardize_padding(value: Any, allow_causal: bool = False) -> Any:
    """Return the name of a padding in lower case."""
    if isinstance(value, (list, tuple)):
        return value
    allowed = {"valid", "same", *(["causal"] if allow_causal else [])}
    if str(value).lower() not in allowed:
        raise ValueError(f"The `padding` argument must be one of {sorted(allowed)}. Received: {value}")
    return str(value).lower()


def in_tf_graph() -> bool:
    """Return whether TensorFlow is tracing a graph, as in `Dataset.map`."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and not tf.executing_eagerly()


def in_grain_data_pipeline() -> bool:
    """Return whether a dataset or loader of grain is calling: one of its functions is on the stack."""
    if "grain" not in sys.modules:
        return False
    frame = sys._getframe(1)
    while frame is not None:
        if any(part in frame.f_code.co_filename for part in _GRAIN):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def no_automatic_dependency_tracking(method: Callable) -> Callable:
    """Return a method unchanged: kernelkit finds parts when they are needed."""
    return method
