"""`Batch`: the batch of one training step, as NumPy arrays."""

from __future__ import annotations

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.typing import Tree
from kernelkit.viz.debugger.counting import nth


class Batch:
    """A step's batch, as NumPy arrays.

    Attributes:
        x: Inputs (samples, ...), nested as they were given.
        y: Targets, or ``None``.
        sample_weight: Weights of the samples, or ``None``.
        indices: Row numbers of the samples in the data (samples,), or ``None`` if the source does not give them.
        step: Number of the step, from 0 over the whole training.
        epoch: Number of the epoch, from 0.

    Example:
        >>> batch = Batch((np.zeros((2, 3)), np.array([1, 0])), np.array([7, 4]), step=0, epoch=0)
        >>> batch
        <Batch of 2 samples, step 1, in epoch 1: x (2, 3) float64, y (2,) int64, rows 7, 4>
    """

    def __init__(self, data: Tree, indices: np.ndarray | None, step: int, epoch: int) -> None:
        self.x, self.y, self.sample_weight = unpack(jtu.tree_map(np.asarray, data))
        self.indices = indices
        self.step = step
        self.epoch = epoch

    def __len__(self) -> int:
        return len(jtu.tree_leaves(self.x)[0])

    def name_of(self, sample: int) -> str:
        """Return the name of a sample for messages: its row number in the data, if known."""
        return f"sample {sample} of the batch" if self.indices is None else f"row {int(self.indices[sample])}"

    def __repr__(self) -> str:
        parts = []
        for name in ("x", "y", "sample_weight"):
            value = getattr(self, name)
            shapes = [f"{v.shape} {v.dtype}" for v in jtu.tree_leaves(value)]
            parts += [f"{name} {', '.join(shapes)}"] if shapes else []
        if self.indices is not None:
            rows = ", ".join(str(i) for i in self.indices[:8]) + ("..." if len(self.indices) > 8 else "")
            parts.append(f"rows {rows}")
        return f"<Batch of {len(self)} samples, step {nth(self.step)}, in epoch {nth(self.epoch)}: {', '.join(parts)}>"
