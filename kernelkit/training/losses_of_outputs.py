"""Which loss is about which output: `compile(loss=...)` and `loss_weights`, lined up with nested outputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import jax.tree_util as jtu
import numpy as np

from kernelkit.training.outputs import Outputs, UnknownOutput, children_of


class PlacedLoss(NamedTuple):
    """A loss as it was given, and the output or nest of outputs that it is about."""

    place: Any
    spec: Any
    number: int  # in the flat list of all losses that were given


def placed_losses(outputs: Outputs, spec: Any) -> list[PlacedLoss]:
    """Return the losses that were given, each with what it is about.

    Args:
        outputs: The model's outputs.
        spec: One loss for all outputs; or losses nested as the outputs are, in which a list of another type than that
            of the outputs holds several for the same ones; or a dict by output name.

    Raises:
        ValueError: If the nest, a number or a name fits no output.
    """
    flat = jtu.tree_leaves(spec, is_leaf=_is_leaf)
    treedef: Any = jtu.tree_structure(spec, is_leaf=_is_leaf)
    numbers = treedef.unflatten(range(len(flat)))
    if isinstance(numbers, int):
        pairs = [(i, numbers) for i in range(outputs.count)]
    elif isinstance(numbers, dict):
        pairs = list(_begin_with_dict(outputs, numbers))
    else:
        pairs = list(_walk(outputs, outputs.places, numbers, ()))
    return [PlacedLoss(place, flat[n], n) for place, n in pairs if flat[n] is not None]


def _is_leaf(spec: Any) -> bool:
    return spec is None or (isinstance(spec, dict) and {"class_name", "config"} <= set(spec))


def _begin_with_dict(outputs: Outputs, spec: dict) -> Iterator[tuple[Any, int]]:
    if isinstance(outputs.places, dict) and set(spec) <= set(outputs.places):
        yield from _walk(outputs, outputs.places, spec, ())
        return
    for i, part in enumerate(outputs.spread(spec, "loss")):
        if part is not None:
            yield from _walk(outputs, i, part, (outputs.names[i],))


def _walk(outputs: Outputs, place: Any, spec: Any, path: tuple) -> Iterator[tuple[Any, int]]:
    """Yield ``(place, number)`` for the losses below a nested spec."""
    if isinstance(spec, int):
        yield place, spec
    elif isinstance(spec, dict):
        if not isinstance(place, dict) or not set(spec) <= set(place):
            wrong = next(k for k in spec if not isinstance(place, dict) or k not in place)
            raise UnknownOutput(
                f"The path {(*path, wrong)} in the `loss` argument can't be found in the model's output, which has "
                f"{_names(outputs, place)} there. Give losses nested as the outputs are."
            )
        for key in sorted(spec):
            yield from _walk(outputs, place[key], spec[key], (*path, key))
    elif isinstance(place, int):
        for part in spec:
            yield from _walk(outputs, place, part, path)
    else:
        children = children_of(place)
        flat = all(isinstance(part, int) for part in spec)
        if len(spec) == len(children) and (flat or isinstance(place, type(spec))):
            for i, (child, part) in enumerate(zip(children, spec, strict=True)):
                yield from _walk(outputs, child, part, (*path, i))
        elif isinstance(place, type(spec)):
            raise ValueError(
                f"Invalid `loss`: it has {len(spec)} entries for {len(children)} output(s) {_names(outputs, place)}. "
                "Give one for each output, or a dict by output name."
            )
        else:
            for part in spec:
                yield from _walk(outputs, place, part, path)


def _names(outputs: Outputs, place: Any) -> Any:
    return outputs.pick(place, outputs.names)


def loss_weights(outputs: Outputs, spec: Any, placed: list[PlacedLoss], weights: Any) -> list:
    """Return the weight of each placed loss.

    Args:
        outputs: The model's outputs.
        spec: The losses as they were given.
        placed: What :func:`placed_losses` made of them.
        weights: A number for all, a number for each loss given, or for each output; ``None`` for none.

    Raises:
        ValueError: If the number of weights is another.
    """
    if weights is None or np.isscalar(weights):
        return [weights] * len(placed)
    given, flat = jtu.tree_leaves(spec, is_leaf=_is_leaf), jtu.tree_leaves(weights, is_leaf=lambda w: w is None)
    nests: list[Any] = [jtu.tree_structure(v, is_leaf=_is_leaf) for v in (spec, weights)]
    if nests[0] == nests[1] or (len(flat) == len(given) and not isinstance(weights, dict)):
        return [flat[one.number] for one in placed]
    per_output = all(isinstance(one.place, int) for one in placed)
    if not per_output or (not isinstance(weights, dict) and len(flat) != outputs.count):
        raise ValueError(
            f"`loss_weights` must match the number of losses: {len(flat)} weights were given for {len(given)} losses "
            f"of the outputs {outputs.names}."
        )
    by_output = outputs.spread(weights, "loss_weights")
    return [by_output[one.place] for one in placed]


def distinct(name: str, taken: Collection[str]) -> str:
    """Return a name that isn't taken: itself, or with a number."""
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
