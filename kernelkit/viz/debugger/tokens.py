"""The tokens of a sample, as labels of its attention weights."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.layers.base.parts import walk
from kernelkit.viz.debugger.message import clipped


def tokens_of(dbg: Any, sample: int, shape: tuple[int, ...], every: int = 1) -> list[str]:
    """Return every n-th token of a sample if its attention weights are between its tokens, else an empty list.

    The tokens are words of the vocabulary of one of the model's layers, if there is one, else the input's numbers.

    Args:
        dbg: The debugger.
        sample: Place of the sample in the batch.
        shape: ``(queries, keys)``.
        every: The number n.
    """
    if shape[0] != shape[1]:
        return []
    for leaf in jtu.tree_leaves(dbg.batch.x):
        ids = np.asarray(leaf)
        fits = ids.ndim == 2 and ids.shape[1] == shape[0] and sample < len(ids) and ids.dtype.kind in "iuf"
        if fits and np.array_equal(row := ids[sample], np.round(ids[sample])):
            words = _vocabulary(dbg)
            return [
                clipped(words[i] if 0 <= i < len(words) else i, 24) or "·" for i in row[::every].astype(int).tolist()
            ]
    return []


def _vocabulary(dbg: Any) -> list[str]:
    for layer in walk(dbg.timeline.steps.model):
        if hasattr(layer, "get_vocabulary"):
            return [str(word) for word in layer.get_vocabulary()]
    return []
