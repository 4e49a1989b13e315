"""`GradientTape`: gradients of code that runs eagerly, line by line, as in Keras's introduction.

While a tape is open, each op and each layer that is called runs through `jax.vjp`, and the tape keeps the function that
pulls gradients back through it. Outputs are :class:`TapeTensor` objects: arrays that know they were recorded. While a
tape is open, a function of `jax.numpy` refuses a taped tensor with an error, so a gradient is never silently zero. For
fast training use `fit`, or `jax.value_and_grad` over `stateless_call`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import scope
from kernelkit.jax_operators import asks_an_operator
from kernelkit.operators import Operators
from kernelkit.operators import function as library
from kernelkit.typing import DType, Tensor, Tree
from kernelkit.variable import Variable


class TapeTensor(Operators):
    """An array that an open :class:`GradientTape` recorded."""

    def __init__(self, value: jax.Array) -> None:
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.value.shape

    @property
    def dtype(self) -> Any:
        """The dtype."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.value.size

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed, recorded."""
        return library("transpose")(self)

    def numpy(self) -> np.ndarray:
        """Return the value as a NumPy array; the copy is no longer recorded."""
        return np.asarray(self.value)

    def item(self) -> Any:
        """Return the only element as a Python number."""
        return self.value.item()

    def reshape(self, *shape: Any, order: str = "C") -> Tensor:
        """Return the tensor in another shape, recorded."""
        if order != "C":
            raise TypeError(f"A tensor that a tape records is reshaped in order='C' only, got order={order!r}.")
        return library("reshape")(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """Return the tensor with its axes in another order (reversed by default), recorded."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return library("transpose")(self, order)

    def flatten(self) -> Tensor:
        """Return the tensor with a single axis, recorded."""
        return library("ravel")(self)

    def tolist(self) -> Any:
        """Return the value as nested lists of Python numbers."""
        return self.value.tolist()

    def astype(self, dtype: DType) -> Tensor:
        """Return the tensor in another dtype, recorded."""
        return library("cast")(self, dtype)

    def __array__(self, dtype: DType = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype=dtype)

    @property
    def __jax_array__(self) -> Callable[[], jax.Array] | None:
        # A property, not a method: jax already checks for the attribute before the call, and that check must raise.
        if scope.local.tape is not None:
            # `array + tensor` checks this attribute first. With None, Python calls `tensor.__radd__`, which records.
            if asks_an_operator():
                return None
            # Not a TypeError: jax would replace it by its own error without this message.
            raise RuntimeError(
                "A function outside of kernelkit (such as jax.numpy) was given a tensor that an open GradientTape "
                "recorded; its gradient would stop here. Use the function of the same name in kernelkit.ops, or take "
                "the plain value with `tensor.numpy()` if no gradient should flow, or use jax.value_and_grad."
            )
        return lambda: self.value

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator:
        return (self[i] for i in range(len(self)))

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __repr__(self) -> str:
        return f"TapeTensor({self.value})"


_METHODS = (
    "mean sum max min std var prod squeeze ravel clip argmax argmin argsort sort all any cumsum cumprod swapaxes take "
    "repeat dot round diagonal trace"
).split()
"""Methods of NumPy's arrays, which functions such as `np.mean(tensor)` call."""


def _method(name: str) -> Callable:
    def method(
        self: TapeTensor, *args: Any, out: None = None, dtype: DType = None, ddof: int = 0, **kwargs: Any
    ) -> Tensor:
        if out is not None or ddof:
            raise TypeError(f"A tensor that a tape records has no {name}() with out=... or ddof=...")
        result = library(name)(self, *args, **kwargs)
        return result if dtype is None else library("cast")(result, dtype)

    method.__name__ = name
    method.__qualname__ = f"TapeTensor.{name}"
    method.__doc__ = f"Apply :func:`kernelkit.ops.{name}` to the tensor, recorded."
    return method


for _name in _METHODS:
    setattr(TapeTensor, _name, _method(_name))


class _Entry:
    """One recorded call: its differentiable inputs and outputs, and the function that pulls gradients back."""

    def __init__(self, pure: Callable, inputs: list, outputs: list, pull_back: Callable) -> None:
        self.pure = pure
        self.inputs = inputs
        self.outputs = outputs
        self.pull_back = pull_back


