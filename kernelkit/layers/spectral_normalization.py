"""`SpectralNormalization`: the kernel of a layer, divided by its largest singular value."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import initializers
from kernelkit.layers.layer import Layer
from kernelkit.typing import Shapes, Tensor


class SpectralNormalization(Layer):
    """Divide another layer's kernel by its largest singular value, at each step of training.

    Args:
        layer: A layer with a ``kernel`` or ``embeddings``, such as Dense or Conv2D.
        power_iterations: Number of power iterations for the singular vector at each step, >= 1.

    Source: Miyato et al., 2018, Spectral normalization for generative adversarial networks.

    Example:
        >>> import numpy as np
        >>> import kernelkit as kk
        >>> layer = kk.layers.SpectralNormalization(kk.layers.Dense(3), power_iterations=20)
        >>> y = layer(kk.ops.ones((2, 4)), training=True)
        >>> round(float(np.linalg.norm(layer.layer.kernel.numpy(), 2)), 3)
        1.0
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(f"{self.who()} wraps a layer, got {layer!r}.")
        if power_iterations < 1:
            raise ValueError(f"{self.who()}: `power_iterations` should be greater than zero, got {power_iterations}.")
        self.layer = layer
        self.power_iterations = power_iterations

    def build(self, input_shape: Shapes) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
        found = [name for name in ("kernel", "embeddings") if hasattr(self.layer, name)]
        if not found:
            raise ValueError(
                f"{self.who()}: {type(self.layer).__name__!r} object has no attribute 'kernel' nor 'embeddings', so "
                "there is nothing to normalize."
            )
        self._weight = getattr(self.layer, found[0])
        self.vector_u = self.add_weight(
            (1, self._weight.shape[-1]),
            initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
        )

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        if training:
            vector, weight = self.normalized_weights()
            self._weight.assign(weight)
            self.vector_u.assign(vector)
        return self.layer(inputs)

    def normalized_weights(self) -> tuple[jax.Array, jax.Array]:
        """Return the updated singular vector, and the weight divided by its largest singular value.

        A training step assigns both; subclasses may override this method.
        """
        weight, u = self._weight.value, self.vector_u.value
        matrix = jnp.reshape(weight, (-1, weight.shape[-1]))
        for _ in range(self.power_iterations):
            v = _unit(u @ matrix.T)
            u = _unit(v @ matrix)
        u, v = jax.lax.stop_gradient(u), jax.lax.stop_gradient(v)
        return u, weight / (v @ matrix @ u.T).reshape(())


def _unit(vector: jax.Array) -> jax.Array:
    return vector * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(vector)), 1e-12))
