"""Checks of the arguments of augmentations: a number or two, within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernelkit.layers.layer import Layer


def factor_range(
    layer: Layer, factor: Any, name: str = "factor", bounds: tuple = (-1.0, 1.0), open_low: bool = False
) -> tuple[Any, Any]:
    """Return the lowest and the highest value of a factor.

    Args:
        layer: The layer, named in the error.
        factor: Two numbers; or one number x: the range [-x, x] if the lower bound is negative, else the range from the
            lower bound to x.
        name: Name of the argument.
        bounds: The lowest and the highest value allowed.
        open_low: Whether the lower bound itself is excluded.

    Raises:
        ValueError: For anything else.
    """
    low, high = bounds
    if isinstance(factor, (list, tuple)) and len(factor) == 2 and all(map(_is_number, factor)):
        lower, upper = sorted(factor)
    elif _is_number(factor):
        lower, upper = (-abs(factor), abs(factor)) if low < 0 else (low, factor)
    else:
        lower, upper = 1, 0
    if not low <= lower <= upper <= high or (open_low and lower == low):
        raise ValueError(
            f"{layer.who()}: `{name}` must be a number, or a list of two numbers, in {'(' if open_low else '['}{low}, "
            f"{high}], got {factor!r}."
        )
    return lower, upper


def value_range_of(layer: Layer, value_range: Sequence[float]) -> tuple:
    """Return the lowest and the highest value that a pixel can have.

    Raises:
        ValueError: Unless two numbers are given, the smaller one first.
    """
    if (
        not isinstance(value_range, (list, tuple))
        or len(value_range) != 2
        or not all(map(_is_number, value_range))
        or value_range[0] >= value_range[1]
    ):
        raise ValueError(
            f"{layer.who()}: `value_range` must be the lowest and the highest value of a pixel, such as (0, 255), "
            f"got {value_range!r}."
        )
    return tuple(value_range)


def positive_size(layer: Layer, name: str, value: Any) -> int:
    """Return a size in pixels; raise ``ValueError`` unless it is a positive int."""
    if isinstance(value, bool) or int(value) != value or value <= 0:
        raise ValueError(f"{layer.who()}: `{name}` must be a positive number of pixels, got {value!r}.")
    return int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
