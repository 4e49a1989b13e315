"""Random inputs of a model, for the check of an exported file."""

from __future__ import annotations

import jax
import numpy as np

from kernelkit.export.signature import TensorSpec

OPEN_SIZE = 16  # the value of open sizes in the check, except the batch size
BATCH = 2


def sample(inputs: tuple[TensorSpec, ...], seed: int = 0, batch: int = BATCH) -> list[np.ndarray]:
    """Return random arrays that fit specs: normal numbers, integers 0 and 1, which every vocabulary has."""
    rng = np.random.default_rng(seed)
    arrays = []
    for spec in inputs:
        shape = [(batch if axis == 0 else OPEN_SIZE) if n is None else n for axis, n in enumerate(spec.shape)]
        dtype = jax.numpy.dtype(spec.dtype)
        is_float = jax.numpy.issubdtype(dtype, jax.numpy.floating)
        arrays.append((rng.normal(size=shape) if is_float else rng.integers(0, 2, shape)).astype(dtype))
    return arrays
