"""A model traced once for any platform and any batch size. All emitters read this program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.tree_util as jtu

from kernelkit import devices, scope
from kernelkit.export import signature as signatures
from kernelkit.export.pure import Weights, lent_seeds, named_variables, pure
from kernelkit.export.signature import Arguments, Signature, TensorSpec
from kernelkit.jaxprs import Opened, opened
from kernelkit.random import is_seed
from kernelkit.typing import Tree
from kernelkit.variable import Variable


class Program(NamedTuple):
    """A model as a jaxpr.

    Attributes:
        name: Name of the model.
        signature: Its inputs.
        outputs: One spec for each output, flat.
        struct: Tree of the outputs' positions, nested as the model returns them.
        weights: The values of the variables, by path, in the order in which ``function`` takes them.
        function: ``function(list of weights, *inputs) -> flat outputs``: pure.
        arguments: Abstract values of the inputs, with symbols for open sizes.
        body: The jaxpr of ``function``: its first operands are the weights.
        call: The model's call on flat inputs, as it is: it reads and changes the variables of the scope.
        cut: A sentence that names the layers left out because they work on strings; empty if no layer is left out.
        changed: Variables that a prediction changes, such as the state of a stateful recurrence or the seed of a draw.
            ``function`` drops the changes.
    """

    name: str
    signature: Signature
    outputs: tuple[TensorSpec, ...]
    struct: Tree
    weights: dict[str, jax.Array]
    function: Callable[..., list[jax.Array]]
    arguments: list[jax.ShapeDtypeStruct]
    body: Opened
    call: Callable[..., Tree]
    cut: str = ""
    changed: tuple[Variable, ...] = ()

    @property
    def draws(self) -> bool:
        """Whether a prediction draws random numbers."""
        return any(is_seed(v) for v in self.changed)

    def as_computed(self) -> Program:
        """Return the program with the dtypes that it computes in: jax reads 64-bit inputs as 32-bit ones by default."""
        inputs = tuple(
            spec._replace(dtype=aval.dtype.name) if spec.dtype in _LONG else spec
            for spec, aval in zip(self.signature.inputs, self.arguments, strict=True)
        )
        return self._replace(signature=self.signature._replace(inputs=inputs))

    def forgotten(self, draws_itself: bool = False) -> str:
        """Return a text on what a file loses that drops the changes of variables; empty if it loses nothing.

        Args:
            draws_itself: Whether the file's runtime draws random numbers of its own.
        """
        kept = [v.path for v in self.changed if not is_seed(v)]
        told = []
        if kept:
            more = f" and {len(kept) - 3} more" if len(kept) > 3 else ""
            told.append(
                f"Prediction changes the variables {', '.join(kept[:3])}{more}: in the file each call begins with "
                "their values of now."
            )
        if self.draws and not draws_itself:
            told.append("Prediction draws random numbers: the file draws the same ones in each call.")
        return " ".join(told)


_LONG = frozenset({"float64", "int64", "uint64"})


class TrainingProgram(NamedTuple):
    """A model as a jaxpr of a training call: after the outputs come the new values of the variables that it changes.

    Attributes:
        program: The jaxpr; ``outputs`` are only the model's outputs.
        trainable: Number of trained arrays in ``program.weights``; the call changes the others.
    """

    program: Program
    trainable: int


def trace(model: Any, input_signature: Tree = None, static_batch: int | None = None) -> Program:
    """Trace a model's call in prediction.

    Args:
        model: A model that is built.
        input_signature: See :func:`kernelkit.export.signature.of_model`.
        static_batch: Batch size to fix, for runtimes that need one.

    Raises:
        ValueError: If the model is not built, or its code needs the value of an open size.
    """
    return _traced(model, input_signature, static_batch, training=False)[0]


def trace_training(model: Any, input_signature: Tree = None) -> TrainingProgram:
    """Trace a model's call in training."""
    return TrainingProgram(*_traced(model, input_signature, None, training=True))


def _traced(model: Any, input_signature: Tree, static_batch: int | None, training: bool) -> tuple[Program, int]:
    apply, weights = pure(model)
    signature, wrap, cut = _without_strings(model, input_signature)
    if static_batch is not None:
        signature = _fixed(signature, static_batch)
    seeds, trained, others = named_variables(model)
    variables = [*trained.values(), *others.values()]
    values = {**weights.trainable, **weights.state}
    split = len(weights.trainable)
    paths = list(values)
    struct: list[Any] = []
    changed: list[Variable] = []

    def call(*inputs: Any) -> Tree:
        args, kwargs = wrap(inputs)
        return model(*args, training=False, **kwargs)

    def function(arrays: list[jax.Array], *inputs: jax.Array) -> list[jax.Array]:
        state: dict = {}
        if training:
            trainable = dict(zip(paths[:split], arrays, strict=False))
            lent = Weights(trainable, dict(zip(paths[split:], arrays[split:], strict=True)))
            args, kwargs = wrap(inputs)
            outputs, state = apply(lent, *args, training=True, rng=jax.random.key(0), mutable=True, **kwargs)
        else:
            pairs = [*zip(variables, arrays, strict=True), *lent_seeds(seeds)]
            with scope.StatelessScope(pairs) as lender:
                outputs = call(*inputs)
            changed[:] = [v for v, value in pairs if lender.get_current_value(v) is not value]
        leaves, tree = jtu.tree_flatten(outputs)
        struct[:] = [jtu.tree_unflatten(tree, list(range(len(leaves))))]
        return [*leaves, *state.values()]

    abstract = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in values.values()]
    arguments, body, avals = open_trace(function, abstract, signature, f"Model {model.name!r}")
    if training:
        avals = avals[: len(avals) - len(weights.state)]
    names = _output_names(model, struct[0], len(avals))
    outputs = tuple(
        TensorSpec(name, tuple(d if isinstance(d, int) else None for d in aval.shape), aval.dtype.name)
        for name, aval in zip(names, avals, strict=True)
    )
    known = (model.name, signature, outputs, struct[0], values, function, arguments, body, call, cut)
    return Program(*known, tuple(changed)), split


