"""`HostLayer`: a layer that may run in Python, before the compiled step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import dtypes
from kernelkit.layers.base.tensors import is_leaf
from kernelkit.layers.preprocessing.batches import as_array
from kernelkit.layers.preprocessing.data_layer import DataLayer, is_tensorflow
from kernelkit.layers.preprocessing.strings import is_strings
from kernelkit.symbolic import KerasTensor, any_symbolic
from kernelkit.typing import Tree


class HostLayer(DataLayer):
    """The base class of layers with strings as input or output, which jax cannot hold.

    On strings, lists or NumPy arrays, ``call`` runs in Python and gets NumPy arrays. On jax arrays, ``call`` is traced
    as in any layer. A model runs the calls on strings before its compiled step.
    """

    sparse = False
    """Whether the output is sparse."""

    host_only = False
    """Whether the layer must run on the host whatever the dtype of its input."""

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        self._require_init()
        if any_symbolic(args, kwargs) or any(map(is_tensorflow, args)):
            return super().__call__(*args, **kwargs)
        leaves = jtu.tree_leaves((args, kwargs), is_leaf=is_strings)
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
        if traced and self.host_only:
            raise ValueError(
                f"{self.who()} runs in Python and cannot be a part of a compiled function. Make it the first layer of "
                "a Sequential or functional model, which then runs it before its compiled step; or call it on the data "
                "before you pass them to the model."
            )
        if not self.host_only and any(isinstance(leaf, jax.Array) for leaf in leaves):
            return super().__call__(*args, **kwargs)
        try:
            return _on_device(self.call(*_host(args), **kwargs))
        except Exception as error:
            self._add_note(error, args)
            raise

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> KerasTensor:
        """Return a symbolic tensor like the output, by shape inference."""
        shapes = jtu.tree_map(lambda t: t.shape, args[0], is_leaf=is_leaf)
        return KerasTensor(self.compute_output_shape(shapes), dtype=self.output_dtype, sparse=self.sparse)

    def dtype_in_tensorflow(self, dtype: str) -> str:
        """Return int64 for integers: outside of jax they are not limited to 32 bits."""
        return "int64" if dtype == "int32" else dtype

    @property
    def output_dtype(self) -> str:
        """The dtype of the output."""
        raise NotImplementedError


def _host(args: tuple) -> tuple:
    """Return lists as arrays, and tuples of several inputs as tuples of arrays."""
    first, *rest = args
    if is_strings(first):
        return (as_array(first), *rest)
    if isinstance(first, tuple) or (isinstance(first, list) and first and hasattr(first[0], "shape")):
        return (type(first)(as_array(v) for v in first), *rest)
    return (as_array(first), *rest)


def _on_device(outputs: Tree) -> Any:
    if isinstance(outputs, np.ndarray) and outputs.dtype.kind != "O":
        return jnp.asarray(outputs, dtypes.canonical(outputs.dtype.name))
    return outputs
