"""Rescaling: values multiplied and shifted."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers.graph_tensors import call_in_graph, holds_graph_tensors
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tensor, Tree


class Rescaling(Layer):
    """Compute ``inputs * scale + offset``.

    Args:
        scale: Number, or one for each channel.
        offset: Number, or one for each channel.

    Inputs: Numbers of any shape; integers become floats. The channels are the last axis, or the second if the global
        setting is ``"channels_first"``.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Rescaling(1 / 127.5, offset=-1)(kk.ops.array([0, 255], "uint8")).tolist()
        [-1.0, 1.0]
    """

    supports_masking = True

    def __init__(self, scale: Tensor, offset: Tensor = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        if holds_graph_tensors((args, kwargs)):
            return call_in_graph(self, args, kwargs)
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Tree) -> jax.Array:
        inputs = jnp.asarray(inputs).astype(self.compute_dtype)
        return inputs * _per_channel(self.scale, inputs) + _per_channel(self.offset, inputs)


def _per_channel(values: Tensor, inputs: jax.Array) -> jax.Array:
    values = jnp.asarray(values, inputs.dtype)
    if values.ndim == 1 and inputs.ndim > 2 and config.image_data_format() == "channels_first":
        values = values.reshape((-1,) + (1,) * (inputs.ndim - 2))
    return values
