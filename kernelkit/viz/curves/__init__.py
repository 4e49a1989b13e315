"""Training curves: live in a notebook while training runs, a picture for ever after."""

import importlib.util

from kernelkit.viz.curves.bundle import history_bundle
from kernelkit.viz.curves.compare import Comparison, compare
from kernelkit.viz.curves.frame import history_frame
from kernelkit.viz.curves.marimo_output import MarimoOutput
from kernelkit.viz.curves.panel import LivePanel
from kernelkit.viz.curves.plot import plot_history
from kernelkit.viz.host.environment import WIDGET_HOSTS, environment


def notebook_display() -> LivePanel | None:
    """The display of a training in the notebook that this Python serves.

    Returns:
        A `LivePanel`, or None where there is no notebook, or one that could not be shown anything while training runs
        because anywidget is not installed.

    Example:
        >>> notebook_display() is None
        True
    """
    where = environment()
    has_widgets = importlib.util.find_spec("anywidget") is not None
    if where == "marimo" and has_widgets:
        return LivePanel(MarimoOutput())
    if where == "headless" or (where in WIDGET_HOSTS and has_widgets):
        return LivePanel()
    return None
