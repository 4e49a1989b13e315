"""Convert arrays to images, and join many small images into one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernelkit.typing import Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.teaching.colors import color_map, scale_of

GAP = 0.22
"""Space between tiles for their names, as a share of a tile's height."""

DIM = 64
"""Largest value of images that are not treated as pixels from 0 to 255."""


def as_images(x: Tree, who: str) -> np.ndarray:
    """Convert samples to images `(n, height, width)` or `(n, height, width, 3)` of floats from 0 to 1.

    Args:
        x: Array `(n, height, width)`, or with 1, 3 or 4 channels last. Floats from 0 to 1 are unchanged. Numbers
            from 0 to 255 are divided by 255, or by the largest number if it is 64 or less. Others are scaled to 0 to 1.
        who: Name of the public function, for error messages.

    Raises:
        ValueError: If `x` does not hold images.
    """
    x = np.asarray(x)
    if x.ndim == 4 and x.shape[-1] in (1, 3, 4):
        x = x[..., 0] if x.shape[-1] == 1 else x[..., :3]
    elif x.ndim != 3:
        raise ValueError(
            f"{who}: expected images of shape (n, height, width) or (n, height, width, channels) with 1 or 3 channels, "
            f"got {x.shape}."
        )
    low, high = (float(np.nanmin(x)), float(np.nanmax(x))) if x.size else (0.0, 1.0)
    if low >= 0 and high <= 255:  # class maps, and digits from 0 to 16, would be black if divided by 255
        whole = x.dtype.kind in "iub"
        return x / (255.0 if high > DIM else max(high, 1.0) if whole or high > 1 else 1.0)
    return (x.astype(np.float64) - low) / ((high - low) or 1.0)


def mosaic(tiles: np.ndarray, columns: int | None = None) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Lay tiles side by side.

    Args:
        tiles: Array `(n, height, width)` or `(n, height, width, 3)`.
        columns: Number of tiles in a row. Default: about as many columns as rows.

    Returns:
        One image with gaps of NaN, and the `(x, y)` of each tile's upper left corner in it.

    Example:
        >>> image, corners = mosaic(np.zeros((3, 2, 2)), columns=2)
        >>> image.shape, corners
        ((5, 5), [(0, 0), (3, 0), (0, 3)])
    """
    count, height, width = tiles.shape[:3]
    columns = columns or max(1, min(count, round(math.sqrt(count * height / width * 1.6)) or 1))
    rows = -(-count // columns)
    gap = max(1, round(GAP * height))
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap)
    image = np.full((*size, *tiles.shape[3:]), np.nan)
    corners = [(i % columns * (width + gap), i // columns * (height + gap)) for i in range(count)]
    for (x, y), tile in zip(corners, tiles, strict=True):
        image[y : y + height, x : x + width] = tile
    return image, corners


def draw_tiles(axes: Any, tiles: np.ndarray, names: list[str], columns: int | None = None) -> None:
    """Draw tiles into matplotlib axes: numbers with a color scale and a color bar, or RGB images."""
    image, corners = mosaic(tiles, columns)
    if image.ndim == 3:
        axes.imshow(np.nan_to_num(image, nan=1.0), interpolation="nearest")
    else:
        colors, low, high = scale_of(image)
        drawn = axes.imshow(image, cmap=color_map(colors), vmin=low, vmax=high, interpolation="nearest")
        axes.figure.colorbar(drawn, ax=axes, fraction=0.04, pad=0.02).ax.tick_params(labelsize=figures.TICK - 1)
    for (x, y), name in zip(corners, names, strict=True):
        size = 7 if len(names) > 24 else 8
        axes.text(x - 0.5, y - 0.55, figures.literal(name), fontsize=size, va="bottom", color="#404040")
    axes.set_axis_off()


def tile_trace(tiles: np.ndarray, names: list[str], columns: int | None = None) -> tuple[Any, tuple[int, int]]:
    """Return the tiles as a plotly trace that shows a tile's name on hover, and the image's height and width."""
    from html import escape

    from plotly.graph_objects import Heatmap, Image

    image, corners = mosaic(tiles, columns)
    if image.ndim == 3:
        pixels = (255 * np.nan_to_num(image, nan=1.0)).round().astype(np.uint8)
        return Image(z=pixels, hovertemplate="%{z}<extra></extra>"), image.shape[:2]
    owner = np.full(image.shape, "", dtype=object)
    for (x, y), name in zip(corners, names, strict=True):
        owner[y : y + tiles.shape[1], x : x + tiles.shape[2]] = escape(name)
    colors, low, high = scale_of(image)
    scale = [[i / (len(colors) - 1), color] for i, color in enumerate(colors)]
    hover = "%{text}<br>%{z:.4g}<extra></extra>"
    trace = Heatmap(z=image, zmin=low, zmax=high, colorscale=scale, text=owner, hovertemplate=hover, hoverongaps=False)
    return trace, image.shape[:2]
