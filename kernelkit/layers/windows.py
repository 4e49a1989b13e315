"""Sliding windows of convolution and pooling layers: sizes as tuples, and checks of arguments in the constructor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from kernelkit import activations
from kernelkit.typing import Shape, Shapes, Tensor


def as_sizes(value: Any, spatial: int, name: str, who: str, least: int = 1) -> tuple[int, ...]:
    """Return one int for each spatial axis.

    Args:
        value: An int, or one int for each spatial axis.
        spatial: Number of spatial axes.
        name: The argument's name, for the error.
        who: How the error names the layer.
        least: Smallest value allowed.

    Raises:
        ValueError: If the number of ints is wrong, or an int is too small.

    Example:
        >>> as_sizes(3, 2, "kernel_size", "Conv2D")
        (3, 3)
    """
    values = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,) * spatial
    fits = len(values) == spatial and all(hasattr(v, "__index__") and not isinstance(v, bool) for v in values)
    if not fits or any(v < least for v in values):
        kind = "a positive integer" if least == 1 else f"an int >= {least}"
        many = "" if spatial == 1 else f" or {spatial} of them"
        wrong = {v for v in values if not hasattr(v, "__index__") or isinstance(v, bool) or v < least}
        which = f", including values {wrong} that do not satisfy `value > {least - 1}`" if wrong else ""
        raise ValueError(
            f"{who}: The `{name}` argument must be a tuple of {spatial} integers. Received {name}={value!r}{which}. "
            f"Give {kind}{many}."
        )
    return tuple(int(v) for v in values)


def as_count(value: Any, name: str, who: str) -> int:
    """Return a positive int; raise ``ValueError`` for anything else."""
    if not hasattr(value, "__index__") or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"{who}: Invalid value for argument `{name}`. Expected a strictly positive value. Received "
            f"{name}={value!r}. Give a positive integer."
        )
    return int(value)


def checked_padding(padding: Any, who: str, causal: bool = False) -> str:
    """Return ``"valid"``, ``"same"`` or, if allowed, ``"causal"``; raise ``ValueError`` for other names."""
    known = ("valid", "same", "causal") if causal else ("valid", "same")
    name = str(padding).lower()
    if name not in known:
        only = " Causal padding is for Conv1D." if name == "causal" else ""
        raise ValueError(f"{who}: padding must be {' or '.join(repr(k) for k in known)}, got {padding!r}.{only}")
    return name


def refuse_stride_and_dilation(
    strides: tuple, dilation: tuple, who: str, what: str = "`strides > 1` not supported in conjunction with"
) -> None:
    """Raise ``ValueError`` if both strides and dilation are greater than 1.

    Args:
        strides: Step between windows along each axis.
        dilation: Step between the window's elements along each axis.
        who: How the error names the layer.
        what: The error's words before "`dilation_rate > 1`". Keras has two, by layer.
    """
    if max(strides) > 1 and max(dilation) > 1:
        raise ValueError(
            f"{who}: {what} `dilation_rate > 1`. Received: strides={strides} and dilation_rate={dilation}. Set one of "
            "them to 1."
        )


def channels_of(input_shape: Shapes, axis: int, who: str) -> int:
    """Return the number of channels of an input's shape; raise ``ValueError`` where it is unknown."""
    if axis >= len(input_shape) or input_shape[axis] is None:
        raise ValueError(
            f"{who} needs to know the number of channels, but its input has the shape {tuple(input_shape)}. "
            "Give that axis a size in the model's Input."
        )
    return input_shape[axis]


def require_fit(sizes: Sequence, window: tuple, dilation: tuple, padding: str, who: str, name: str) -> None:
    """Raise ``ValueError`` if a window that must lie inside the input is larger than the input.

    Args:
        sizes: The input's spatial sizes, ``None`` where unknown.
        window: Size of the window along each axis.
        dilation: Step between the window's elements along each axis.
        padding: With ``"valid"``, windows must lie inside the input; otherwise they always fit.
        who: How the error names the layer.
        name: The name of the layer's window argument.
    """
    if padding != "valid":
        return
    spans = tuple((w - 1) * d + 1 for w, d in zip(window, dilation, strict=True))
    if any(size is not None and size < span for size, span in zip(sizes, spans, strict=True)):
        dilated = "" if max(dilation) == 1 else f" (which spans {spans} with dilation_rate={dilation})"
        raise ValueError(
            f"{who}: the input of spatial size {tuple(sizes)} is smaller than the window {name}={window}{dilated}, so "
            "nothing would be left: Computed output size would be zero or negative. Use padding='same', a smaller "
            "window, or fewer layers that shrink the input."
        )


def output_shape(
    shape: Shape, channels: int | None, window: tuple, strides: tuple, dilation: tuple, padding: str, data_format: str
) -> Shape:
    """Return the shape of a convolution's or a pooling's output.

    Args:
        shape: The input's shape, ``None`` where unknown.
        channels: Channels of the output.
        window: Size of the window along each axis.
        strides: Step between windows along each axis.
        dilation: Step between the window's elements along each axis.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        The shape; a size below 1 where the window does not fit.

    Example:
        >>> output_shape((None, 28, 28, 1), 8, (3, 3), (2, 2), (1, 1), "valid", "channels_last")
        (None, 13, 13, 8)
    """
    first = 1 if data_format == "channels_last" else 2
    sizes: list[int | None] = []
    for size, width, stride, step in zip(shape[first : first + len(window)], window, strides, dilation, strict=True):
        span = (width - 1) * step + 1
        if size is None:
            sizes.append(None)
        else:
            sizes.append((size - span) // stride + 1 if padding == "valid" else -(-size // stride))
    return (shape[0], *sizes, channels) if data_format == "channels_last" else (shape[0], channels, *sizes)


def layer_shape(layer: Any, shape: Shape, channels: int) -> Shape | None:
    """Return the shape of a convolutional layer's output; ``None`` if the activation may change it.

    Args:
        layer: A layer with Keras's attributes of a convolution.
        shape: The input's shape, ``None`` where unknown.
        channels: Channels of the output.

    Example:
        >>> import kernelkit as kk
        >>> layer_shape(kk.layers.Conv2D(8, 3), (None, 28, 28, 1), 8)
        (None, 26, 26, 8)
    """
    if not activations.keeps_shape(layer.activation):
        return None
    sizes = layer.kernel_size, layer.strides, layer.dilation_rate
    return output_shape(shape, channels, *sizes, layer.padding, layer.data_format)


def add_bias(x: jax.Array, bias: Tensor, data_format: str) -> jax.Array:
    """Add a bias, one number for each channel."""
    return x + (bias.value if data_format == "channels_last" else bias.value.reshape(-1, *(1,) * (x.ndim - 2)))
