"""Training curves: live in a notebook during training, a static picture afterwards."""

import importlib.util

from kernelkit.viz.curves.bundle import history_bundle
from kernelkit.viz.curves.compare import Comparison, compare
from kernelkit.viz.curves.frame import history_frame
from kernelkit.viz.curves.marimo_output import MarimoOutput
from kernelkit.viz.curves.panel import LivePanel
from kernelkit.viz.curves.plot import plot_history
from kernelkit.viz.curves.runs import Runs, runs
from kernelkit.viz.host.environment import WIDGET_HOSTS, environment


def notebook_display() -> LivePanel | None:
    """Return the display of a training for the current notebook.

    Returns:
        A `LivePanel`. None outside notebooks, and in a notebook that cannot show a live panel because anywidget is not
        installed.

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