class GradientTape:
    """Record ops and layers, then compute gradients.

    Args:
        persistent: Accepted for compatibility with TensorFlow; a tape can always compute more than one gradient.
        watch_accessed_variables: Whether trainable variables are recorded without :meth:`watch`.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable(3.0)
        >>> with kk.GradientTape() as tape:
        ...     loss = w * w + 1.0
        >>> float(tape.gradient(loss, w))
        6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent = persistent
        self.watch_accessed_variables = watch_accessed_variables
        self._entries: list[_Entry] = []
        self._watched: dict[int, Any] = {}
        self._outer: GradientTape | None = None

    def __enter__(self) -> GradientTape:
        self._outer, scope.local.tape = scope.local.tape, self
        return self

    def __exit__(self, *_: Any) -> None:
        scope.local.tape = self._outer

    def watch(self, tensor: Tensor) -> Tensor:
        """Make gradients with respect to an array, variable or list of them available.

        Args:
            tensor: A jax array, a variable, or a list of them. Convert NumPy arrays first: a tape cannot follow them.

        Returns:
            The same structure, with arrays as tensors whose arithmetic is recorded: after ``x = tape.watch(x)``,
            ``x * x`` has a gradient. Layers and `kernelkit.ops` record their arguments without that.

        Example:
            >>> import jax.numpy as jnp
            >>> import kernelkit as kk
            >>> with kk.GradientTape() as tape:
            ...     x = tape.watch(jnp.float32(3.0))
            ...     y = x * x
            >>> float(tape.gradient(y, x))
            6.0
        """
        is_leaf = lambda x: isinstance(x, (Variable, TapeTensor))  # noqa: E731
        for leaf in jtu.tree_leaves(tensor, is_leaf=is_leaf):
            if not isinstance(leaf, (jax.Array, Variable, TapeTensor)):
                raise TypeError(
                    f"tape.watch() takes jax arrays and variables, got {type(leaf).__name__}. "
                    "Convert it with kernelkit.ops.convert_to_tensor() and pass the result to watch() and to the model."
                )
            self._watched[id(leaf)] = leaf
        return jtu.tree_map(lambda v: TapeTensor(v) if isinstance(v, jax.Array) else v, tensor, is_leaf=is_leaf)

    def stop_recording(self) -> Any:
        """Return a context in which nothing is recorded."""
        return stop_recording()

    def gradient(
        self, target: Tensor, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none"
    ) -> Tensor:
        """Return the gradient of a recorded value.

        Args:
            target: The loss: a tensor that ops and layers computed while the tape was open (or several: their sum).
            sources: Variables or watched arrays, in any nested structure.
            output_gradients: Gradient of each target, ones by default.
            unconnected_gradients: ``"none"`` or ``"zero"``: the gradient of a source that the target doesn't depend on.

        Returns:
            Arrays of the shapes of ``sources``, in the same structure.

        Raises:
            ValueError: If the target was not recorded, or depends on none of the sources.
        """
        is_leaf = lambda x: isinstance(x, (Variable, TapeTensor))  # noqa: E731
        targets = jtu.tree_leaves(target, is_leaf=is_leaf)
        flat, treedef = jtu.tree_flatten(sources, is_leaf=is_leaf)
        made = {id(t) for entry in self._entries for t in entry.outputs}
        for one in targets:
            if id(one) not in made and not any(one is s for s in flat):
                raise ValueError(
                    "GradientTape.gradient() was given a target that the tape has not recorded: it was computed with "
                    "jax.numpy, NumPy or arithmetic on plain arrays, or after the tape was closed. Compute the loss "
                    "inside the `with` block with kernelkit.ops, a Loss or arithmetic on the model's output; for an "
                    "array begin with x = tape.watch(x); or use jax.value_and_grad over `model.stateless_call`."
                )
        seeds = [jnp.ones_like(_plain(t)) for t in targets]
        if output_gradients is not None:
            seeds = [_plain(g) for g in jtu.tree_leaves(output_gradients, is_leaf=is_leaf)]
        if scope.local.tape is not None and scope.local.tape is not self:
            found = self._recorded_gradients(targets, flat, seeds)
        else:
            found = self._pull_back(targets, flat, seeds)
        if flat and all(g is None for g in found) and unconnected_gradients == "none":
            names = ", ".join(getattr(s, "path", f"array of shape {s.shape}") for s in flat[:5])
            raise ValueError(
                f"The target depends on none of the sources ({names}{', ...' if len(flat) > 5 else ''}) through "
                "recorded ops. A value on the way was computed with NumPy, jax.numpy or arithmetic on plain arrays, or "
                "was not watched: use kernelkit.ops, and x = tape.watch(x) for arrays before using them."
            )
        if unconnected_gradients == "zero":
            found = [jnp.zeros_like(_plain(s)) if g is None else g for g, s in zip(found, flat, strict=True)]
        return jtu.tree_unflatten(treedef, found)

    def jacobian(self, target: Tensor, sources: Any) -> Tensor:
        """Return the derivatives of each element of a recorded value.

        Args:
            target: A tensor that ops and layers computed while the tape was open.
            sources: Variables or watched arrays, in any nested structure.

        Returns:
            Arrays of shape ``target.shape + source.shape``, in the structure of ``sources``; ``None`` where the target
            doesn't depend on the source.

        Raises:
            ValueError: As :meth:`gradient`.

        Example:
            >>> import kernelkit as kk
            >>> w = kk.Variable([1.0, 2.0])
            >>> with kk.GradientTape() as tape:
            ...     y = w * w
            >>> tape.jacobian(y, w).tolist()
            [[2.0, 0.0], [0.0, 4.0]]
        """
        is_leaf = lambda x: x is None or isinstance(x, (Variable, TapeTensor))  # noqa: E731
        value = _plain(target)
        rows = []
        for i in range(value.size):
            one = jnp.zeros(value.size, value.dtype).at[i].set(1).reshape(value.shape)
            rows.append(self.gradient(target, sources, output_gradients=one))
        if not rows:
            raise ValueError("GradientTape.jacobian() was given a target without elements.")
        flat = [jtu.tree_leaves(row, is_leaf=is_leaf) for row in rows]
        stacked = [
            None if gs[0] is None else jnp.stack([_plain(g) for g in gs]).reshape(*value.shape, *gs[0].shape)
            for gs in zip(*flat, strict=True)
        ]
        return jtu.tree_unflatten(jtu.tree_structure(rows[0], is_leaf=is_leaf), stacked)

    def _pull_back(self, targets: list, sources: list, seeds: list) -> list:
        totals: dict[int, Any] = {}
        for target, seed in zip(targets, seeds, strict=True):
            totals[id(target)] = totals[id(target)] + seed if id(target) in totals else seed
        for entry in reversed(self._entries):
            if not any(id(t) in totals for t in entry.outputs):
                continue
            cotangents = [totals.get(id(t)) for t in entry.outputs]
            cotangents = [
                jnp.zeros_like(t.value) if c is None else c for t, c in zip(entry.outputs, cotangents, strict=True)
            ]
            for source, gradient in zip(entry.inputs, entry.pull_back(cotangents), strict=True):
                key = id(source)
                totals[key] = totals[key] + gradient if key in totals else gradient
        return [totals.get(id(s)) for s in sources]

    def _recorded_gradients(self, targets: list, sources: list, seeds: list) -> list:
        """Return gradients that an outer tape can differentiate: the recording is run again as one pure function."""
        made = {id(t) for entry in self._entries for t in entry.outputs}
        leaves: dict[int, Any] = {id(s): s for s in sources}
        for entry in self._entries:
            leaves.update({id(v): v for v in entry.inputs if id(v) not in made})
        order = list(leaves)

        def gradients(*values: Any) -> list:
            def total(wanted: list) -> Tensor:
                known = dict(zip(order, values, strict=True))
                known.update(zip((id(s) for s in sources), wanted, strict=True))
                for entry in self._entries:
                    outputs = entry.pure(*(known[id(v)] for v in entry.inputs))[0]
                    for tensor, value in zip(entry.outputs, outputs, strict=True):
                        known.setdefault(id(tensor), value)
                return sum(jnp.sum(known[id(t)] * seed) for t, seed in zip(targets, seeds, strict=True))

            return jax.grad(total)([values[order.index(id(s))] for s in sources])

        return record(gradients, tuple(leaves.values()), {})


@contextmanager
def stop_recording() -> Iterator[None]:
    """Pause recording on all tapes inside the block."""
    before, scope.local.tape = scope.local.tape, None
    try:
        yield
    finally:
        scope.local.tape = before


def unwrap(structure: Tree) -> Any:
    """Return a structure with each taped tensor replaced by its plain array."""
    return jtu.tree_map(
        lambda v: v.value if isinstance(v, TapeTensor) else v, structure, is_leaf=lambda v: isinstance(v, TapeTensor)
    )


def record(function: Callable, args: tuple, kwargs: dict, variables: Sequence[Variable] = ()) -> Tensor:
    """Run a function of arrays and let every open tape remember how to pull gradients back through it.

    Args:
        function: An op, or the call of a layer that is built.
        args: Its arguments.
        kwargs: Its keyword arguments.
        variables: Trainable variables that the function reads besides its arguments.

    Returns:
        The function's outputs, float arrays as :class:`TapeTensor`.
    """
    tapes = _open_tapes()
    leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=lambda x: isinstance(x, (Variable, TapeTensor)))
    places = [i for i, leaf in enumerate(leaves) if _is_source(leaf, tapes)]
    lent = [v for v in variables if not any(v is leaves[i] for i in places) and _is_source(v, tapes)]
    if not places and not lent:
        with stop_recording():
            return function(*unwrap(args), **unwrap(kwargs))
    inputs = [leaves[i] for i in places] + lent
    shape_of_outputs: list = []

    def pure(*values: Any) -> tuple:
        filled = [leaf.value if isinstance(leaf, TapeTensor) else leaf for leaf in leaves]
        for place, value in zip(places, values, strict=False):
            filled[place] = value
        mapping = list(zip(lent, values[len(places) :], strict=True))
        own_args, own_kwargs = jtu.tree_unflatten(treedef, filled)
        with stop_recording(), scope.StatelessScope(mapping, collect_losses=True) as lender:
            outputs = function(*own_args, **own_kwargs)
        flat, structure = jtu.tree_flatten(outputs, is_leaf=lambda x: isinstance(x, Variable))
        flat = [jnp.asarray(v) if isinstance(v, (Variable, np.ndarray)) else v for v in flat]
        owners = [layer for layer, _ in lender.losses]
        is_float = [isinstance(v, jax.Array) and jnp.issubdtype(v.dtype, jnp.inexact) for v in flat]
        shape_of_outputs[:] = [structure, is_float, owners]
        updates = [(v, lender.values[id(v)]) for v in lender.variables if not any(v is other for other in lent)]
        shape_of_outputs.append([v for v, _ in updates])
        floats = [v for v, yes in zip(flat, is_float, strict=True) if yes] + [loss for _, loss in lender.losses]
        rest = [v for v, yes in zip(flat, is_float, strict=True) if not yes]
        return floats, (rest, [value for _, value in updates])

    floats: list
    floats, pull_back, (rest, updates) = jax.vjp(pure, *(_plain(v) for v in inputs), has_aux=True)  # type: ignore
    structure, is_float, owners, updated = shape_of_outputs
    for variable, value in zip(updated, updates, strict=True):
        variable.assign(value)
    tensors = [TapeTensor(v) for v in floats]
    entry = _Entry(pure, inputs, tensors, pull_back)
    for tape in tapes:
        tape._entries.append(entry)
    for layer, loss in zip(owners, tensors[len(tensors) - len(owners) :], strict=True):
        layer._own_losses.append(loss)
    of_floats, of_rest = iter(tensors), iter(rest)
    return structure.unflatten([next(of_floats) if yes else next(of_rest) for yes in is_float])


def _open_tapes() -> list[GradientTape]:
    tapes, tape = [], scope.local.tape
    while tape is not None:
        tapes.append(tape)
        tape = tape._outer
    return tapes


def _is_source(leaf: Tensor, tapes: list[GradientTape]) -> bool:
    if not isinstance(leaf, (TapeTensor, Variable, jax.Array)) or not jnp.issubdtype(_plain(leaf).dtype, jnp.inexact):
        return False
    if isinstance(leaf, TapeTensor):
        return True
    if isinstance(leaf, Variable) and leaf.trainable and any(t.watch_accessed_variables for t in tapes):
        return True
    return any(id(leaf) in t._watched for t in tapes)


def _plain(value: Tensor) -> Tensor:
    return value.value if isinstance(value, (TapeTensor, Variable)) else jnp.asarray(value)
