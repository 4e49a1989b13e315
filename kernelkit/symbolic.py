"""Symbolic tensors and the graph that calls on them record.

A :class:`KerasTensor` has a shape and a dtype but no value. Calling an :class:`Operation` (a layer, or a function of
:mod:`kernelkit.ops`) on one runs nothing: it records a :class:`Node` and returns new symbolic tensors. Their shapes
come from `jax.eval_shape` on the very code that would run, so each operation is defined once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import dtypes, rich_display, scope
from kernelkit.operators import Operators
from kernelkit.sparse import is_sparse
from kernelkit.sparse import stand_in as sparse_stand_in
from kernelkit.variable import Variable

# An unknown dimension is found by evaluating shapes twice, with these sizes in its place, and comparing. They are far
# apart, so that sizes derived from them (halved by a pooling, say) stay apart; primes, so that they hardly ever
# coincide with a real size by accident.
_TRIAL_SIZES = (10007, 30011)
# Sizes with many divisors, for functions that refuse those: a reshape or a split needs sizes that divide evenly.
_EVEN_TRIAL_SIZES = (10080, 30240)


class KerasTensor(Operators):
    """A tensor without a value: what a model is wired from.

    Args:
        shape: Tuple of ints, ``None`` where a size is unknown.
        dtype: The dtype's name.
        sparse: Whether it stands for a sparse array; see :mod:`kernelkit.sparse`.
        ragged: Must be false.
        record_history: Accepted for Keras's sake.
        name: Name of the tensor.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.Input((3,))
        >>> (x * 2 + 1).shape
        (None, 3)
    """

    def __init__(
        self,
        shape: Any,
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"KerasTensor() got unknown arguments {sorted(kwargs)}.")
        if ragged:
            raise ValueError("kernelkit has no ragged tensors. Pad the data and pass a mask.")
        self.shape = standardize_shape(shape)
        self.dtype = dtypes.standardize_dtype(dtype)
        self.sparse = bool(sparse)
        self.ragged = False
        self.name = name or scope.auto_name("keras_tensor")
        self.record_history = record_history
        self._keras_history: tuple[Any, int, int] | None = None

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def like(self, shape: Any = None) -> KerasTensor:
        """Return a tensor of the same shape (or another), dtype and sparseness, which nothing made."""
        return KerasTensor(self.shape if shape is None else shape, dtype=self.dtype, sparse=self.sparse)

    def reshape(self, new_shape: Any) -> KerasTensor:
        """Record a reshape to ``new_shape``."""
        from kernelkit.operators import _functions

        return _functions["reshape"](self, new_shape)

    def squeeze(self, axis: Any = None) -> KerasTensor:
        """Record the removal of axes of size one."""
        from kernelkit.operators import _functions

        return _functions["squeeze"](self, axis)

    @property
    def T(self) -> KerasTensor:
        """The tensor with its axes reversed."""
        from kernelkit.operators import _functions

        return _functions["transpose"](self)

    def _no_value(self, what: str) -> TypeError:
        return TypeError(
            f"A symbolic KerasTensor has no value, so {what} cannot work on {self!r}. While a model is being wired, "
            "use functions of kernelkit.ops (they record a node), or put the code into a layer's call()."
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self._no_value("NumPy")

    def __jax_array__(self) -> Any:
        raise self._no_value("a jax.numpy function")

    def __bool__(self) -> bool:
        raise self._no_value("`if` or `bool()`")

    def __iter__(self) -> Any:
        raise self._no_value("iteration")

    def __float__(self) -> float:
        raise self._no_value("float()")

    def __int__(self) -> int:
        raise self._no_value("int()")

    def __repr__(self) -> str:
        sparse = ", sparse=True" if self.sparse else ""
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}{sparse}, name={scope.printable(self.name)}>"

    def _repr_html_(self) -> str | None:
        return rich_display.html(self)


def is_keras_tensor(x: Any) -> bool:
    """Return whether a value is a symbolic tensor."""
    return isinstance(x, KerasTensor)


def standardize_shape(shape: Any) -> tuple:
    """Return a shape as a tuple of ints and ``None``; raise if it is none."""
    if isinstance(shape, (int, np.integer)) or shape is None:
        raise ValueError(f"A shape must be a tuple such as (28, 28, 1), got {shape!r}. Did you mean ({shape},)?")
    result = []
    for size in tuple(shape):
        if size is not None:
            if isinstance(size, bool) or not hasattr(size, "__index__"):
                raise ValueError(f"A shape holds ints and None, got {size!r} in {tuple(shape)!r}.")
            size = int(size)
            if size < 0:
                raise ValueError(f"A shape cannot hold a negative size, got {tuple(shape)!r}.")
        result.append(size)
    return tuple(result)


class Node:
    """One recorded call: an operation, the arguments it was given, the tensors it returned."""

    def __init__(self, operation: Operation, args: tuple, kwargs: dict, outputs: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.input_tensors: list[KerasTensor] = [t for t in _leaves((args, kwargs)) if isinstance(t, KerasTensor)]
        self.outputs = outputs
        self.output_tensors: list[KerasTensor] = [t for t in _leaves(outputs) if isinstance(t, KerasTensor)]
        self.index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for tensor in self.input_tensors:
            if tensor._keras_history is not None:
                tensor._keras_history[0]._outbound_nodes.append(self)
        for position, tensor in enumerate(self.output_tensors):
            tensor._keras_history = (operation, self.index, position)
        if scope.local.recorder is not None:
            scope.local.recorder.append(self)

    @property
    def is_input(self) -> bool:
        """Whether this node is where a model begins."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> list[Node]:
        """The nodes whose outputs this one takes."""
        parents = []
        for tensor in self.input_tensors:
            node = producer(tensor)
            if node is not None and node not in parents:
                parents.append(node)
        return parents

    def fill_in(self, values: dict[int, Any]) -> tuple[tuple, dict]:
        """Return the recorded arguments with each symbolic tensor replaced by ``values[id(tensor)]``."""

        def replace(leaf: Any) -> Any:
            return values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

        return jtu.tree_map(replace, (self.args, self.kwargs), is_leaf=lambda x: isinstance(x, KerasTensor))

    def __repr__(self) -> str:
        return f"<Node {self.index} of {scope.printable(self.operation.name)}>"


