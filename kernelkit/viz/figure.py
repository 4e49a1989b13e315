"""Figures of both libraries, made alike: what every picture here has in common."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Literal

from kernelkit.viz.unshown import show_after_cell

Backend = Literal["matplotlib", "plotly"]
TITLE, LABEL, TICK = 14, 12, 10
"""Font sizes in points: a figure as wide as a slide is read from the last row."""


def drawer(who: str, backend: str, matplotlib: Callable[..., Any], plotly: Callable[..., Any]) -> Callable[..., Any]:
    """Return the one of two functions that draws with a backend; a cell shows what that function returns, once.

    Args:
        who: str. The public function, for error messages.
        backend: `"matplotlib"` or `"plotly"`.
        matplotlib: callable. Draws with matplotlib.
        plotly: callable. Draws with plotly.

    Raises:
        ValueError: the backend is unknown.

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
    """Make an empty figure with matplotlib's object interface: pyplot's global state is left alone.

    Args:
        width: float. Inches.
        height: float. Inches.
        layout: bool. Whether margins fit themselves to the labels, which takes as long as drawing does.

    Returns:
        A `matplotlib.figure.Figure` that notebooks show as a cell's last value, or by its `show()`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    class NotebookFigure(Figure):
        """A figure that notebooks can show although pyplot does not know it."""

        shown = False

        def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
            self.shown = True  # asked for before each display; the picture itself is made by what follows
            return {}

        def _repr_png_(self) -> bytes:
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
    """Write a title over a matplotlib figure, and return the figure."""
    if title:
        figure.suptitle(literal(title), fontsize=TITLE)
    return figure


def literal(label: str) -> str:
    """Keep a name a name in matplotlib: no `$` starts mathematics, and a leading `_` hides nothing from the legend."""
    label = label.replace("$", r"\$")
    return "\N{ZERO WIDTH SPACE}" + label if label.startswith("_") else label


def plotly_layout(figure: Any, title: str, height: float, **changes: Any) -> Any:
    """Give a plotly figure the style that all have, and return it; titles and names are shown as text."""
    from html import escape

    figure.update_layout(title_text=escape(title) or None, height=height, template="plotly_white", font_size=13)
    return figure.update_layout(margin={"t": 60 if title else 30, "r": 20}, **changes)
