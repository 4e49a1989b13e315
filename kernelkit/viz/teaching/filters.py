"""Draw the kernel of a layer: the patterns of its filters."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz import figure as figures
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.images import draw_tiles, tile_trace
from kernelkit.viz.teaching.weights import variables_of


def filters(
    layer: Any,
    shape: tuple[int, ...] | None = None,
    count: int = 64,
    backend: Backend = "matplotlib",
    title: str = "",
) -> Any:
    """Draw the kernel of a convolution or dense layer.

    A filter over 3 channels is a color image. A filter over one channel is an image with blue for negative and
    vermillion for positive weights. A filter over more channels is a row of images, one for each of its first 8
    channels. The kernel of a dense layer is one image (inputs down, units across), or with `shape` an image for each
    unit.

    Args:
        layer: Layer with a kernel. For a Model: its first layer with a kernel of two or more dimensions.
        shape: Height and width of a dense layer's inputs, if they are pixels.
        count: Maximum number of filters.
        backend: `"matplotlib"` or `"plotly"`.
        title: Title. Default: the layer's name.

    Returns:
        A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If there is no kernel, or `shape` does not match.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((8, 8, 1)), kk.layers.Conv2D(6, 3, name="edges")])
        >>> filters(model).get_suptitle()
        'edges: 6 of 6 filters, 3 x 3 x 1'
    """
    draw = figures.drawer("filters", backend, _matplotlib, _plotly)
    variable = _kernel_of(layer)
    kernel = variable.numpy()
    tiles, names, columns = filter_tiles(kernel, shape, count)
    owner = variable.path.split("/")[-2] if "/" in variable.path else layer.name
    size, total = " x ".join(map(str, kernel.shape[:-1])), kernel.shape[-1]
    said = f"{owner}: {min(count, total)} of {total} filters, {size}"
    return draw(tiles, names, columns, title or (f"{owner}: {size} x {total}" if len(tiles) == 1 else said))


def filter_tiles(
    kernel: np.ndarray, shape: tuple[int, ...] | None = None, count: int = 64
) -> tuple[np.ndarray, list[str], int | None]:
    """Cut a kernel into images.

    Args:
        kernel: `(inputs, units)`, `(width, channels, filters)` or `(height, width, channels, filters)`.
        shape: As for `filters`.
        count: Maximum number of filters.

    Returns:
        Array `(n, height, width)` or `(n, height, width, 3)`, a name for each, and the number of images in a row, if
        that matters.

    Raises:
        ValueError: If the kernel has other dimensions, or `shape` does not match.

    Example:
        >>> tiles, names, _ = filter_tiles(np.zeros((4, 10)), shape=(2, 2))
        >>> tiles.shape, names[:2]
        ((10, 2, 2), ['0', '1'])
    """
    if kernel.ndim == 2 and shape is not None:
        if int(np.prod(shape)) != kernel.shape[0]:
            raise ValueError(f"filters: shape={shape} has {int(np.prod(shape))} pixels, the layer {kernel.shape[0]}.")
        kernel = kernel.reshape(*shape[:2], -1, kernel.shape[1])
    if kernel.ndim == 2:
        return kernel[None], [""], None
    if kernel.ndim == 3:
        return np.moveaxis(kernel, -1, 0)[:count], _numbers(min(count, kernel.shape[-1])), None
    if kernel.ndim != 4:
        raise ValueError(f"filters: expected a kernel of 2 to 4 dimensions, got shape {kernel.shape}.")
    each = np.moveaxis(kernel, (3, 2), (0, 1))[:count]  # filter, channel, height, width
    if each.shape[1] == 1:
        return each[:, 0], _numbers(len(each)), None
    if each.shape[1] == 3:
        low, high = each.min((1, 2, 3), keepdims=True), each.max((1, 2, 3), keepdims=True)
        return np.moveaxis((each - low) / np.maximum(high - low, 1e-12), 1, -1), _numbers(len(each)), None
    channels = min(8, each.shape[1])
    rows = each[: max(1, count // channels), :channels]
    names = [f"{i}:{c}" for i in range(len(rows)) for c in range(channels)]
    return rows.reshape(-1, *rows.shape[2:]), names, channels


def _kernel_of(layer: Any) -> Any:
    for variable in variables_of(layer, "filters"):
        if len(variable.shape) >= 2 and variable.path.rsplit("/", 1)[-1] in ("kernel", "depthwise_kernel"):
            return variable
    raise ValueError(f"filters: {layer.name!r} has no kernel. Pass a convolution or a dense layer.")


def _numbers(count: int) -> list[str]:
    return [str(i) for i in range(count)]


def _matplotlib(tiles: np.ndarray, names: list[str], columns: int | None, title: str) -> Any:
    figure = figures.matplotlib_figure(8, 5.6)
    draw_tiles(figure.add_subplot(), tiles, names, columns)
    return figures.titled(figure, title)


def _plotly(tiles: np.ndarray, names: list[str], columns: int | None, title: str) -> Any:
    from plotly.graph_objects import Figure

    trace, _ = tile_trace(tiles, names, columns)
    figure = Figure(trace)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    return figures.plotly_layout(figure, title, 520)
