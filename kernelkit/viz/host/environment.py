"""`environment`: the kind of notebook in which Python runs, or none."""

from __future__ import annotations

import os
import sys
from typing import Literal

from kernelkit.viz.host import marimo
from kernelkit.viz.host.jupyter import asked_by_program, ipython_shell

Environment = Literal["jupyter", "vscode", "colab", "headless", "marimo", "terminal"]

WIDGET_HOSTS = ("jupyter", "vscode", "colab")
"""Environments with a page that can show a widget while a cell runs."""


def environment() -> Environment:
    """Return the kind of program that shows the output.

    Returns:
        `"jupyter"` (JupyterLab, Notebook and everything else that talks to an IPython kernel), `"vscode"`, `"colab"`,
        `"headless"` (a notebook run by nbconvert or papermill: only the saved file is seen), `"marimo"`, or
        `"terminal"` for all others.

    Example:
        >>> environment()
        'terminal'
    """
    if "google.colab" in sys.modules:
        return "colab"
    if marimo.is_running():
        return "marimo"
    shell = ipython_shell()
    if shell is None or getattr(shell, "kernel", None) is None:
        return "terminal"
    if asked_by_program(shell):
        return "headless"
    if "__vsc_ipynb_file__" in getattr(shell, "user_ns", {}) or "VSCODE_PID" in os.environ:
        return "vscode"
    return "jupyter"
