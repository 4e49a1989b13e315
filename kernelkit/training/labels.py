"""The check of labels before a step: class indices must be below the number of classes, yes/no labels 0 or 1."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

from kernelkit.feeds.batch import unpack
from kernelkit.layers import Masking
from kernelkit.layers.base.parts import walk
from kernelkit.losses.labels import are_numbers, check_class_indices, check_yes_no
from kernelkit.tracebacks import users_level
from kernelkit.training.compile import CompiledLoss
from kernelkit.training.overriding import overrides
from kernelkit.typing import Batch

WRONG_LABELS = {"are": "error"}
"""What labels outside of the classes are: an ``"error"``, or a ``"warning"`` where kernelkit stands in Keras's place.
Keras gives them the loss 0 without a word, and tests of packages train with such labels."""


class _Rule(NamedTuple):
    loss: Any
    place: int
    classes: int
    what: str


class LabelCheck:
    """Checks that the compiled losses accept the labels of a batch.

    Args:
        loss: The built losses.

    Attributes:
        is_empty: Whether no output needs a check.
    """

    def __init__(self, loss: CompiledLoss) -> None:
        self._loss = loss
        self._rules: list[_Rule] = []
        outputs = loss.outputs
        for (one, _, _), place in zip(loss.parts or [], loss.places, strict=False):
            if outputs is None or not isinstance(place, int):
                continue  # a nest of outputs: only its loss knows what the labels mean
            what = "y" if outputs.count == 1 else f"y for output {outputs.names[place]!r}"
            if one.takes_class_indices or one.takes_yes_no:
                shape = loss.shapes[place]
                self._rules.append(_Rule(one, place, shape[getattr(one, "axis", -1)] if shape else 1, what))

    @property
    def is_empty(self) -> bool:
        return not self._rules

    def __call__(self, batch: Batch) -> None:
        """Check a batch.

        Args:
            batch: Arrays of NumPy or jax, nested as a batch is.

        Raises:
            ValueError: If a label is not accepted. The message names the label, the expected values and the fix.
        """
        _, y, sample_weight = unpack(batch)
        if y is None or self._loss.outputs is None:
            return
        targets = self._loss.targets(y)
        weights = self._loss.outputs.spread(sample_weight, "sample_weight", repeat=True)
        for loss, place, classes, what in self._rules:
            labels = targets[place]
            if getattr(labels, "dtype", None) is None or not are_numbers(labels):
                continue
            weight = weights[place] if sample_weight is not None else None
            try:
                if loss.takes_class_indices:
                    check_class_indices(labels, classes, getattr(loss, "ignore_class", None), weight, what)
                else:
                    check_yes_no(labels, weight, what)
            except ValueError as error:
                if WRONG_LABELS["are"] == "error":
                    raise
                warnings.warn(str(error), stacklevel=users_level())


def label_check(model: Any, loss: CompiledLoss | None, kind: str) -> LabelCheck | None:
    """Return the label check for a kind of step, ``None`` if the valid labels are not known.

    They are not known for a custom step or loss. Masked positions may hold any label.

    Args:
        model: The model.
        loss: Its compiled losses.
        kind: ``"train"`` or ``"test"``.
    """
    if overrides(model, f"{kind}_step") or overrides(model, "compute_loss") or loss is None or loss.parts is None:
        return None
    check = LabelCheck(loss)
    masked = any(getattr(layer, "mask_zero", False) or isinstance(layer, Masking) for layer in walk(model))
    return None if check.is_empty or masked else check
