"""Where this Python runs: which kind of notebook, or none."""

from __future__ import annotations

import os
import sys
from typing import Any, Literal

Environment = Literal["jupyter", "vscode", "colab", "headless", "marimo", "terminal"]

WIDGET_HOSTS = ("jupyter", "vscode", "colab")
"""Environments in which somebody looks at a page that can show a widget while a cell runs."""


def environment() -> Environment:
    """Tell where output goes.

    Returns:
        `"jupyter"` (JupyterLab, Notebook and everything else that talks to an IPython kernel), `"vscode"`, `"colab"`,
        `"headless"` (a notebook run by nbconvert or papermill: nobody watches, only what is left in the file counts),
        `"marimo"`, or `"terminal"` for all else.

    Example:
        >>> environment()
        'terminal'
    """
    if "google.colab" in sys.modules:
        return "colab"
    if "marimo" in sys.modules and sys.modules["marimo"].running_in_notebook():
        return "marimo"
    shell = ipython_shell()
    if shell is None or getattr(shell, "kernel", None) is None:
        return "terminal"
    if _asked_by_program(shell):
        return "headless"
    if "__vsc_ipynb_file__" in shell.user_ns or "VSCODE_PID" in os.environ:
        return "vscode"
    return "jupyter"


def execution_count() -> int | None:
    """The number of the cell that runs, or None outside of notebooks."""
    shell = ipython_shell()
    return None if shell is None else shell.execution_count


def ipython_shell() -> Any:
    """The shell of the IPython that runs this, or None."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _asked_by_program(shell: Any) -> bool:
    """A client that says it cannot answer `input()` is a program that executes a notebook, not a person."""
    content = shell.kernel.get_parent().get("content", {})
    return content.get("allow_stdin") is False
