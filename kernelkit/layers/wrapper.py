"""`Wrapper`: a layer around another layer."""

from __future__ import annotations

from typing import Any

from kernelkit.layers.layer import Layer
from kernelkit.typing import Shapes

__all__ = ["Wrapper"]


class Wrapper(Layer):
    """The base class of layers that change what one other layer does.

    Args:
        layer: The layer inside.

    Example:
        >>> import kernelkit as kk
        >>> class Twice(kk.layers.Wrapper):
        ...     def call(self, inputs):
        ...         return self.layer(self.layer(inputs))
        >>> Twice(kk.layers.Dense(3))(kk.ops.ones((2, 3))).shape
        (2, 3)
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(
                f"{self.who()}: Layer {layer!r} supplied to Wrapper isn't a supported layer type. Please ensure "
                "wrapped layer is a valid Keras layer."
            )
        self.layer = layer

    def build(self, input_shape: Shapes = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
