"""jax functions of variables as functions of TensorFlow."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.tree_util as jtu

from kernelkit import devices, scope
from kernelkit.export import program
from kernelkit.export.needs import need
from kernelkit.export.signature import Signature, TensorSpec, unique
from kernelkit.export.unroll import without_top_k
from kernelkit.typing import Tree
from kernelkit.variable import Variable

PLATFORMS = ("cpu", "cuda", "tpu")


def import_tensorflow() -> Any:
    """Return TensorFlow.

    Raises:
        ImportError: If it is not installed.
    """
    return need("tensorflow", "SavedModels")


class Lender(scope.StatelessScope):
    """A scope that notes the variables for which it has no values."""

    def __init__(self, pairs: Sequence[tuple]) -> None:
        super().__init__(pairs)
        self.missed: list[Variable] = []

    def get_current_value(self, variable: Any) -> Any:
        """Return the value of a variable in this scope or one around it, or ``None``."""
        value = super().get_current_value(variable)
        if value is None and all(variable is not other for other in self.missed):
            self.missed.append(variable)
        return value


class Pure(NamedTuple):
    """A function that uses variables, made pure.

    Attributes:
        function: ``function(values of variables, *inputs) -> (flat outputs, new values of written)``.
        variables: The variables whose values it takes.
        written: The variables to which it assigns.
        struct: Tree of the outputs' positions.
        arguments: Abstract values of the inputs.
    """

    function: Callable[..., tuple[list, list]]
    variables: list[Variable]
    written: list[Variable]
    struct: Tree
    arguments: list[jax.ShapeDtypeStruct]


def purified(
    fn: Callable, variables: Sequence[Variable], signature: Signature, name: str, is_static: bool, shapes: Tree = None
) -> Pure:
    """Find the variables that a function reads and writes, and make it pure.

    Args:
        fn: A function of the signature's arguments.
        variables: Variables that it may read. Others that it reads are added to these.
        signature: Its arguments: ``signature.struct`` is a list with one entry for each.
        name: Name of the function, for errors.
        is_static: Whether its assignments are dropped.
        shapes: Names for the sizes of the inputs; see :func:`kernelkit.export.program.open_trace`.

    Raises:
        ValueError: If its code needs an open size as a number.
    """
    known = list(variables)
    while True:
        found: dict[str, Any] = {}

        def function(values: list, *inputs: Any, known: list = known, found: dict = found) -> tuple[list, list]:
            lender = Lender(list(zip(known, values, strict=True)))
            with lender, devices.portable():
                outputs = fn(*signature.nest(inputs))
            leaves, tree = jtu.tree_flatten(outputs)
            changed = [
                v for v, old in zip(known, values, strict=True) if lender.values[id(v)] is not old and not is_static
            ]
            found.update(
                struct=jtu.tree_unflatten(tree, list(range(len(leaves)))), written=changed, missed=lender.missed
            )
            return leaves, [lender.values[id(v)] for v in changed]

        abstract = [jax.ShapeDtypeStruct(v.shape, jax.dtypes.canonicalize_dtype(v.dtype)) for v in known]
        arguments, _, _ = program.open_trace(function, abstract, signature, name, shapes)
        if not found["missed"]:
            return Pure(function, known, found["written"], found["struct"], arguments)
        known = [*known, *found["missed"]]


def converted(
    function: Callable, arguments: Sequence[jax.ShapeDtypeStruct], platforms: Sequence[str] = PLATFORMS, **options: Any
) -> Callable:
    """Return a pure jax function as a function of TensorFlow's tensors.

    Args:
        function: ``function(list of values, *inputs)``.
        arguments: Abstract values of the inputs, with symbols for open sizes.
        platforms: Platforms on which it runs.
        **options: Arguments of `jax2tf.convert`.
    """
    import_tensorflow()
    from jax.experimental import jax2tf

    shapes = [f"({', '.join(map(str, a.shape))})" if a.shape else None for a in arguments]
    settings: dict[str, Any] = {
        "polymorphic_shapes": [None, *shapes],
        "native_serialization_platforms": tuple(platforms),
        "with_gradient": True,
    }
    return jax2tf.convert(without_top_k(function), **(settings | options))  # TensorFlow 2.21 reads no `top_k`


def named_arguments(function: Callable, names: Sequence[str]) -> Callable:
    """Return a function that TensorFlow can also call with the arguments by name."""
    if len(set(names)) == len(names) and all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        function.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])  # type: ignore[attr-defined]
    return function


def tf_specs(signature: Signature, arguments: Sequence[jax.ShapeDtypeStruct]) -> list[Any]:
    """Return a `tf.TensorSpec` for each flat input."""
    tf = import_tensorflow()
    names = unique([safe_name(spec.name) for spec in signature.inputs])
    return [
        tf.TensorSpec(spec.shape, tf.as_dtype(argument.dtype.name), name=name)
        for spec, argument, name in zip(signature.inputs, arguments, names, strict=True)
    ]


def signature_function(endpoint: Any, signature: Signature, specs: list, outputs: Sequence[TensorSpec]) -> Any:
    """Return an endpoint with flat, named inputs and outputs, as servers call it."""
    tf = import_tensorflow()
    names = unique([safe_name(spec.name) for spec in outputs])

    @tf.function(input_signature=specs, autograph=False)
    def serving(*inputs: Any) -> dict[str, Any]:
        made = endpoint(*signature.nest(inputs))
        return dict(zip(names, jtu.tree_leaves(made), strict=True))

    return serving


def safe_name(name: str) -> str:
    """Return a name that TensorFlow allows for an argument."""
    name = re.sub(r"\W", "_", name, flags=re.ASCII) or "input"
    return name if name[0].isalpha() else f"n{name}"
