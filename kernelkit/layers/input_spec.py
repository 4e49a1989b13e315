"""`InputSpec`: the expected rank, shape and dtype of an input; the error of a failed check says what to do."""

from __future__ import annotations

from typing import Any

from kernelkit import dtypes, tree
from kernelkit.typing import DType, SizeList, Tensor

__all__ = ["InputSpec"]


class InputSpec:
    """The rank, shape and dtype that a layer expects of one input.

    Args:
        dtype: Expected dtype's name.
        shape: Expected shape, ``None`` where any size is allowed.
        ndim: Expected number of dimensions.
        max_ndim: Largest number of dimensions.
        min_ndim: Smallest number of dimensions.
        axes: Dict from axis to expected size.
        allow_last_axis_squeeze: Whether (n, 1) is accepted for (n,), and (n,) for (n, 1).
        name: Key of the input in a dict of inputs.
        optional: Whether the input may be ``None``.

    Example:
        >>> InputSpec(min_ndim=2, axes={-1: 784})
        InputSpec(min_ndim=2, axes={-1: 784})
    """

    def __init__(
        self,
        dtype: DType = None,
        shape: SizeList | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else dtypes.standardize_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    @property
    def constrains(self) -> bool:
        """Whether the rank, a size or the dtype of the input must be one of some."""
        return bool(self.axes) or any(v is not None for v in (self.dtype, self.ndim, self.max_ndim, self.min_ndim))

    def problem(self, shape: tuple, dtype: str) -> str | None:
        """Return the problem of an input with the given shape and dtype as text, or ``None``."""
        if self.shape is not None and self.allow_last_axis_squeeze:
            if len(shape) == len(self.shape) + 1 and shape[-1] == 1:
                shape = shape[:-1]
            elif len(shape) == len(self.shape) - 1 and self.shape[-1] == 1:
                shape = (*shape, 1)
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            return f"expected {self.ndim} dimensions{_meaning(self.ndim)}, got {rank}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected at most {self.max_ndim} dimensions, got {rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected at least {self.min_ndim} dimensions, got {rank}"
        if self.dtype is not None and dtype != self.dtype:
            return f"expected dtype {self.dtype}, got {dtype}"
        axes = dict(enumerate(self.shape or ())) | self.axes
        for axis, size in axes.items():
            if -rank <= axis < rank and size is not None and shape[axis] not in (size, None):
                where = "the last axis" if axis in (-1, rank - 1) else f"axis {axis}"
                return f"expected {where} to have size {size}, got {shape[axis]}"
        return None

    def __repr__(self) -> str:
        given = {k: v for k, v in vars(self).items() if v not in (None, {}, False)}
        return f"InputSpec({', '.join(f'{k}={v!r}' for k, v in given.items())})"


def _meaning(ndim: int) -> str:
    return {3: " (batch, steps, features)", 4: " (batch, height, width, channels)"}.get(ndim, "")


def check(spec: Any, inputs: Tensor, who: str, may_nest: bool = False) -> None:
    """Raise ``ValueError`` if inputs don't meet a layer's spec.

    Args:
        spec: An :class:`InputSpec`, or a list, tuple or dict of them; ``None`` accepts all.
        inputs: One tensor for each spec.
        who: How the error names the layer.
        may_nest: Whether a list or dict of one tensor is allowed, as the code of a user may take it.
    """
    if spec is None:
        return
    if isinstance(spec, dict) and isinstance(inputs, dict):
        missing = sorted(set(spec) - set(inputs))
        if missing:
            raise ValueError(f"{who} expects a dict with the keys {sorted(spec)}; {missing} are missing.")
        inputs = [inputs[k] for k in spec]
    if isinstance(spec, InputSpec) and spec.name is None and spec.constrains and not may_nest:
        if isinstance(inputs, dict):
            raise ValueError(
                f"{who} expects one tensor, got a dict with the keys {list(inputs)}: give one of its values."
            )
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1 and hasattr(inputs[0], "shape"):
            raise ValueError(f"{who} expects one tensor, got a {type(inputs).__name__} of one: give what it holds.")
    specs = tree.flatten(spec)
    flat = tree.flatten(inputs)
    if len(flat) != len(specs):
        raise ValueError(f"{who} expects {len(specs)} input(s), got {len(flat)}.")
    for i, (one, x) in enumerate(zip(specs, flat, strict=True)):
        if one is None or (x is None and one.optional):
            continue
        if x is None:
            raise ValueError(f"{who}: input {i} is None, but it is not optional.")
        if not hasattr(x, "shape"):
            if one.constrains:
                raise ValueError(f"{who}: input {i} is {x!r}, which is no tensor: give an array.")
            continue
        shape = tuple(x.shape)
        problem = one.problem(shape, dtypes.standardize_dtype(getattr(x, "dtype", None)))
        if problem is not None:
            which = "" if len(specs) == 1 else f" (input {i})"
            if one.shape is not None:
                raise ValueError(
                    f"{who}{which}: expected shape={one.shape}, found shape={shape}.{_advice(one, shape)} [K02]"
                )
            raise ValueError(
                f"{who}{which}: {problem} (full shape {shape}); the input is incompatible with the layer."
                f"{_advice(one, shape)} [K02]"
            )


def _advice(spec: InputSpec, shape: tuple) -> str:
    rank = spec.ndim or spec.min_ndim
    if rank is not None and len(shape) == rank - 1:
        if rank == 4:
            return (
                " For one-channel images add an axis at the end: x[..., None]; for a single sample add one in "
                "front: x[None]."
            )
        return " A single sample needs a batch axis: x[None]; a missing feature axis is added with x[..., None]."
    if -1 in spec.axes and len(shape) > 2 and rank != len(shape):
        return " If the input should be flat, put a Flatten layer before it."
    if -1 in spec.axes:
        return (
            " The layer's weights were made for that size by its first input: feed data of the same width, "
            "or make a new layer."
        )
    return ""
