"""The state of a layer: variables, weights and metrics of the layer and its parts, found through its attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from kernelkit import changes, serialize
from kernelkit.layers.base.keras_names import KerasNames
from kernelkit.layers.base.parts import (
    HasParts,
    children,
    not_in_files,
    own_variables,
    parts,
    split,
    trainable_first,
    unique,
)
from kernelkit.metrics.metric import Metric
from kernelkit.random import SeedGenerator
from kernelkit.typing import Tensor
from kernelkit.variable import Variable


class HasState(KerasNames):
    """The part of :class:`~kernelkit.layers.Layer` that lists, reads and writes its variables."""

    name: str
    built: bool
    _path: str | None
    _trainable: bool
    _saved_as: dict[str, str] = {}
    """Names of attributes in files, where they differ from the names here."""

    @property
    def path(self) -> str:
        """The layer's path in its model, such as ``"encoder/dense_1"``."""
        return self._path or self.name

    def who(self) -> str:
        """Return how errors name the layer: its path and its class."""
        return f"Layer {self.path!r} ({type(self).__name__})"

    @property
    def variables(self) -> list[Variable]:
        """All variables: weights, and the states of random seeds."""
        own, seeds, layers = split(self, Variable, SeedGenerator, HasParts)
        found = trainable_first(own) + [g.state for g in seeds]
        for layer in layers:
            found += layer.variables
        return unique(found)

    @property
    def weights(self) -> list[Variable]:
        """The variables that are saved as weights; seeds are not among them."""
        own, layers = split(self, Variable, HasParts)
        found = trainable_first(own)
        for layer in layers:
            found += layer.weights
        return unique(found)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that gradients change.

        As in Keras, a variable is included if it is trainable and this layer is trainable. A frozen layer
        between this layer and the variable has no effect: a model trains a trainable layer inside a frozen layer.
        """
        return [v for v in self.variables if v.trainable] if self._trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that gradients do not change, seeds included."""
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trainable]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that gradients change."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that gradients do not change."""
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in trainable]

    @property
    def metrics(self) -> list:
        """The metrics that the layer and its parts hold."""
        return unique([*parts(self, Metric), *self.metrics_of_parts()])

    def metrics_of_parts(self) -> list:
        """Return the metrics of the layers that are parts. A model that is a part does not report its own metrics."""
        return unique(m for layer in children(self) for m in layer.metrics_in_a_model())

    def metrics_in_a_model(self) -> list:
        """Return the metrics that a model with this layer reports."""
        return self.metrics

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of :attr:`metrics`."""
        return unique(v for metric in self.metrics for v in metric.variables)

    @property
    def trainable(self) -> bool:
        """Whether gradients change the layer's weights. An assignment applies to all parts."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        changes.structure.note()
        for variable in parts(self, Variable):
            if variable.born_trainable:
                variable.trainable = value
        for layer in children(self):
            layer.trainable = value

    # Weights ----------------------------------------------------------------------------------------------------------

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Tensor) -> None:
        """Assign the weights.

        Args:
            weights: Arrays in the order and with the shapes of :meth:`get_weights`.

        Raises:
            ValueError: If the number of arrays or a shape differs; nothing is assigned then.
        """
        variables, weights = self.weights, list(weights)
        if len(variables) != len(weights):
            hint = "" if self.built else " The layer is not built yet: call it or build() it first."
            raise ValueError(f"{self.who()} has {len(variables)} weights, set_weights() got {len(weights)}.{hint}")
        for variable, value in zip(variables, weights, strict=True):
            if tuple(np.shape(value)) != variable.shape:
                raise ValueError(
                    f"{self.who()}: weight {variable.path!r} has shape {variable.shape}, got an array of "
                    f"{np.shape(value)}."
                )
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Return the number of values in all weights."""
        self._require_built("count_params()")
        return sum(int(np.prod(v.shape)) for v in self.weights)

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own variables into a dict-like store, under ``"0"``, ``"1"``..."""
        for i, variable in enumerate(self.saved_variables()):
            store[str(i)] = variable.numpy()

    def saved_variables(self) -> list[Variable]:
        """Return the layer's own variables in the order of files."""
        return own_variables(self)

    def load_own_variables(self, store: Any) -> None:
        """Read the variables that :meth:`save_own_variables` wrote."""
        variables = self.saved_variables()
        if len(store.keys()) != len(variables):
            hint = "" if variables or self.built else " The layer is not built yet."
            raise ValueError(f"{self.who()} has {len(variables)} variables, the file holds {len(store.keys())}.{hint}")
        for i, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(i)]))

    def saved_parts(self) -> Iterator[tuple[str, Any]]:
        """Yield the attributes that may hold parts with weights: names and order as in files."""
        return serialize.saved_attributes(self, not_in_files(self), self._saved_as)

    def _require_built(self, what: str) -> None:
        if not self.built:
            raise ValueError(
                f"{self.who()} has no weights yet, so {what} cannot work: call the layer on data, or call "
                "build(input_shape)."
            )
