"""Reading a file of a model: the arguments of the load, and the errors of a broken file."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

# The packages that read a file. An error that passed through other code is that code's own.
_READERS = {"kernelkit", "jax", "jaxlib", "numpy", "ml_dtypes", "h5py", "opt_einsum", *sys.stdlib_module_names}
_STUMBLES = (KeyError, TypeError, AttributeError, IndexError, AssertionError, OverflowError, ZeroDivisionError)


class Wishes(NamedTuple):
    """The arguments of ``load_model``.

    Attributes:
        custom_objects: Classes and functions by name.
        compile: Whether the model is compiled as before.
        safe_mode: Whether the file is not trusted.
    """

    custom_objects: dict[str, Any] | None = None
    compile: bool = True
    safe_mode: bool = True


@contextlib.contextmanager
def reading(who: str) -> Iterator[None]:
    """Turn the errors that a broken file causes into a ``ValueError``.

    Errors from the user's own classes, and out-of-memory errors, pass unchanged.

    Args:
        who: Name of the file in errors.

    Raises:
        ValueError: If the file is broken.

    Example:
        >>> with reading("a.keras"):
        ...     {}["config"]
        Traceback (most recent call last):
        ...
        ValueError: a.keras cannot be loaded: its config doesn't fit the classes that it names (KeyError: 'config').
    """
    try:
        yield
    except (ValueError, NotImplementedError):
        raise
    except RecursionError:
        raise ValueError(f"{who} cannot be loaded: its config is nested too deep.") from None
    except (*_STUMBLES, RuntimeError) as error:
        if _is_foreign(error):
            error.add_note(f"This was raised while {who} was loaded.")
            raise
        raise ValueError(
            f"{who} cannot be loaded: its config doesn't fit the classes that it names "
            f"({type(error).__name__}: {error})."
        ) from error


def _is_foreign(error: Exception) -> bool:
    """Return whether an error is not the file's fault: memory has run out, or the user's own code raised it."""
    if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error):
        return True
    trail = traceback.walk_tb(error.__traceback__)
    roots = [str(frame.f_globals.get("__name__")).partition(".")[0] for frame, _ in trail]
    return any(root not in _READERS for root in roots[1:])  # the first one is the caller of the load
