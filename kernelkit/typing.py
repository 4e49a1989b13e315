"""The types that signatures name: `Tensor`, `Tree`, `Shape`, `Axis`, `DType` and others.

There are two kinds. A union such as `Axis` is checked by a type checker. `Tensor`, `Tree` and `Batch` are not, because
an operation takes arrays of any library, variables, symbolic tensors, tracers and numbers: they say what is meant.

Example:
    >>> from kernelkit.typing import Axis, Tensor
    >>> def spread(x: Tensor, axis: Axis = None) -> Tensor:
    ...     return x.max(axis) - x.min(axis)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import jax
import numpy as np

__all__ = [
    "ActivationLike",
    "Array",
    "Axis",
    "Batch",
    "ConstraintLike",
    "DType",
    "Equation",
    "Factor",
    "InitializerLike",
    "InputSignature",
    "KnownShape",
    "PathLike",
    "Rate",
    "RegularizerLike",
    "Seed",
    "Shape",
    "ShapeLike",
    "Shapes",
    "SizeList",
    "Sizes",
    "Tensor",
    "Transformation",
    "Tree",
]


class _SeedStream(Protocol):
    """A stream of seeds: a :class:`~kernelkit.random.SeedGenerator`."""

    def next(self, ordered: bool = True) -> jax.Array:
        """Return the next seed."""
        ...


Array: TypeAlias = np.ndarray | jax.Array
"""An array of NumPy or jax."""

Tensor: TypeAlias = Any
"""An array of NumPy, jax or another library, a `Variable`, a `KerasTensor`, a tracer of jax, a number, or a nested list
of numbers. An operation returns an array of jax, or a `KerasTensor` for symbolic arguments."""

Tree: TypeAlias = Any
"""A tensor, or tensors nested in lists, tuples and dicts."""

Batch: TypeAlias = Any
"""``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``; each of these an array (samples, ...), or a list, tuple or
dict of them."""

Shape: TypeAlias = tuple[int | None, ...]
"""The sizes of a tensor; ``None`` for one that is not known yet."""

ShapeLike: TypeAlias = int | Sequence[int | None] | None
"""Sizes, as a tuple or a list; where one size is enough, an int; ``None`` for a default."""

SizeList: TypeAlias = Sequence[int | None]
"""Sizes, as a tuple or a list; ``None`` for one that is not known yet."""

KnownShape: TypeAlias = Sequence[int]
"""The sizes of an array, all of them known."""

Shapes: TypeAlias = Any
"""A :data:`Shape`, or shapes nested as the inputs are."""

Axis: TypeAlias = int | Sequence[int] | None
"""An axis, several, or ``None`` for all."""

Sizes: TypeAlias = int | Sequence[int]
"""A size for each spatial axis, or one for all of them."""

DType: TypeAlias = str | type[Any] | np.dtype | None
"""A name such as ``"float32"``, a type of Python or NumPy, a dtype; ``None`` for the default."""

Seed: TypeAlias = "int | np.integer | _SeedStream | jax.Array | np.ndarray | None"
"""An int, a :class:`~kernelkit.random.SeedGenerator`, a key of jax, or ``None``."""

Rate: TypeAlias = Any
"""A learning rate: a number, a schedule, or a function without arguments."""

Factor: TypeAlias = float | Sequence[float]
"""The strength of an augmentation: a number or the two ends of a range."""

Transformation: TypeAlias = Any
"""The numbers that an augmentation drew for a batch, as a dict of arrays; ``None`` if it changes nothing."""

ActivationLike: TypeAlias = str | dict | Callable[..., Any] | None
"""The name, the config or the function of an activation; ``None`` for the identity."""

InitializerLike: TypeAlias = str | dict | Callable[..., Any] | Tensor | None
"""The name or the config of an initializer, an initializer, or a function of shape and dtype."""

RegularizerLike: TypeAlias = str | dict | Callable[..., Any] | None
"""The name or the config of a regularizer, a regularizer, or a function of a tensor; ``None`` for none."""

ConstraintLike: TypeAlias = str | dict | Callable[..., Any] | None
"""The name or the config of a constraint, a constraint, or a function of a tensor; ``None`` for none."""

InputSignature: TypeAlias = Any
"""Specs of a model's inputs (`InputSpec`, `KerasTensor`, shapes), nested as the inputs are; ``None`` for its own."""

PathLike: TypeAlias = str | os.PathLike[str]
"""A path of a file or folder."""

Equation: TypeAlias = Any
"""One operation of a jaxpr. jax gives its class no public name that types its variables."""
