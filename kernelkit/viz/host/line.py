"""`NotebookLine`: one line of text in the current cell's output, which is removed when the work is done."""

from __future__ import annotations

import html
import uuid

from kernelkit.viz.host.environment import environment
from kernelkit.viz.host.jupyter import publish


class NotebookLine:
    """One line below a cell, replaced with each text."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._open = False

    def show(self, text: str) -> None:
        page = f'<span style="font-family:monospace;white-space:pre">{html.escape(text)}</span>'
        publish({"text/plain": text, "text/html": page}, {}, self._id, self._open)
        self._open = True

    def remove(self) -> None:
        publish({"text/plain": "", "text/html": ""}, {}, self._id, True)


def notebook_line() -> NotebookLine | None:
    """Return a line for the current notebook, None outside notebooks and where a program executes them.

    Example:
        >>> from kernelkit import viz
        >>> viz.notebook_line() is None  # outside of notebooks
        True
    """
    return NotebookLine() if environment() in ("jupyter", "vscode", "colab") else None
