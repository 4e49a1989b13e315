"""Hints for errors of other libraries: a tensor without a value met code that needs a value."""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import jax

_TRACER_ERRORS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
_OF_TENSORFLOW = re.compile(r"\b(?:tf|tensorflow)\.((?:\w+\.)*\w+)\s*\(")
_OF_NUMPY = re.compile(r"\b(?:np|numpy|scipy|sp)\.((?:\w+\.)*\w+)\s*\(")

EAGERLY = (
    "Or pass run_eagerly=True to compile(): each step then runs op by op, with values that can be printed and compared."
)


_WHY = {
    "compiled": "Steps are compiled, so tensors have a shape but no value here. ",
    "wired": "A model is wired with shapes alone, so tensors have no value here. ",
    "eager": "",
}


def explain_tracer(error: BaseException, how: Literal["compiled", "wired", "eager"] = "compiled") -> None:
    """Add a hint to an error that a tensor without a value caused. A second call adds nothing.

    Args:
        error: The error, with its traceback.
        how: How the code ran: in a compiled step, while a model was wired, or op by op.

    Example:
        >>> try:
        ...     jax.jit(lambda x: 1 if x > 0 else 2)(3.0)
        ... except Exception as error:
        ...     explain_tracer(error)
        ...     print(error.__notes__[-1][:73])
        Steps are compiled, so tensors have a shape but no value here. `if`, `whi
    """
    if getattr(error, "kernelkit_explained", False):
        return
    note = _of_tensorflow(error) or _of_tracer(error, how)
    if note is not None:
        error.add_note(note)
        error.kernelkit_explained = True  # type: ignore[attr-defined]


@contextmanager
def explaining(compiled: bool) -> Iterator[None]:
    """Add a hint to errors of a step that a tensor without a value caused.

    Args:
        compiled: Whether steps are compiled; otherwise they run op by op.
    """
    try:
        yield
    except Exception as error:
        explain_tracer(error, "compiled" if compiled else "eager")
        raise


def _of_tensorflow(error: BaseException) -> str | None:
    frames = traceback.extract_tb(error.__traceback__)
    name = _called(frames, _OF_TENSORFLOW)
    inside = any("tensorflow" in f.filename.replace("\\", "/").split("/") for f in frames)
    if name is None or not (inside or isinstance(error, _TRACER_ERRORS)):
        return None
    return f"tf.{name} was given a jax array: use kernelkit.ops.{name.split('.')[-1]} instead of TensorFlow."


def _of_tracer(error: BaseException, how: str) -> str | None:
    if not isinstance(error, _TRACER_ERRORS):
        return None
    if isinstance(error, jax.errors.TracerArrayConversionError):
        name = _called(traceback.extract_tb(error.__traceback__), _OF_NUMPY)
        cure = (
            "NumPy needs values, and has no gradients: use the function of the same name in kernelkit.ops"
            f"{f' in place of np.{name}' if name else ''}."
        )
    elif how == "eager":
        return None
    elif isinstance(error, jax.errors.TracerBoolConversionError):
        cure = "`if`, `while`, `and` and `assert` need one: use ops.where(condition, a, b) or ops.cond()."
    elif isinstance(error, jax.errors.TracerIntegerConversionError):
        cure = "An index or a size needs one: use ops.take() or ops.slice(), and sizes from the tensor's shape."
    else:
        cure = (
            "float(), int(), .item() and .tolist() need one: compute with the tensor itself. ops.cast() changes its "
            "dtype, ops.where(condition, a, b) chooses between two tensors."
        )
    code = " [K10]" if isinstance(error, jax.errors.TracerArrayConversionError) else " [K09]"
    return _WHY[how] + cure + (f" {EAGERLY}" if how == "compiled" else "") + code


def _called(frames: traceback.StackSummary, pattern: re.Pattern) -> str | None:
    """Return the library function that the innermost matching line calls."""
    return next((m.group(1) for frame in reversed(frames) if (m := pattern.search(_line(frame)))), None)


def _line(frame: traceback.FrameSummary) -> str:
    return frame.line or linecache.getline(frame.filename, frame.lineno or 0)
