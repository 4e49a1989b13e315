"""`rearrange`: reshapes and transpositions written as a pattern of axis names.

Source: Rogozhnikov, 2022, Einops: clear and reliable tensor manipulations with Einstein-like notation.
"""

from __future__ import annotations

import math
import re

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.rows import as_array
from kernelkit.typing import Tensor


@op
def rearrange(tensor: Tensor, pattern: str, **axes_lengths: int) -> jax.Array:
    """Split, reorder and join axes by a pattern.

    Args:
        tensor: Array-like.
        pattern: Axes before and after, such as ``"b (h w) c -> b c h w"``: parentheses hold axes that are joined
            into one, ``1`` is an axis of size one, ``...`` stands for any axes.
        **axes_lengths: Sizes of axes that don't follow from the shape.

    Raises:
        ValueError: If the pattern doesn't fit the shape, or its two sides don't have the same axes.

    Example:
        >>> from kernelkit import ops
        >>> ops.rearrange(ops.zeros((2, 12)), "b (h w) -> b w h", h=3).shape
        (2, 4, 3)
    """
    tensor = as_array(tensor)
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"The pattern must have the form 'before -> after', got {pattern!r}.")
    named = {name for side in sides for name in re.findall(r"[A-Za-z_]\w*", side)}
    free = len(_groups(sides[0], 0)) - sides[0].count("...")
    dots = tensor.ndim - free if "..." in sides[0] else 0
    before, after = (_groups(side, dots) for side in sides)
    old, new = ([axis for group in groups for axis in group] for groups in (before, after))
    if sorted(old) != sorted(new) or len(set(old)) != len(old) or not set(axes_lengths) <= named:
        raise ValueError(f"Both sides of {pattern!r} must have the same axes, each once. Sizes: {axes_lengths}.")
    if len(before) != tensor.ndim:
        raise ValueError(f"{pattern!r} takes {len(before)} axes, got the shape {tensor.shape}.")
    sizes = dict(axes_lengths)
    for group, size in zip(before, tensor.shape, strict=True):
        sizes.update(_solve(group, size, sizes, pattern))
    split = jnp.reshape(tensor, [sizes[axis] for axis in old])
    ordered = jnp.transpose(split, [old.index(axis) for axis in new])
    return jnp.reshape(ordered, [math.prod(sizes[axis] for axis in group) for group in after])


def _groups(side: str, dots: int) -> list[list[str]]:
    """Return the axes of one side; joined axes are in one list."""
    groups: list[list[str]] = []
    inside = False
    for token in re.findall(r"\.\.\.|\w+|\S", side):
        if token in "()":
            inside = token == "("
            if inside:
                groups.append([])
        elif token == "..." and not inside:
            groups.extend([f"...{i}"] for i in range(dots))
        elif token == "1":
            if not inside:
                groups.append([])
        elif token.isidentifier():
            groups[-1].append(token) if inside else groups.append([token])
        else:
            raise ValueError(f"rearrange() doesn't understand {token!r} in {side.strip()!r}.")
    return groups


def _solve(group: list[str], size: int, known: dict[str, int], pattern: str) -> dict[str, int]:
    """Return the sizes of axes that are joined into one axis of a given size."""
    unknown = [axis for axis in group if axis not in known]
    product = math.prod(known[axis] for axis in group if axis in known)
    if len(unknown) > 1:
        raise ValueError(f"The sizes of {unknown} in {pattern!r} are not known: give all but one of them.")
    if (unknown and size % product) or (not unknown and product != size):
        raise ValueError(
            f"{pattern!r} doesn't fit: the axes {group} of sizes {known} cannot make an axis of size {size}."
        )
    return dict.fromkeys(unknown, size // product)
