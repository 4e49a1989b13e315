"""The losses of a layer: those that `call` adds, and those of its regularizers."""

from __future__ import annotations

from typing import Any

import jax

from kernelkit import scope
from kernelkit.layers.base.parts import walk
from kernelkit.layers.base.state import HasState
from kernelkit.layers.base.tensors import is_leaf
from kernelkit.symbolic import KerasTensor


class HasLosses(HasState):
    """The part of :class:`~kernelkit.layers.Layer` that collects losses."""

    _own_losses: list

    def add_loss(self, loss: Any) -> None:
        """Add scalars to the loss that training minimizes; call it from ``call``.

        Raises:
            ValueError: If a loss is a symbolic tensor, outside of ``call``.
        """
        for one in jax.tree_util.tree_leaves(loss, is_leaf=is_leaf):
            if one is None:
                continue
            if isinstance(one, KerasTensor):
                if scope.local.recording:
                    raise ValueError(
                        f"{self.who()}: add_loss() was given the symbolic tensor {one}. It can only be called from "
                        "inside build() or call(), on a value: write a layer whose call() adds the loss and returns "
                        "its input, and call that layer on the tensor."
                    )
                continue
            if scope.local.stateless is not None:
                if scope.local.stateless.collect_losses:
                    scope.local.stateless.add_loss(self, one)
            else:
                self._own_losses.append(one)

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Raise an error: metrics of symbolic tensors are gone, in Keras 3 too."""
        raise NotImplementedError(
            f"{self.who()}: add_metric() is gone in Keras 3. Give compile(metrics=[...]) the metric, or make it in "
            "__init__() and call its update_state() in call()."
        )

    @property
    def losses(self) -> list:
        """Losses added in the last call, and the regularizers' losses of the trainable weights."""
        layers = [self, *walk(self)]
        if scope.local.stateless is not None:
            ids = {id(layer) for layer in layers}
            found = [loss for layer, loss in scope.local.stateless.losses if id(layer) in ids]
        else:
            found = [loss for layer in layers for loss in layer._own_losses]
        return found + [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]

    def _clear_losses(self) -> None:
        """Forget the losses that the last call added, in this layer and in the layers inside."""
        for layer in (self, *walk(self)):
            layer._own_losses.clear()
