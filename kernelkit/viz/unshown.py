"""Figures that a cell made and did not show: they appear below it, as those of pyplot do."""

from __future__ import annotations

import sys
import threading
from typing import Any

_waiting: list[Any] = []


def show_after_cell(figure: Any) -> None:
    """See to it that a figure is shown once by the cell that makes it.

    As a cell's last value it shows itself. With a semicolon behind it, or in the middle of a cell, nothing would be
    seen; notebooks show pyplot's figures then, and so they do these.

    Args:
        figure: has a `shown` that is True as soon as it was displayed, and a `show()`.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    # A thread's figures belong to no cell that will end.
    if getattr(shell, "kernel", None) is None or threading.current_thread() is not threading.main_thread():
        return
    if not _waiting:
        # Not "post_execute", which a click on any widget triggers too.
        shell.events.register("post_run_cell", _show)  # type: ignore[union-attr]
    _waiting.append(figure)


def _show(_: Any) -> None:
    from IPython import get_ipython

    get_ipython().events.unregister("post_run_cell", _show)
    figures = [figure for figure in _waiting if not figure.shown]
    _waiting.clear()
    for figure in figures:
        figure.show()
