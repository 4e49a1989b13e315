"""Private names of Keras's layers that packages written for Keras read. kernelkit itself uses none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernelkit.layers.base.call import signature_of
from kernelkit.layers.base.parts import HasParts, own_variables
from kernelkit.variable import Variable


class SecondName:
    """An attribute that is computed when it is read; a subclass may set it to something else."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self.read = read

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else self.read(owner)


def _own(trainable: bool) -> Callable[[HasParts], list[Variable]]:
    return lambda layer: [v for v in own_variables(layer) if v.born_trainable is trainable]


class KerasNames(HasParts):
    """Keras's private names for attributes that are public in kernelkit."""

    _trainable_variables = SecondName(_own(trainable=True))
    _non_trainable_variables = SecondName(_own(trainable=False))
    _call_has_training_arg = SecondName(lambda layer: signature_of(layer).named_training)
    _call_has_mask_arg = SecondName(lambda layer: "mask" in signature_of(layer).names)
    _build_shapes_dict = SecondName(lambda layer: layer._build_shapes)
