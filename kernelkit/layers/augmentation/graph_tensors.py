"""What happens in a pipeline that is no Python: tensors of TensorFlow's graphs have no values to compute with."""

from __future__ import annotations

from typing import Any

import jax


def refuse_graph_tensors(who: str, arguments: Any) -> None:
    """Raise ``TypeError`` if there are tensors of a TensorFlow graph, as the functions of ``tf.data`` get them."""
    for value in jax.tree_util.tree_leaves(arguments):
        if type(value).__module__.partition(".")[0] == "tensorflow" and not hasattr(value, "numpy"):
            raise TypeError(
                f"{who} computes with jax, so it cannot be part of a TensorFlow graph, as in Dataset.map(layer). Apply "
                "it to what comes out (`for batch in dataset.as_numpy_iterator(): layer(batch)`), wrap it in "
                "tf.numpy_function, or make it the first layer of the model."
            )
