"""`Given`: facts about the user's inputs: their names, the columns of tables, and strings."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.frames import is_frame
from kernelkit.typing import Tensor, Tree

MOST_COLUMNS = 1000


class Given(NamedTuple):
    """Facts that are lost when inputs become arrays of numbers; one entry for each input.

    Attributes:
        names: Keys of a dict, else names of the model's inputs, else ``x``.
        columns: Names of a table's columns, None for other inputs.
        texts: The strings (samples, ...), None for other inputs.
        outputs: Names of the model's outputs.
        logits: Whether the loss of each output treats it as logits.
    """

    names: tuple[str, ...] = ()
    columns: tuple[tuple[str, ...] | None, ...] = ()
    texts: tuple[np.ndarray | None, ...] = ()
    outputs: tuple[str, ...] = ()
    logits: tuple[bool, ...] = ()


def given_of(x: Tree, model: Any = None) -> Given:
    """Return the facts about inputs, empty if they are not arrays, lists or tables.

    Example:
        >>> given_of({"b": np.zeros((2, 3)), "a": np.array(["x", "y"])}).names
        ('a', 'b')
    """
    if isinstance(x, (list, tuple)) and x and isinstance(x[0], str):
        x = np.asarray(x)
    inputs = [getattr(tensor, "name", "") for tensor in getattr(model, "inputs", None) or ()]
    outputs, logits = _outputs(model)
    if not (isinstance(x, (list, tuple, dict)) or is_frame(x) or hasattr(x, "shape")):
        return Given(outputs=outputs, logits=logits)  # an iterable of batches
    found = jtu.tree_flatten_with_path(x, is_leaf=is_frame)[0]
    if not all(is_frame(leaf) or hasattr(leaf, "shape") for _, leaf in found):
        return Given(outputs=outputs, logits=logits)
    names: list[str] = []
    columns: list[tuple[str, ...] | None] = []
    texts: list[np.ndarray | None] = []
    for i, (path, leaf) in enumerate(found):
        own = getattr(path[-1], "key", None) if path else None
        known = inputs[i] if len(inputs) == len(found) else f"x[{i}]"
        names.append(str(own) if isinstance(own, str) else "x" if len(found) == 1 else known)
        titles = list(getattr(leaf, "columns", ()))[:MOST_COLUMNS] if is_frame(leaf) else []
        columns.append(tuple(map(str, titles)) or None)
        texts.append(_texts(leaf))
    return Given(tuple(names), tuple(columns), tuple(texts), outputs, logits)


def _outputs(model: Any) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """Return the names of a model's outputs, and whether the loss of each treats it as logits."""
    compiled = model._training.compiled.loss if hasattr(model, "_training") else None
    if compiled is None or not compiled.parts or compiled.outputs is None:
        return (), ()
    logits = [False] * compiled.outputs.count
    for place, (loss, _, _) in zip(compiled.places, compiled.parts, strict=True):
        if isinstance(place, int):
            logits[place] = bool(getattr(loss, "from_logits", False))
    return tuple(map(str, compiled.outputs.names)), tuple(logits)


def _texts(leaf: Tensor) -> np.ndarray | None:
    kind = getattr(getattr(leaf, "dtype", None), "kind", "")
    if kind not in "OSUT" or is_frame(leaf):
        return None
    array = np.asarray(leaf)
    return array if array.size and isinstance(array.reshape(-1)[0], (str, bytes)) else None
