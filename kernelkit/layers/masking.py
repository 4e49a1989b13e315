"""`Masking`: steps whose features all equal one value are padding."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tensor


class Masking(Layer):
    """Mask the steps whose features all equal one value.

    Args:
        mask_value: The value.

    Input shape: (batch, steps, features). The output is zero at masked steps, which later layers ignore.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.Masking(-1.0)
        >>> layer(kk.ops.array([[[1.0, 2.0], [-1.0, -1.0]]])).tolist()
        [[[1.0, 2.0], [0.0, 0.0]]]
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def compute_mask(self, inputs: Tensor, mask: Tensor = None) -> jax.Array:
        """Return the mask: true for steps with a feature that differs from the value."""
        return _any_differs(inputs, self.mask_value)

    def call(self, inputs: Tensor) -> jax.Array:
        x = jnp.asarray(inputs)
        return x * self.compute_mask(x)[..., None].astype(x.dtype)


@op
def _any_differs(x: Tensor, value: float) -> jax.Array:
    return jnp.any(jnp.asarray(x) != value, axis=-1)
