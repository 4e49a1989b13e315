"""`StackedRNNCells`: a stack of cells, as one cell."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers.layer import Layer
from kernelkit.typing import Shapes, Tree

__all__ = ["StackedRNNCells"]


class StackedRNNCells(Layer):
    """Several cells as one: the output of each is the input of the next.

    Args:
        cells: List of cells.

    Example:
        >>> import kernelkit as kk
        >>> cells = kk.layers.StackedRNNCells([kk.layers.LSTMCell(4), kk.layers.GRUCell(2)])
        >>> kk.layers.RNN(cells)(kk.ops.ones((1, 5, 3))).shape
        (1, 2)
    """

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            if not callable(getattr(cell, "call", None)) or not hasattr(cell, "state_size"):
                raise ValueError(
                    f"{self.who()}: a cell needs a method call(inputs, states) and an attribute state_size, got "
                    f"{cell!r}."
                )
        self.cells = list(cells)

    @property
    def state_size(self) -> list:
        """The sizes of the cells' states, one entry for each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Shapes:
        """The size of the last cell's output."""
        last = self.cells[-1]
        if getattr(last, "output_size", None) is not None:
            return last.output_size
        return last.state_size[0] if isinstance(last.state_size, (list, tuple)) else last.state_size

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Return the states before the first step, one entry for each cell.

        An entry is a list of arrays, or one array for a cell with an int ``state_size`` and no ``get_initial_state``.
        """
        states = [initial_state_of(cell, batch_size) for cell in self.cells]
        return [state[0] if _is_bare(cell) else state for cell, state in zip(self.cells, states, strict=True)]

    def build(self, input_shape: Shapes) -> None:
        shape = tuple(input_shape)
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(shape)
            size = getattr(cell, "output_size", None)
            if size is None:
                size = cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size
            shape = (shape[0], *(size if isinstance(size, (list, tuple)) else (size,)))

    def call(self, inputs: Tree, states: Tree, training: bool | None = False) -> tuple:
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            state = list(state) if isinstance(state, (list, tuple)) else [state]
            inputs, new = cell(inputs, state)
            new_states.append(list(new) if isinstance(new, (list, tuple)) else [new])
        return inputs, new_states


def _is_bare(cell: Any) -> bool:
    return not hasattr(cell, "get_initial_state") and not isinstance(cell.state_size, (list, tuple))


def initial_state_of(cell: Any, batch_size: int | None) -> list:
    """Return a cell's state before the first step: its own, or zeros of its ``state_size``."""
    if hasattr(cell, "get_initial_state"):
        state = cell.get_initial_state(batch_size=batch_size)
        return list(state) if isinstance(state, (list, tuple)) else [state]
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    dtype = getattr(cell, "compute_dtype", config.floatx())
    return [jnp.zeros((batch_size, *(s if isinstance(s, (list, tuple)) else (s,))), dtype) for s in sizes]
