"""A traced step as a flat list of operations, which can be inspected one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from kernelkit.jaxprs import Opened, called_by, is_literal, opened, run_equation
from kernelkit.typing import Equation, Tensor


class Operation(NamedTuple):
    """One operation of a step.

    Attributes:
        equation: The jaxpr equation: primitive, parameters, source line.
        inputs: Slots of its inputs.
        outputs: Slots of its outputs.
        stack: The name stack of jax, outermost name first: ``"jvp(model)/dense"``.
    """

    equation: Equation
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stack: str

    @property
    def name(self) -> str:
        """The name of the primitive."""
        return self.equation.primitive.name

    def run(self, values: Sequence[Tensor]) -> list[Any]:
        """Return the outputs for given input values."""
        return run_equation(self.equation, values)


class FlatStep:
    """A pure function as a flat jaxpr: nested calls are inlined.

    Args:
        function: The function of arrays.
        *arguments: Arrays (or shapes) with the shapes and dtypes of later calls.

    Attributes:
        operations: The operations in execution order.
        outputs: Slots of the result's leaves.
        shape: The pytree of the result, with shapes as leaves.

    Example:
        >>> flat = FlatStep(lambda x: jax.nn.relu(jnp.log(x)), jnp.ones(2))
        >>> [operation.name for operation in flat.operations]
        ['log', 'max']
    """

    def __init__(self, function: Callable, *arguments: Any) -> None:
        traced, self.shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        whole = opened(traced)
        self.operations: list[Operation] = []
        self._count = 0
        self._constants: dict[int, Any] = {}
        self.inputs = [self._slot() for _ in whole.jaxpr.invars]
        self.outputs = self._unfold(whole, self.inputs, "")

    def run(self, arguments: Any, see: Callable[[Operation, list, list], None] | None = None) -> list[Any]:
        """Return the values of all slots.

        Args:
            arguments: The tuple of arguments of the function.
            see: Called with each operation, the values of its inputs and of its outputs.
        """
        slots: list[Any] = [None] * self._count
        for slot, value in self._constants.items():
            slots[slot] = value
        for slot, value in zip(self.inputs, jtu.tree_leaves(arguments), strict=True):
            slots[slot] = value
        for operation in self.operations:
            values = [slots[i] for i in operation.inputs]
            results = operation.run(values)
            if see is not None:
                see(operation, values, results)
            for slot, value in zip(operation.outputs, results, strict=True):
                slots[slot] = value
        return slots

    def result(self, slots: list[Any]) -> Any:
        """Return the function's result from the values of all slots."""
        return jtu.tree_unflatten(jtu.tree_structure(self.shape), [slots[i] for i in self.outputs])

    def named(self, prefix: str) -> dict[str, int]:
        """Return the slots named with `jax.ad_checkpoint.checkpoint_name`, by their name without the prefix."""
        found: dict[str, int] = {}
        for operation in self.operations:
            if operation.name == "name" and operation.equation.params["name"].startswith(prefix):
                found.setdefault(operation.equation.params["name"].removeprefix(prefix), operation.outputs[0])
        return found

    def is_constant(self, slot: int) -> bool:
        """Return whether a slot holds a constant of the function."""
        return slot in self._constants

    def _slot(self) -> int:
        self._count += 1
        return self._count - 1

    def _unfold(self, called: Opened, inputs: Sequence[int], stack: str) -> list[int]:
        jaxpr, constants = called
        slots: dict[Any, int] = dict(zip(jaxpr.invars, inputs, strict=True))
        for variable, value in zip(jaxpr.constvars, constants, strict=True):
            slots[variable] = self._constant(value)

        def read(atom: Any) -> int:
            return self._constant(atom.val) if is_literal(atom) else slots[atom]

        for equation in jaxpr.eqns:
            ins = [read(v) for v in equation.invars]
            inner_stack = "/".join(part for part in (stack, str(equation.source_info.name_stack)) if part)
            inner = called_by(equation)
            if inner is not None:
                outs = self._unfold(inner, ins, inner_stack)
            else:
                outs = [self._slot() for _ in equation.outvars]
                self.operations.append(Operation(equation, tuple(ins), tuple(outs), inner_stack))
            slots.update(zip(equation.outvars, outs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _constant(self, value: Any) -> int:
        slot = self._slot()
        self._constants[slot] = value
        return slot


def layer_of(stack: str) -> str:
    """Return the path of the layer that an operation belongs to, ``""`` if it belongs to no layer.

    Example:
        >>> layer_of("transpose(jvp(model))/dense")
        'model/dense'
    """
    return "/".join(part for part in re.sub(r"\w+\(|\)", "", stack).split("/") if part)


def is_backward(stack: str) -> bool:
    """Return whether an operation belongs to the backward pass."""
    return "transpose(" in stack


def can_be_infinite(value: Any) -> bool:
    """Return whether the dtype of a value (or shape) can hold NaN and infinity."""
    return jnp.issubdtype(value.dtype, jnp.inexact)
