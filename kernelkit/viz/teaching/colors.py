"""Colours that colour-blind eyes tell apart, the same in every picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.curves.chart import BLUE, PALETTE, VERMILLION

RIGHT, WRONG = BLUE, VERMILLION
"""Of predictions. A mark says the same without colour."""
CLASSES = tuple(color for color in PALETTE if color != "#F0E442")
"""Of classes and points; yellow is lost on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PLOTLY_MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x")
SEQUENTIAL = ("#ffffff", "#b3d4e8", "#5aa5d1", BLUE, "#003a5d")
"""From nothing to much."""
DIVERGING = ("#003a5d", BLUE, "#7fb8d8", "#f7f7f7", "#eba878", VERMILLION, "#6b2f00")
"""From negative over zero to positive."""


def rgb(color: str) -> np.ndarray:
    """The parts of a colour as floats from 0 to 1.

    Example:
        >>> rgb("#ff0000")
        array([1., 0., 0.])
    """
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def tint(color: str, amount: Any) -> np.ndarray:
    """Mix a colour into white.

    Args:
        color: str such as `"#0072B2"`.
        amount: array `(...)` of floats from 0 (white) to 1 (the colour).

    Returns:
        Array `(..., 3)` of floats from 0 to 1.
    """
    amount = np.asarray(amount, np.float64)[..., None]
    return 1 - amount * (1 - rgb(color))


def color_map(colors: tuple[str, ...]) -> Any:
    """The colours as a matplotlib colour map."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("kernelkit", colors)


def scale_of(values: np.ndarray) -> tuple[tuple[str, ...], float, float]:
    """The colours that suit some numbers, and the numbers at their ends.

    Returns:
        `SEQUENTIAL` from 0 where nothing is negative; else `DIVERGING`, with zero in the middle.
    """
    finite = values[np.isfinite(values)]
    limit = float(np.abs(finite).max()) if finite.size else 1.0
    limit = limit or 1.0
    return (SEQUENTIAL, 0.0, limit) if not finite.size or finite.min() >= 0 else (DIVERGING, -limit, limit)
