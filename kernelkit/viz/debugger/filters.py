"""The kernel of a layer as small colored pictures: its filters."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.teaching.filters import filter_tiles

TILES = 32
SIDE = 128
"""Maximum height and width of a picture in pixels: larger kernels are cut, and the card says so."""
HEADS = ("query", "key", "value")
NEGATIVE, POSITIVE = np.array([0, 114, 178]), np.array([213, 94, 0])


def filters_of(weights: dict[str, np.ndarray]) -> tuple[dict[str, Any], np.ndarray] | None:
    """Return a title for the first kernel among weights, and its pictures (n, height, width, 3) of bytes.

    Args:
        weights: Dict from path to array.

    Example:
        >>> told, pictures = filters_of({"conv/kernel": np.ones((3, 3, 1, 4))})
        >>> told["names"], pictures.shape
        (['0', '1', '2', '3'], (4, 3, 3, 3))
    """
    for path, kernel in weights.items():
        what = path.rsplit("/", 1)[-1]
        if what in ("kernel", "depthwise_kernel", "recurrent_kernel", "embeddings") and kernel.ndim in (2, 3, 4):
            break
    else:
        return None
    kernel, axes, total = np.asarray(kernel), "", int(np.prod(kernel.shape[2:]))
    if (
        kernel.ndim == 4 and kernel.shape[2] == 3
    ):  # color channels are drawn separately, because an RGB picture would lose the signs
        tiles = np.moveaxis(kernel, (3, 2), (0, 1))[: TILES // 3].reshape(-1, *kernel.shape[:2])
        names = [f"{i}:{channel}" for i in range(len(tiles) // 3) for channel in ("red", "green", "blue")]
        what = f"filters of {what}"
    elif kernel.ndim == 3 and len(path.split("/")) > 1 and path.split("/")[-2] in HEADS:  # inputs, heads, features
        tiles, names = kernel[:, :TILES].swapaxes(0, 1), [f"head {i}" for i in range(min(TILES, kernel.shape[1]))]
        what, total, axes = f"{path.split('/')[-2]}/kernel by head", kernel.shape[1], "inputs down, features across"
    else:
        tiles, names, _ = filter_tiles(kernel, count=TILES)
        what = f"filters of {what}" if kernel.ndim > 2 else what
    if kernel.ndim == 2:
        down, across = ("tokens", "features") if what == "embeddings" else ("inputs", "units")
        if kernel.shape[0] > kernel.shape[1]:  # wide pictures fit the page better than high ones
            tiles, down, across = tiles.swapaxes(1, 2), across, down
        axes = f"{down} down, {across} across"
    cut = max(tiles.shape[1:]) > SIDE
    tiles = np.asarray(tiles[:, :SIDE, :SIDE], "float32")
    finite = np.abs(tiles[np.isfinite(tiles)])
    top = float(finite.max()) if finite.size else 0.0
    told = {"what": what, "shape": list(kernel.shape), "names": names, "total": total, "cut": cut, "axes": axes}
    return told | {"top": top, "image": list(tiles.shape)}, colored(tiles, top)


def colored(values: np.ndarray, top: float) -> np.ndarray:
    """Return values as colors (..., 3) of bytes: white is 0, blue ``-top``, orange ``top``, black NaN.

    Example:
        >>> colored(np.array([0.0, 2.0]), 2.0).tolist()
        [[255, 255, 255], [213, 94, 0]]
    """
    share = np.clip(np.nan_to_num(values) / (top or 1.0), -1, 1)[..., None]
    ends = np.where(share < 0, NEGATIVE, POSITIVE)
    colors = np.round(255 + np.abs(share) * (ends - 255.0)).astype("uint8")
    colors[~np.isfinite(values)] = 0
    return colors
