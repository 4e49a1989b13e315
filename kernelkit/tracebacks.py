"""Short tracebacks: the user's frames and one frame of kernelkit, in notebooks, terminals and scripts.

Between `fit` and a line of a user's layer are twenty frames of kernelkit and jax, which do not help to find the
mistake. The methods that users call drop these frames from the tracebacks of errors.
:func:`kernelkit.config.disable_traceback_filtering` shows all frames, as does ``KERNELKIT_TRACEBACK=full`` in the
environment.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, TracebackType
from typing import Any, TypeVar

import jax

from kernelkit import config

_F = TypeVar("_F", bound=Callable)

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LEFT_OUT = (
    _OURS,
    os.path.dirname(os.path.abspath(jax.__file__)) + os.sep,
    *(os.path.join(os.path.dirname(os.__file__), f"{name}.py") for name in ("contextlib", "functools", "threading")),
)
"""Files and folders whose frames are dropped."""
_NOTES_OF_JAX = "For simplicity, JAX has removed its internal frames"


def shortened(function: _F) -> _F:
    """Return a method whose errors have short tracebacks.

    Args:
        function: A function or method that users call.
    """

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (Exception, KeyboardInterrupt) as error:
            shorten(error)
            raise error  # to see all frames: kernelkit.config.disable_traceback_filtering()

    wrapper.__code__ = wrapper.__code__.replace(co_name=function.__name__, co_qualname=function.__qualname__)
    return functools.wraps(function)(wrapper)  # type: ignore[return-value]


def shortened_methods(cls: type) -> type:
    """Let the public methods of a class have short tracebacks. Generators, whose errors come later, are not changed."""
    for name, value in list(vars(cls).items()):
        if isinstance(value, FunctionType) and not name.startswith("_") and not inspect.isgeneratorfunction(value):
            setattr(cls, name, shortened(value))
    return cls


def shorten(error: BaseException) -> None:
    """Drop kernelkit's and jax's frames from the traceback of an error, and of the errors that caused it."""
    if not config.is_traceback_filtering_enabled():
        return
    for one in _chain(error):
        one.__traceback__ = without_inner_frames(one.__traceback__)
        notes = getattr(one, "__notes__", None)
        if notes and any(_NOTES_OF_JAX in note for note in notes):
            one.__notes__ = [note for note in notes if _NOTES_OF_JAX not in note]


def users_level() -> int:
    """Return the ``stacklevel`` with which a warning names the user's line that led to it.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as seen:
        ...     warnings.warn("look here", stacklevel=users_level())
        >>> seen[0].filename.startswith("<doctest")
        True
    """
    frame = sys._getframe(1)
    level = 1
    while frame.f_code.co_filename.startswith(_LEFT_OUT) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    return level


def without_inner_frames(found: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of kernelkit and jax."""
    kept = []
    while found is not None:
        if not found.tb_frame.f_code.co_filename.startswith(_LEFT_OUT):
            kept.append(found)
        found = found.tb_next
    short = None
    for frame in reversed(kept):
        short = TracebackType(short, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return short


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]
