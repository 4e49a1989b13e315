"""Helpers for figures of matplotlib and plotly: sizes, titles and style."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any, Literal

from kernelkit.viz.unshown import show_after_cell

Backend = Literal["matplotlib", "plotly"]
TITLE, LABEL, TICK = 14, 12, 10
"""Font sizes in points, readable from the last row if a figure is as wide as a slide."""

FIRST_WIDE = "\u1100"
"""The first letter that matplotlib's own font usually lacks: Hangul, followed by kana and Chinese characters."""
WIDE_FONTS = (
    "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "NanumSquareRound", "Malgun Gothic", "Apple SD Gothic Neo",
    "AppleGothic", "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "Yu Gothic", "MS Gothic", "PingFang SC",
    "Heiti TC", "Microsoft YaHei", "SimHei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip


def drawer(who: str, backend: str, matplotlib: Callable[..., Any], plotly: Callable[..., Any]) -> Callable[..., Any]:
    """Return the drawing function of a backend. A cell shows the result of that function once.

    Args:
        who: Name of the public function, for error messages.
        backend: `"matplotlib"` or `"plotly"`.
        matplotlib: Draws with matplotlib.
        plotly: Draws with plotly.

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
        width: Width in inches.
        height: Height in inches.
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
        dots = 110
        """Pixels per inch."""

        def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
            self.shown = True  # called before each display; the other methods make the picture
            return {}

        def _repr_png_(self) -> bytes:
            self.shown = True  # an object that shows this figure as its own picture calls only this method
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=self.dots)
            return buffer.getvalue()

        def savefig(self, *arguments: Any, **options: Any) -> None:
            add_fonts(self)
            super().savefig(*arguments, **options)

        def show(self, warn: bool = True) -> None:
            from IPython.display import display

            display(self)

    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.1) if layout else None
    figure = NotebookFigure(figsize=(width, height), layout=engine)
    FigureCanvasAgg(figure)
    return figure


def small_png(figure: Any, colors: int = 32) -> bytes:
    """Return a figure as PNG of few colors, a third of the bytes. Letters without an installed font become `?`."""
    from PIL import Image  # matplotlib needs it

    for text, missing in add_fonts(figure):
        text.set_text("".join("?" if letter in missing else letter for letter in text.get_text()))
    figure.dots = 90
    image = Image.open(io.BytesIO(figure._repr_png_())).convert("RGB")
    buffer = io.BytesIO()
    few = image.quantize(colors, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def add_fonts(figure: Any) -> list[tuple[Any, set[str]]]:
    """Add installed fonts to texts with letters that their own font lacks.

    Args:
        figure: A `matplotlib.figure.Figure`.

    Returns:
        The texts with letters that no known font contains, and these letters.
    """
    from matplotlib.text import Text

    found = []
    for text in figure.findobj(Text):
        wide = {letter for letter in text.get_text() if letter >= FIRST_WIDE and letter.isprintable()}
        if not wide:
            continue
        families, missing = list(text.get_fontfamily()), wide
        for family in (*families, *installed_wide_fonts()):
            had = _letters_of(family, missing)
            missing = missing - had
            families += [family] if had and family not in families else []
            if not missing:
                break
        text.set_fontfamily(families)
        if missing:
            found.append((text, missing))
    return found


@functools.cache
def installed_wide_fonts() -> tuple[str, ...]:
    """Return the installed fonts with Korean, Chinese or Japanese letters, out of a list of common fonts."""
    from matplotlib import font_manager

    names = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in WIDE_FONTS if name in names)


def _letters_of(family: str, letters: set[str]) -> set[str]:
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties(family=[family])))
    return {letter for letter in letters if font.get_char_index(ord(letter))}


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
