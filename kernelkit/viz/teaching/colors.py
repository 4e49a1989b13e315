"""The colors of all pictures, safe for color-blind readers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.curves.chart import BLUE, PALETTE, VERMILLION

RIGHT, WRONG = BLUE, VERMILLION
"""Colors of right and wrong predictions. A mark repeats the meaning without color."""
CLASSES = tuple(color for color in PALETTE if color != "#F0E442")
"""Colors of classes and points, without yellow, which is hard to see on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PLOTLY_MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x")
SEQUENTIAL = ("#ffffff", "#b3d4e8", "#5aa5d1", BLUE, "#003a5d")
"""Colors from zero to large values."""
DIVERGING = ("#003a5d", BLUE, "#7fb8d8", "#f7f7f7", "#eba878", VERMILLION, "#6b2f00")
"""Colors from negative through zero to positive values."""


def rgb(color: str) -> np.ndarray:
    """Return red, green and blue of a color as floats from 0 to 1.

    Example:
        >>> rgb("#ff0000")
        array([1., 0., 0.])
    """
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def tint(color: str, amount: Any) -> np.ndarray:
    """Mix a color with white.

    Args:
        color: Color such as `"#0072B2"`.
        amount: Array `(...)` of floats from 0 (white) to 1 (the color).

    Returns:
        Array `(..., 3)` of floats from 0 to 1.
    """
    amount = np.asarray(amount, np.float64)[..., None]
    return 1 - amount * (1 - rgb(color))


def color_map(colors: tuple[str, ...]) -> Any:
    """Return the colors as a matplotlib color map."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("kernelkit", colors)


def scale_of(values: np.ndarray) -> tuple[tuple[str, ...], float, float]:
    """Return the color scale for some numbers, and the numbers at its ends.

    Returns:
        `SEQUENTIAL` from 0 if no number is negative, else `DIVERGING` with zero in the middle.
    """
    finite = values[np.isfinite(values)]
    limit = float(np.abs(finite).max()) if finite.size else 1.0
    limit = limit or 1.0
    return (SEQUENTIAL, 0.0, limit) if not finite.size or finite.min() >= 0 else (DIVERGING, -limit, limit)
