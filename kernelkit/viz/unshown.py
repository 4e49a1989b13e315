"""Figures that a cell made and did not show: they appear below it, as those of pyplot do."""

from __future__ import annotations

import threading
from typing import Any

from kernelkit.viz.host.jupyter import after_cell

_waiting: list[Any] = []


def show_after_cell(figure: Any) -> None:
    """See to it that a figure is shown once by the cell that makes it.

    As a cell's last value it shows itself. With a semicolon behind it, or in the middle of a cell, nothing would be
    seen; notebooks show pyplot's figures then, and so they do these.

    Args:
        figure: has a `shown` that is True as soon as it was displayed, and a `show()`.
    """
    # A thread's figures belong to no cell that will end.
    if threading.current_thread() is threading.main_thread() and (_waiting or after_cell(_show)):
        _waiting.append(figure)


def _show() -> None:
    figures = [figure for figure in _waiting if not figure.shown]
    _waiting.clear()
    for figure in figures:
        figure.show()
