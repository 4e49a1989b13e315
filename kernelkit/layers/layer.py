"""`Layer`: weights and a function of tensors, with the bookkeeping that models need.

A layer is a thin shell. `call` is written as if weights were plain arrays; run under a
:class:`~kernelkit.scope.StatelessScope`, as :meth:`Layer.stateless_call` does, it is a pure function of them.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from kernelkit import changes, dtype_policies, regularizers, serialize
from kernelkit.layers import rematerialize
from kernelkit.layers.base import arguments
from kernelkit.layers.base.build import build_once
from kernelkit.layers.base.parts import SET_AT, HasParts, children, holds, make_room, note_set, walk
from kernelkit.layers.base.run import Runs
from kernelkit.metrics.metric import Metric
from kernelkit.operation import Operation
from kernelkit.random import SeedGenerator
from kernelkit.typing import DType, RegularizerLike
from kernelkit.variable import Variable

__all__ = ["Layer"]

_PLAIN = (bool, int, float, str, type(None), np.ndarray, jax.Array)
_PARTS = (HasParts, Variable, Metric, SeedGenerator)


class Layer(Runs, Operation):
    """The base class of layers.

    A subclass makes its weights in ``build(input_shape)`` with :meth:`add_weight` and computes in ``call(inputs)``.
    Layers, variables, metrics and seed generators kept as attributes (in lists and dicts too) are parts of the layer.

    Args:
        activity_regularizer: Regularizer applied to the output.
        trainable: Whether gradients change the layer's weights.
        dtype: A dtype or :class:`~kernelkit.DTypePolicy`, for the computation and the weights.
        autocast: Whether float inputs are cast to the compute dtype.
        name: Name; made from the class's name if not given.

    Example:
        >>> import kernelkit as kk
        >>> class Scale(kk.layers.Layer):
        ...     def build(self, input_shape):
        ...         self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, inputs):
        ...         return inputs * self.scale
        >>> Scale()(kk.ops.ones((2, 3))).shape
        (2, 3)
    """

    # TensorFlow's AutoGraph skips objects with this attribute. In `map` it would rewrite the code of a layer otherwise.
    autograph_info__: dict[str, Any] = {}
    _untracked: frozenset[str] = frozenset(
        {"_init_arguments", "_inbound_nodes", "_outbound_nodes", "_own_losses", SET_AT}
    )

    _books: frozenset[str] = frozenset()
    """Attributes that kernelkit itself sets anew: what they held before is no part any more."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        is_ours = cls.__module__.startswith("kernelkit.")
        if Layer in cls.__bases__ and cls.__module__.startswith(f"{__package__}."):
            cls._takes_sparse = vars(cls).get("_takes_sparse", False)
        if "call" in vars(cls) and not is_ours:
            cls._is_made_of_calls = True
            cls._takes_sparse = vars(cls).get("_takes_sparse", True)
        if "build" in vars(cls):
            cls.build = build_once(vars(cls)["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: RegularizerLike = None,
        trainable: bool = True,
        dtype: DType = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._input_shape_hint = arguments.take_input_shape(type(self).__name__, kwargs)
        arguments.refuse_unknown(type(self), kwargs)
        Operation.__init__(self, name)
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(f"{type(self).__name__}: expected `trainable` to be a boolean, got {trainable!r}.")
        self._own_variables: list[Variable] = []
        self._own_losses: list = []
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = bool(trainable)
        self._dtype_policy = dtype_policies.get(dtype)
        self.autocast = autocast
        self._remat = rematerialize.current()
        self.built = _has_nothing_to_build(type(self))
        self.supports_masking = vars(type(self)).get("supports_masking", getattr(type(self), "supports_masking", False))
        self.input_spec: Any = None
        self._path: str | None = None
        self._build_shapes: dict[str, Any] | None = None
        self._building = False
        self._made_at = changes.structure.count

    def __setattr__(self, name: str, value: Any) -> None:
        # Numbers, strings and arrays hold no parts, so assigning them in each call costs nothing.
        if name not in self._untracked and not (
            isinstance(value, _PLAIN) and isinstance(self.__dict__.get(name), _PLAIN)
        ):
            changes.structure.note()
            keep = self._may_gain_parts() and name not in self._books
            if name in self.__dict__ and (holds(value, _PARTS) or (keep and holds(self.__dict__[name], _PARTS))):
                make_room(self, name, keep)
            note_set(self, name, changes.structure.count)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        changes.structure.note()
        if name in self.__dict__ and self._may_gain_parts() and name not in self._books:
            make_room(self, name, keep=True)
            if name not in self.__dict__:
                return
        object.__delattr__(self, name)

    def _may_gain_parts(self) -> bool:
        """Return whether the layer is still being made, so that what was set once stays a part, as in Keras."""
        return not self.__dict__.get("built", False)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        """Return the layer's parts. The private name is Keras's; packages call it."""
        return [self] * include_self + (list(walk(self)) if recursive else children(self))

    def supports_jit(self) -> bool:
        """Whether jax can trace the layer; always true."""
        return True

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal layer, as plain JSON values."""
        config = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        derived = serialize.derived_arguments(self, stop=Layer)
        return config | {k: serialize.serialize_value(v) for k, v in derived.items()}

    def __repr__(self) -> str:
        if "_own_variables" not in self.__dict__:  # super().__init__() was not called yet
            return f"<{type(self).__name__} that is not ready>"
        call = serialize.call_text(self, Layer, (f"name={self.name!r}",))
        if not self.built:
            return f"<{call}, not built>"
        shapes = ""
        if len(self._inbound_nodes) == 1:
            [node] = self._inbound_nodes
            sides = (node.input_tensors, node.output_tensors)
            shapes = " → ".join(", ".join(str(t.shape) for t in side) for side in sides if side)
        count = sum(math.prod(v.shape) for v in self.weights)
        facts = [shapes, f"{count:,} parameters" if count else "", "" if self._trainable else "frozen"]
        return f"<{': '.join([call, ', '.join(fact for fact in facts if fact)]).removesuffix(': ')}>"


def _has_nothing_to_build(cls: type[Layer]) -> bool:
    """Return whether a class is, or derives from, a kernelkit layer without weights, and defines no `build`."""
    own = [c for c in cls.__mro__ if c.__module__.startswith(f"{__package__}.") and issubclass(c, Layer)]
    return own != [Layer] and cls.build is Layer.build
