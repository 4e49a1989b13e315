"""What marimo is asked for: whether it runs this, and the outputs of its cells."""

from __future__ import annotations

import sys
from typing import Any


def is_running() -> bool:
    """Return whether a marimo notebook runs this."""
    running = getattr(sys.modules.get("marimo"), "running_in_notebook", None)
    return bool(running is not None and running())


def append(output: Any) -> int | None:
    """Add an output to the cell that runs.

    Returns:
        Its place among the cell's outputs, or None if this marimo doesn't tell: the place is private.
    """
    import marimo

    place = _outputs_so_far()
    marimo.output.append(output)
    return place


def replace(place: int | None, html: str) -> None:
    """Put a text of HTML into the place of an output. In a thread, or without a place, the output stays as it is."""
    import marimo

    if place is not None and is_running() and hasattr(marimo.output, "replace_at_index"):
        marimo.output.replace_at_index(marimo.Html(html), place)


def _outputs_so_far() -> int | None:
    try:
        from marimo._runtime.context import get_context

        return len(get_context().execution_context.output)  # type: ignore[union-attr]
    except Exception:  # a private name of another version
        return None