def open_trace(
    function: Callable, weights: list, signature: Signature, who: str, shapes: Tree = None
) -> tuple[list, Opened, Any]:
    """Trace a function of weights and inputs, with symbols for the open sizes.

    Args:
        function: ``function(weights, *inputs)``.
        weights: Abstract values of the weights.
        signature: The inputs.
        who: Name of the function, for errors.
        shapes: Names for the sizes of each input, such as ``"(batch, a, a)"`` for squares; by default each open size
            has a name of its own.

    Returns:
        Abstract values of the inputs, the jaxpr, and abstract values of the outputs.

    Raises:
        ValueError: If the function needs the value of an open size.
    """
    is_open = any(size is None for spec in signature.inputs for size in spec.shape)
    several = [False, True] if is_open and len(signature.inputs) > 1 else [False]
    problem: Exception | None = None
    for least in (1, *_LEAST):
        for shared in several:
            if shapes is None:
                arguments = signatures.symbolic(signature.inputs, shared, least)
            else:
                arguments = signatures.named(signature.inputs, shapes)
            try:
                with devices.portable():
                    closed, out = jax.make_jaxpr(function, return_shape=True)(weights, *arguments)
                return arguments, opened(closed), out
            except _SIZE_ERRORS as error:
                if not is_open and not isinstance(error, TypeError):
                    raise
                problem = problem or error
                needs_more = _needs_more(error)
        if shapes is not None or not needs_more:
            break
    open_sizes = {spec.name: spec.shape for spec in signature.inputs if None in spec.shape}
    raise ValueError(
        f"{who} cannot be exported with the open sizes {open_sizes}: its code needs one of them as a "
        f"number. Fix them, for example input_signature={_example(signature)}. jax says: {_first_line(problem)}"
    ) from problem


def _needs_more(error: Exception) -> bool:
    """Return whether a trace failed because an open size may be too small, for a window of several numbers say."""
    return isinstance(error, jax.errors.InconclusiveDimensionOperation) or "polymorphism" in str(error)


_LEAST = (2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64)  # what open sizes are at least, if the model asks
_SIZE_ERRORS = (
    jax.errors.InconclusiveDimensionOperation,
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.NonConcreteBooleanIndexError,
    TypeError,
    ValueError,
    IndexError,
)


def _without_strings(model: Any, input_signature: Tree) -> tuple[Signature, Callable, str]:
    """Return the signature after the host stage, a function from arrays to the call's arguments, and what is cut."""
    prepared = model.program_inputs() if input_signature is None and hasattr(model, "program_inputs") else None
    if prepared is None:
        signature = signatures.of_model(model, input_signature)
        for spec in signature.inputs:
            if spec.dtype == "string":
                raise ValueError(
                    f"Input {spec.name!r} of model {model.name!r} holds strings, which no exported program can take."
                )
        return signature, signature.arguments, ""
    tensors, wrap, layers = prepared
    signature = signatures.from_specs(list(tensors), names=[t.name for t in tensors])
    cut = f"The layers {', '.join(layers)} work on strings and are left out: give the program what they return."
    return signature, lambda arrays: Arguments((wrap(arrays),), {}), cut


def _fixed(signature: Signature, batch: int) -> Signature:
    inputs = tuple(
        spec._replace(shape=(batch, *spec.shape[1:])) if spec.shape and spec.shape[0] is None else spec
        for spec in signature.inputs
    )
    return signature._replace(inputs=inputs)


def _output_names(model: Any, struct: Tree, count: int) -> list[str]:
    paths = [
        "_".join(str(getattr(key, "key", getattr(key, "idx", key))) for key in path)
        for path, _ in jtu.tree_flatten_with_path(struct)[0]
    ]
    if isinstance(struct, dict) and all(paths):
        names = paths
    else:
        own = list(model.output_names) if getattr(model, "outputs", None) else []
        names = own if len(own) == count else ["output"] if count == 1 else [f"output_{i}" for i in range(count)]
    return signatures.unique(names)


def _example(signature: Signature) -> str:
    spec = signature.inputs[0]
    shape = tuple(d if d is not None else (None if axis == 0 else 16) for axis, d in enumerate(spec.shape))
    return f"kernelkit.InputSpec(shape={shape}, dtype={spec.dtype!r})"


def _first_line(error: Exception | None) -> str:
    return str(error).strip().split("\n")[0][:300]
