"""`DataLayer`: a layer that may also be mapped over a `tf.data.Dataset`."""

from __future__ import annotations

import sys
from typing import Any

import jax
import numpy as np

from kernelkit.layers.base.call import Call, signature_of
from kernelkit.layers.layer import Layer
from kernelkit.sparse import to_dense
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Tensor, Tree


class DataLayer(Layer):
    """The base class of layers that prepare data, also inside `tf.data.Dataset.map`.

    There the layer is a callback to Python, which runs for each element of the data set.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        if any(map(is_tensorflow, args)):
            return self._call_in_tensorflow(args, kwargs)
        return super().__call__(*args, **kwargs)

    @property
    def can_adapt(self) -> bool:
        """Whether ``adapt`` may be called: the constructor was not given the values that ``adapt`` learns."""
        return False

    @property
    def is_adapted(self) -> bool:
        """Whether the layer has the values that ``adapt`` learns; true for a layer that learns nothing."""
        return True

    def _call_in_tensorflow(self, args: tuple, kwargs: dict) -> Tree:
        tensorflow = sys.modules["tensorflow"]
        leaves, treedef = jax.tree_util.tree_flatten(args)
        symbols = [KerasTensor(_shape(leaf), dtype=leaf.dtype.name) for leaf in leaves]
        self._require_init()
        like = self._like(jax.tree_util.tree_unflatten(treedef, symbols), kwargs)

        specs, outputs = jax.tree_util.tree_flatten(like)
        dtypes = [self.dtype_in_tensorflow(spec.dtype) for spec in specs]

        def run(*values: Any) -> list[np.ndarray]:
            results = jax.tree_util.tree_leaves(self(*jax.tree_util.tree_unflatten(treedef, values), **kwargs))
            return [np.asarray(to_dense(result), dtype) for result, dtype in zip(results, dtypes, strict=True)]

        tensors = tensorflow.numpy_function(run, leaves, Tout=dtypes)
        for tensor, spec in zip(tensors, specs, strict=True):
            tensor.set_shape(spec.shape)
        return jax.tree_util.tree_unflatten(outputs, tensors)

    def dtype_in_tensorflow(self, dtype: str) -> str:
        """Return the dtype of the outputs in a TensorFlow data set, from their dtype elsewhere."""
        return dtype

    def _like(self, args: tuple, kwargs: dict) -> Tree:
        if not self.built:
            self._build_for(Call(signature_of(self), args, kwargs).arguments())
        return self.compute_output_spec(*args, **kwargs)


def is_tensorflow(value: Any) -> bool:
    """Return whether a value is, or holds, a symbolic tensor of TensorFlow."""
    if isinstance(value, dict):
        return any(map(is_tensorflow, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_tensorflow, value[:8]))
    return type(value).__module__.startswith("tensorflow.") and not hasattr(value, "numpy")


def _shape(tensor: Tensor) -> tuple:
    return tuple(tensor.shape) if tensor.shape.rank is not None else (None,)
