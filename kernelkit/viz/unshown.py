"""Show figures that a cell made but did not show, below the cell, as pyplot does."""

from __future__ import annotations

import threading
from typing import Any

from kernelkit.viz.host.jupyter import after_cell

_waiting: list[Any] = []


def show_after_cell(figure: Any) -> None:
    """Make sure that a figure is shown once by the cell that makes it.

    The last value of a cell is shown anyway. After a semicolon, or in the middle of a cell, a figure would be lost.
    Notebooks show pyplot's figures in that case, so this function does the same.

    Args:
        figure: A figure with a `show()`, and an attribute `shown` that becomes True when it is displayed.
    """
    # In a thread, no cell will end and show the figure.
    if threading.current_thread() is threading.main_thread() and (_waiting or after_cell(_show)):
        _waiting.append(figure)


def _show() -> None:
    figures = [figure for figure in _waiting if not figure.shown]
    _waiting.clear()
    for figure in figures:
        figure.show()