@contextlib.contextmanager
def recording() -> Iterator[list[Node]]:
    """Collect the nodes that are recorded inside, and take them off their operations again at the end.

    Yields:
        The list that they are put in, in the order of the calls.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.Dense(2)
        >>> with recording() as nodes:
        ...     y = layer(kk.KerasTensor((None, 3)))
        >>> nodes[-1].operation is layer, len(layer._inbound_nodes)
        (True, 0)
    """
    nodes: list[Node] = []
    before, scope.local.recorder = scope.local.recorder, nodes
    try:
        yield nodes
    finally:
        scope.local.recorder = before
        for node in reversed(nodes):
            node.operation._inbound_nodes = [n for n in node.operation._inbound_nodes if n is not node]
            for tensor in node.input_tensors:
                history = tensor._keras_history
                if history is not None:
                    history[0]._outbound_nodes = [n for n in history[0]._outbound_nodes if n is not node]


def producer(tensor: KerasTensor) -> Node | None:
    """Return the node that made a tensor."""
    if tensor._keras_history is None:
        return None
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


class Operation:
    """Something that can be called on arrays (runs) and on symbolic tensors (records).

    Args:
        name: Name; made from the class's name if not given.
    """

    def __init__(self, name: str | None = None) -> None:
        name = name or scope.auto_name(scope.to_snake_case(type(self).__name__))
        self.name = scope.checked_name(name, f"{type(self).__name__}: `name`")
        self._inbound_nodes: list[Node] = []
        self._outbound_nodes: list[Node] = []

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute on arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not have a `call` method implemented: define one.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors of the shapes and dtypes that :meth:`call` would return."""
        return eval_spec(self.call, *args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Record a node and return its symbolic outputs."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.symbolic_call(*args, **kwargs) if any_symbolic(args, kwargs) else self.call(*args, **kwargs)

    def _first_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(f"{self.name!r} was never called on a symbolic tensor, so it has no {what}.")
        return self._inbound_nodes[0]

    @property
    def input(self) -> Any:
        """The symbolic input of the first call; a list for several."""
        tensors = self._first_node("input").input_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def output(self) -> Any:
        """The symbolic output of the first call."""
        return self._first_node("output").outputs


class FunctionOperation(Operation):
    """A function of :mod:`kernelkit.ops` in a recorded graph."""

    def __init__(self, function: Callable, name: str | None = None) -> None:
        self.function = function
        super().__init__(name or scope.auto_name(function.__name__))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # A function may bring its own rule, where unknown sizes ask for more than trying two sizes.
        spec = getattr(self.function, "spec", None)
        return eval_spec(self.function, *args, **kwargs) if spec is None else spec(self.function, *args, **kwargs)


def any_symbolic(args: tuple, kwargs: dict) -> bool:
    """Return whether a symbolic tensor is among the arguments, at any depth of lists, tuples and dicts."""
    return _holds(args, KerasTensor) or (bool(kwargs) and _holds(kwargs.values(), KerasTensor))


def _holds(values: Any, kind: type) -> bool:
    for value in values:
        if isinstance(value, kind):
            return True
        if isinstance(value, (list, tuple)):
            if _holds(value, kind):
                return True
        elif isinstance(value, dict) and _holds(value.values(), kind):
            return True
    return False


def _leaves(structure: Any) -> list:
    return jtu.tree_leaves(structure, is_leaf=lambda x: isinstance(x, KerasTensor))


def eval_spec(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Return the symbolic outputs of a function of arrays, without computing anything.

    Args:
        function: A function of arrays that jax can trace. Variables it assigns keep their values.
        *args: Arguments, symbolic tensors at any depth among them.
        **kwargs: More arguments.

    Returns:
        The function's outputs as :class:`KerasTensor`, with ``None`` where a size depends on an unknown size.
    """
    leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=lambda x: isinstance(x, KerasTensor))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
    unknown = any(None in leaves[i].shape for i in places)

    def run(*values: Any) -> Any:
        filled = list(leaves)
        for place, value in zip(places, values, strict=True):
            filled[place] = value
        own_args, own_kwargs = jtu.tree_unflatten(treedef, filled)
        with scope.StatelessScope(), scope.SymbolicScope():
            return _only_arrays(function(*own_args, **own_kwargs))

    def trial(size: int) -> Any:
        return jax.eval_shape(run, *(_stand_in(leaves[i], size) for i in places))

    if not unknown:
        only = trial(_TRIAL_SIZES[0])
        return jtu.tree_map(_merge_specs, only, only, is_leaf=is_sparse)
    try:
        trials = [trial(size) for size in _TRIAL_SIZES]
    except (TypeError, ValueError) as error:
        try:
            trials = [trial(size) for size in _EVEN_TRIAL_SIZES]
        except (TypeError, ValueError):
            raise error from None
    return jtu.tree_map(_merge_specs, *trials, is_leaf=is_sparse)


def _stand_in(tensor: KerasTensor, size: int) -> Any:
    """Return an array of shape and dtype alone, with a size for unknown ones."""
    shape = tuple(size if d is None else d for d in tensor.shape)
    dtype = _traceable_dtype(tensor.dtype)
    return sparse_stand_in(shape, dtype) if tensor.sparse else jax.ShapeDtypeStruct(shape, dtype)


def _traceable_dtype(name: str) -> Any:
    if name == "string":
        raise TypeError(
            "Strings cannot enter a jax computation; turn them into numbers with StringLookup or TextVectorization."
        )
    return jnp.dtype(name)


def _only_arrays(outputs: Any) -> Any:
    return jtu.tree_map(lambda v: v.value if isinstance(v, Variable) else v, outputs)


def _merge_specs(first: Any, second: Any) -> KerasTensor:
    shape = tuple(a if a == b else None for a, b in zip(first.shape, second.shape, strict=True))
    return KerasTensor(shape, dtype=first.dtype.name, sparse=is_sparse(first))
