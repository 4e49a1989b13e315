"""Draw the output of one layer for one sample."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from kernelkit.layers.base.parts import walk
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.colors import RIGHT, WRONG, color_map, scale_of
from kernelkit.viz.teaching.images import as_images, draw_tiles, tile_trace


def activations(
    model: Any, x: Tree, layer: Layer, count: int = 64, backend: Backend = "matplotlib", title: str = ""
) -> Any:
    """Draw the outputs of one layer for one sample.

    Feature maps become an image for each channel, beside the input if that is an image; a vector becomes bars, and a
    sequence an image of steps across and features down.

    Args:
        model: Model.
        x: One sample, with or without a batch axis of 1.
        layer: Name or number of the layer, or the layer itself.
        count: Maximum number of feature maps.
        backend: `"matplotlib"` or `"plotly"`.
        title: Title. Default: the layer's name and the shape of its output.

    Returns:
        A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If there is no such layer, it does not run, or its output is not a single array.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((8, 8, 1)), kk.layers.Conv2D(4, 3, name="edges"), kk.layers.Flatten()])
        >>> activations(model, np.zeros((8, 8, 1)), "edges").get_suptitle()
        'edges: 6 x 6 x 4'
    """
    draw = figures.drawer("activations", backend, _matplotlib, _plotly)
    layer = find_layer(model, layer)
    x = np.asarray(x)
    values, x = _of_one(model, x, layer)
    picture = x if x.ndim == 2 or (x.ndim == 3 and x.shape[-1] in (1, 3)) else None
    picture = None if picture is None or min(picture.shape[:2]) < 2 else as_images(picture[None], "activations")[0]
    return draw(values, picture, count, title or f"{layer.name}: {' x '.join(map(str, values.shape))}")


def layer_output(model: Any, x: Tree, layer: Layer) -> np.ndarray:
    """Run a model and return the output of one of its layers, at any depth.

    Args:
        model: Model.
        x: A batch of samples.
        layer: A layer of the model.

    Returns:
        Array `(batch, ...)`. If the layer runs more than once, the output of its first call.

    Raises:
        ValueError: If the layer did not run, or its output is not a single array.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Activation("relu"), kk.layers.Dense(3)])
        >>> layer_output(model, np.array([[-1.0, 2.0]]), model.layers[0])
        array([[0., 2.]], dtype=float32)
    """
    seen: list[Any] = []
    call = layer.call

    @functools.wraps(call)
    def watched(*arguments: Any, **options: Any) -> Any:
        outputs = call(*arguments, **options)
        seen.append(outputs)
        return outputs

    # Set it on the instance without __setattr__, so that the layer's tracking does not run.
    object.__setattr__(layer, "call", watched)
    try:
        model(x, training=False)
    finally:
        object.__delattr__(layer, "call")
    if not seen:
        raise ValueError(f"activations: layer {layer.name!r} did not run when {model.name!r} was called.")
    if isinstance(seen[0], (list, tuple, dict)):
        raise ValueError(f"activations: layer {layer.name!r} gives several outputs; pick a layer that gives one.")
    return np.asarray(seen[0])


def find_layer(model: Any, layer: Layer) -> Any:
    """Return a layer by name, number or itself. Names are also searched in nested models."""
    if isinstance(layer, str):
        inner = [part for part in walk(model) if part.name == layer]
        return inner[0] if inner else model.get_layer(layer)
    return model.get_layer(index=layer) if isinstance(layer, int) else layer


def _of_one(model: Any, x: np.ndarray, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Return the layer's output for one sample, and the sample without its batch axis."""
    rank = len(model.inputs[0].shape) if getattr(model, "inputs", None) else None
    batched = x.ndim == rank if rank is not None else len(x) == 1 and x.ndim > 1
    if batched and len(x) != 1:
        raise ValueError(f"activations: expected one sample, got a batch of {len(x)}. Pass x[0].")
    batch = x if batched else x[None]
    return layer_output(model, batch, layer)[0], batch[0]


def _matplotlib(values: np.ndarray, picture: np.ndarray | None, count: int, title: str) -> Any:
    flat = values.ndim <= 1
    figure = figures.matplotlib_figure(9 if picture is None else 11, 3.4 if flat else 5.2)
    ratio = [1, 2.6]
    if picture is not None:
        grid = figure.add_gridspec(1, 2, width_ratios=ratio)
        shown = figure.add_subplot(grid[0])
        shown.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        shown.set_title("input", fontsize=figures.LABEL, loc="left")
        shown.set_axis_off()
    axes = figure.add_subplot() if picture is None else figure.add_subplot(grid[1])
    if flat:
        row = np.atleast_1d(values)
        axes.bar(range(len(row)), row, color=np.where(row < 0, WRONG, RIGHT))
        axes.axhline(0, color="#1a1a1a", linewidth=0.8)
        axes.set_xlabel("unit", fontsize=figures.LABEL)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    elif values.ndim == 2:
        colors, low, high = scale_of(values)
        drawn = axes.imshow(
            values.T, cmap=color_map(colors), vmin=low, vmax=high, aspect="auto", interpolation="nearest"
        )
        figure.colorbar(drawn, ax=axes, fraction=0.04, pad=0.02)
        axes.set_xlabel("step", fontsize=figures.LABEL)
        axes.set_ylabel("feature", fontsize=figures.LABEL)
    else:
        draw_tiles(axes, *_maps(values, count))
    return figures.titled(figure, title)


def _plotly(values: np.ndarray, picture: np.ndarray | None, count: int, title: str) -> Any:
    from plotly.graph_objects import Bar, Figure, Heatmap

    if values.ndim <= 1:
        row = np.atleast_1d(values)
        figure = Figure(Bar(y=row, marker_color=np.where(row < 0, WRONG, RIGHT).tolist()))
        return figures.plotly_layout(figure.update_xaxes(title_text="unit"), title, 360)
    if values.ndim == 2:
        colors, low, high = scale_of(values)
        scale = [[i / (len(colors) - 1), color] for i, color in enumerate(colors)]
        figure = Figure(Heatmap(z=values.T, zmin=low, zmax=high, colorscale=scale))
        figure.update_xaxes(title_text="step")
        return figures.plotly_layout(figure.update_yaxes(title_text="feature"), title, 480)
    figure = Figure(tile_trace(*_maps(values, count))[0])
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    return figures.plotly_layout(figure, title, 520)


def _maps(values: np.ndarray, count: int) -> tuple[np.ndarray, list[str]]:
    """Return the first feature maps `(n, height, width)` and their numbers. Of volumes, return the middle slice."""
    while values.ndim > 3:
        values = values[len(values) // 2]
    maps = np.moveaxis(values, -1, 0)[:count]
    return maps, [str(i) for i in range(len(maps))]
