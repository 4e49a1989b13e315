"""Access to marimo: whether it is running, and the outputs of its cells."""

from __future__ import annotations

import sys
from typing import Any


def is_running() -> bool:
    """Return whether this code runs in a marimo notebook."""
    running = getattr(sys.modules.get("marimo"), "running_in_notebook", None)
    return bool(running is not None and running())


def append(output: Any) -> int | None:
    """Add an output to the current cell.

    Returns:
        The index of the output in the cell, or None if this version of marimo does not give it: the index is private.
    """
    import marimo

    place = _outputs_so_far()
    marimo.output.append(output)
    return place


def replace(place: int | None, html: str) -> None:
    """Replace an output by HTML. In a thread, or without an index, the output does not change."""
    import marimo

    if place is not None and is_running() and hasattr(marimo.output, "replace_at_index"):
        marimo.output.replace_at_index(marimo.Html(html), place)


def _outputs_so_far() -> int | None:
    try:
        from marimo._runtime.context import get_context

        return len(get_context().execution_context.output)  # type: ignore[union-attr]
    except Exception:  # another version lacks this private name
        return None
