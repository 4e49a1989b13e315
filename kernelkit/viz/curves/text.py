"""Draw a training's curves as a few lines of plain text."""

from __future__ import annotations

import numpy as np

from kernelkit.viz.curves.chart import Chart, Picture

_BARS = "▁▂▃▄▅▆▇█"


def text(picture: Picture) -> str:
    """Return a picture as text: a title line, and a line for each curve with a sparkline and its last value.

    Args:
        picture: The picture.

    Returns:
        The text. Control characters in names are replaced.

    Example:
        >>> from kernelkit.viz.curves.chart import charts_of_histories
        >>> charts = charts_of_histories({"": ([0, 1, 2], {"loss": [3.0, 2.0, 1.0]})})
        >>> print(text(Picture("mlp", charts, ("done",))))
        mlp · done
          loss  █▅▁  1
    """
    rows = [row for chart in picture.charts for row in _rows(chart)]
    width = max((len(name) for name, _, _ in rows), default=0)
    lines = [f"  {name:<{width}}  {spark}  {last}" for name, spark, last in rows]
    note = [picture.note] if picture.note else []
    return _plain("\n".join([" · ".join([picture.title, *picture.facts]), *note, *lines]))


def sparkline(values: np.ndarray, width: int = 32) -> str:
    """Draw numbers as a row of at most `width` block characters.

    Example:
        >>> sparkline(np.array([0.0, 1.0, 0.5]))
        '▁█▅'
    """
    values = np.asarray(values, np.float64)
    if len(values) > width:
        values = values[np.linspace(0, len(values) - 1, width).round().astype(int)]
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "·" * len(values)
    low, span = finite.min(), np.ptp(finite) or 1.0
    level = np.where(np.isfinite(values), (values - low) / span * (len(_BARS) - 1) + 0.5, -1)
    return "".join(_BARS[int(i)] if i >= 0 else "·" for i in level)


def _rows(chart: Chart) -> list[tuple[str, str, str]]:
    lines = [line for line in chart.lines if line.role != "batch"] or list(chart.lines)
    if any(line.role == "smooth" for line in lines):  # of a single epoch; its mean is one number more of the same name
        lines = [line for line in lines if line.role != "train"]
    names = dict.fromkeys(("each batch", "running mean", "smoothed", "train"), chart.title)
    names |= {"validation": f"val_{chart.title}", "learning rate": chart.title}
    rows = []
    for line in lines:
        name = line.label if chart.joins else names.get(line.label, f"{chart.title} {line.label}")
        rows.append((name, sparkline(line.y), f"{line.y[-1]:.4g}" if len(line.y) else "-"))
    return rows


def _plain(words: str) -> str:
    return "".join(c if c == "\n" or c.isprintable() else "?" for c in words)
