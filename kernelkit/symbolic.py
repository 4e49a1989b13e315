"""Symbolic tensors: a shape and a dtype without a value.

Calling a layer or a function of :mod:`kernelkit.ops` on one runs nothing: it records a node
(:mod:`kernelkit.recording`) and returns new symbolic tensors, whose shapes :mod:`kernelkit.inference` finds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit import dtypes, rich_display, scope
from kernelkit.operators import Operators, function
from kernelkit.typing import Axis, DType, ShapeLike


class KerasTensor(Operators):
    """A tensor without a value, used to wire models.

    Args:
        shape: Tuple of ints, ``None`` where a size is unknown.
        dtype: The dtype's name.
        sparse: Whether the tensor stands for a sparse array; see :mod:`kernelkit.sparse`.
        ragged: Must be false.
        record_history: Accepted for compatibility with Keras.
        name: Name of the tensor.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.Input((3,))
        >>> (x * 2 + 1).shape
        (None, 3)
    """

    def __init__(
        self,
        shape: ShapeLike,
        dtype: DType = "float32",
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
        # Tensors made during shape inference take no number: automatic names count only the tensors that users wire.
        self.name = name or (scope.auto_name("keras_tensor") if scope.local.recording else "keras_tensor")
        self.record_history = record_history
        self._keras_history: tuple[Any, int, int] | None = None

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    _keras_mask: Any = None
    """The mask that layers pass on with the tensor, a symbolic tensor too. The attribute name is Keras's."""

    def like(self, shape: ShapeLike = None, dtype: DType = None) -> KerasTensor:
        """Return a copy without history, with another shape or dtype if given; sparseness and mask are kept."""
        made = KerasTensor(self.shape if shape is None else shape, dtype=dtype or self.dtype, sparse=self.sparse)
        made._keras_mask = self._keras_mask
        return made

    def reshape(self, new_shape: Any) -> KerasTensor:
        """Record a reshape to ``new_shape``."""
        return function("reshape")(self, new_shape)

    def squeeze(self, axis: Axis = None) -> KerasTensor:
        """Record the removal of axes of size one."""
        return function("squeeze")(self, axis)

    @property
    def T(self) -> KerasTensor:
        """The tensor with its axes reversed."""
        return function("transpose")(self)

    def _no_value(self, what: str) -> TypeError:
        return TypeError(
            f"A symbolic KerasTensor has no value, so {what} cannot work on {self!r}. While a model is being wired, "
            "use functions of kernelkit.ops (they record a node), or put the code into a layer's call()."
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self._no_value("NumPy")

    def __jax_array__(self) -> Any:
        raise self._no_value("a jax.numpy function")

    # The result of `a == b` for two symbolic tensors is symbolic, as for other operators. Its truth value is whether
    # they are one tensor: `tensor in tensors`, `tensors.index(tensor)` and `tensors.remove(tensor)` ask for that.
    _truth: bool | None = None

    def __eq__(self, other: Any) -> Any:
        return self._compared(super().__eq__, other, self is other)

    def __ne__(self, other: Any) -> Any:
        return self._compared(super().__ne__, other, self is not other)

    __hash__ = Operators.__hash__

    @staticmethod
    def _compared(compare: Callable[[Any], Any], other: Any, truth: bool) -> Any:
        if not isinstance(other, KerasTensor):
            return compare(other)
        try:
            result = compare(other)
        except (TypeError, ValueError):
            return truth  # their elements cannot be compared: shapes that do not broadcast, or strings
        if isinstance(result, KerasTensor):
            result._truth = truth
        return result

    def __bool__(self) -> bool:
        if self._truth is not None:
            return self._truth
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
    """Return whether a value is a symbolic tensor.

    Example:
        >>> import kernelkit as kk
        >>> kk.utils.is_keras_tensor(kk.Input((3,))), kk.utils.is_keras_tensor(kk.ops.ones(3))
        (True, False)
    """
    return isinstance(x, KerasTensor)


def standardize_shape(shape: ShapeLike) -> tuple:
    """Return a shape as a tuple of ints and ``None``; raise ``ValueError`` for anything else."""
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
