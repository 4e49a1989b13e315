"""Helpers for figures of matplotlib and plotly: sizes, titles and style."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Literal

from kernelkit.viz.unshown import show_after_cell

Backend = Literal["matplotlib", "plotly"]
TITLE, LABEL, TICK = 14, 12, 10
"""Font sizes in points, readable from the last row if a figure is as wide as a slide."""


def drawer(who: str, backend: str, matplotlib: Callable[..., Any], plotly: Callable[..., Any]) -> Callable[..., Any]:
    """Return the drawing function of a backend. A cell shows the result of that function once.

    Args:
        who: str. The public function, for error messages.
        backend: `"matplotlib"` or `"plotly"`.
        matplotlib: callable. Draws with matplotlib.
        plotly: callable. Draws with plotly.

    Raises:
        ValueError: If the backend is unknown.

    Example:
        >>> drawer("plot", "ggplot", print, print)
        Traceback (most recent call last):
        ValueError: plot: unknown backend 'ggplot'. Use 'matplotlib' or 'plotly'.
    """
    functions = {"matplotlib": matplotlib, "plotly": plotly}
    if backend not in functions:
        raise ValueError(f"{who}: unknown backend {backend!r}. Use 'matplotlib' or 'plotly'.")

    def draw(*arguments: Any, **options: Any) -> Any:
        try:
            figure = functions[backend](*arguments, **options)
        except ImportError as error:
            raise ImportError(f"{who}: backend {backend!r} is not installed: pip install {backend}.") from error
        if backend == "matplotlib":
            show_after_cell(figure)
        return figure

    return draw


def matplotlib_figure(width: float, height: float, layout: bool = True) -> Any:
    """Make an empty figure with matplotlib's object interface. pyplot's global state does not change.

    Args:
        width: float. Inches.
        height: float. Inches.
        layout: Whether to fit the margins to the labels. This takes as long as drawing.

    Returns:
        A `matplotlib.figure.Figure` that notebooks show as a cell's last value, or by its `show()`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    class NotebookFigure(Figure):
        """A figure that notebooks can show without pyplot."""

        shown = False

        def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
            self.shown = True  # called before each display; the other methods make the picture
            return {}

        def _repr_png_(self) -> bytes:
            self.shown = True  # an object that shows this figure as its own picture calls only this method
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=110)
            return buffer.getvalue()

        def show(self, warn: bool = True) -> None:
            from IPython.display import display

            display(self)

    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.1) if layout else None
    figure = NotebookFigure(figsize=(width, height), layout=engine)
    FigureCanvasAgg(figure)
    return figure


def titled(figure: Any, title: str) -> Any:
    """Set the title of a matplotlib figure and return the figure."""
    if title:
        figure.suptitle(literal(title), fontsize=TITLE)
    return figure


def literal(label: str) -> str:
    """Escape a name for matplotlib: `$` must not start a formula, and a leading `_` must not hide a legend entry."""
    label = label.replace("$", r"\$")
    return "\N{ZERO WIDTH SPACE}" + label if label.startswith("_") else label


def plotly_layout(figure: Any, title: str, height: float, **changes: Any) -> Any:
    """Set the common style of a plotly figure and return the figure. Titles and names are shown as plain text."""
    from html import escape

    figure.update_layout(title_text=escape(title) or None, height=height, template="plotly_white", font_size=13)
    return figure.update_layout(margin={"t": 60 if title else 30, "r": 20}, **changes)
