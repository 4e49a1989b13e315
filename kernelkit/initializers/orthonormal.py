"""Orthogonal matrices as initial values."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.initializers import draws
from kernelkit.initializers.distributions import RandomInitializer
from kernelkit.typing import DType, KnownShape, Seed


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix: the Q of the QR decomposition of normal draws.

    A weight of more than two axes is made as a matrix of shape (product of the first axes, last axis).

    Args:
        gain: Factor.
        seed: Int, :class:`~kernelkit.random.SeedGenerator` or ``None``.

    Source: Saxe et al., 2014, Exact solutions to the nonlinear dynamics of learning in deep linear neural networks.

    Example:
        >>> import numpy as np
        >>> from kernelkit import initializers
        >>> q = initializers.Orthogonal(seed=0)((4, 3))
        >>> np.allclose(q.T @ q, np.eye(3), atol=1e-6)
        True
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        """Return an array; raise ``ValueError`` for a shape with fewer than two axes."""
        if len(shape) < 2:
            raise ValueError(
                f"The Orthogonal initializer needs a shape of at least two axes, but was asked for {tuple(shape)}."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        sample = draws.normal((max(rows, columns), min(rows, columns)), 0.0, 1.0, dtype, self.seed)
        xp = jnp if isinstance(sample, jax.core.Tracer) else np
        q, r = xp.linalg.qr(xp.asarray(sample, "float32" if sample.dtype.itemsize < 4 else None))
        # With a positive diagonal of R the decomposition is unique, and Q is uniform over all orthogonal matrices.
        q = q * xp.where(xp.diag(r) < 0, -1.0, 1.0).astype(q.dtype)
        q = q.T if rows < columns else q
        return jnp.asarray(self.gain * q.reshape(tuple(shape)), sample.dtype)
