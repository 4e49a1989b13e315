"""Layers inside `tf.data.Dataset.map`: a callback to Python, with output shapes inferred in advance."""

from __future__ import annotations

import sys
from typing import Any

import jax
import numpy as np

from kernelkit.layers.base.call import Call, signature_of
from kernelkit.layers.layer import Layer
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Tensor, Tree


def holds_graph_tensors(arguments: Any) -> bool:
    """Return whether a value contains tensors of a TensorFlow graph, which have no values yet."""
    if "tensorflow" not in sys.modules:
        return False
    return any(_is_graph_tensor(value) for value in jax.tree_util.tree_leaves(arguments))


def call_in_graph(layer: Layer, args: tuple, kwargs: dict) -> Tree:
    """Return the outputs of a layer as tensors of a TensorFlow graph; the layer runs for each element.

    Args:
        layer: The layer.
        args: Arguments of the call, including tensors of the graph.
        kwargs: Keyword arguments of the call.

    Returns:
        Tensors in the structure of the layer's outputs, with their shapes and dtypes.
    """
    tensorflow = sys.modules["tensorflow"]
    leaves, treedef = jax.tree_util.tree_flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if _is_graph_tensor(leaf)]
    tensors = [leaves[i] for i in places]

    def filled(values: Tensor) -> tuple[tuple, dict]:
        mixed = list(leaves)
        for place, value in zip(places, values, strict=True):
            mixed[place] = value
        return jax.tree_util.tree_unflatten(treedef, mixed)

    if any(tensor.shape.rank is None for tensor in tensors):
        raise ValueError(
            f"Layer {layer.name!r} got a tensor of unknown rank in Dataset.map(). Set its shape first: "
            "image.set_shape((None, None, 3)), or tf.io.decode_image(..., expand_animations=False)."
        )
    own_args, own_kwargs = filled([KerasTensor(tuple(t.shape), dtype=t.dtype.name) for t in tensors])
    if not layer.built:
        layer._build_for(Call(signature_of(layer), own_args, dict(own_kwargs)).arguments())
    like = layer.compute_output_spec(*own_args, **own_kwargs)
    flat, out_tree = jax.tree_util.tree_flatten(like, is_leaf=lambda v: isinstance(v, KerasTensor))
    dtypes = [str(spec.dtype) for spec in flat]

    def run(*values: np.ndarray) -> list[np.ndarray]:
        own_args, own_kwargs = filled(values)
        found = jax.tree_util.tree_leaves(layer(*own_args, **own_kwargs))
        return [np.asarray(value).astype(dtype) for value, dtype in zip(found, dtypes, strict=True)]

    outputs = tensorflow.numpy_function(run, tensors, Tout=dtypes)
    for output, spec in zip(outputs, flat, strict=True):
        output.set_shape(spec.shape)
    return jax.tree_util.tree_unflatten(out_tree, outputs)


def _is_graph_tensor(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "tensorflow" and not hasattr(value, "numpy")
