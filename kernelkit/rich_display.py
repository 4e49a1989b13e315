"""The display of objects as the last value of a notebook's cell. `kernelkit.viz`, on a higher floor, draws them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def html(thing: Any) -> str | None:
    """Return an object as HTML, or ``None`` to display only its text."""
    return _makers[0](thing) if _makers else None


def bundle(thing: Any) -> dict[str, Any]:
    """Return an object as a dict from MIME type to data."""
    return _bundlers[0](thing) if _bundlers else {"text/plain": repr(thing)}


_makers: list[Callable[[Any], str | None]] = []
_bundlers: list[Callable[[Any], dict[str, Any]]] = []


def register(maker: Callable[[Any], str | None], bundler: Callable[[Any], dict[str, Any]]) -> None:
    """Set the functions that draw objects.

    Args:
        maker: Function of an object that returns HTML or ``None``.
        bundler: Function of an object that returns a dict from MIME type to data.
    """
    _makers[:], _bundlers[:] = [maker], [bundler]


def ipython_shell() -> Any:
    """Return IPython's shell of this process, or None. This imports nothing."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if get is None else get()


def is_notebook() -> bool:
    """Return whether this process is the kernel of a notebook. An import of ipykernel alone does not make it one."""
    return getattr(ipython_shell(), "kernel", None) is not None
