"""`ActivityRegularization`: a penalty on the input's values, added to the loss."""

from __future__ import annotations

from typing import Any

from kernelkit import regularizers, serialize
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tensor


class ActivityRegularization(Layer):
    """Return the input, and add a penalty on its size to the loss.

    Args:
        l1: Factor of the sum of absolute values.
        l2: Factor of the sum of squares.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.ActivityRegularization(l2=0.5)
        >>> y = layer(kk.ops.array([[1.0, -3.0]]))
        >>> float(layer.losses[0])
        5.0
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    @serialize.derives
    def get_config(self) -> dict:
        config = super().get_config()
        del config["activity_regularizer"]
        return config
