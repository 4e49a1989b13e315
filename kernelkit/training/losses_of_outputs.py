"""Match `compile(loss=...)` and `loss_weights` to nested outputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import jax.tree_util as jtu
import numpy as np

from kernelkit.training.outputs import Outputs, UnknownOutput, children_of


class PlacedLoss(NamedTuple):
    """A loss as given to `compile`, and its output or nest of outputs."""

    place: Any
    spec: Any
    number: int  # its index in the flat list of all given losses


def placed_losses(outputs: Outputs, spec: Any) -> list[PlacedLoss]:
    """Return the given losses, each with its output or nest of outputs.

    Args:
        outputs: The model's outputs.
        spec: One loss for all outputs, losses nested as the outputs, or a dict by output name. A list where the outputs
            have another container type holds several losses for the same outputs.

    Raises:
        ValueError: If the structure, a length or a name matches no output.
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
                f"{_names(outputs, place)} there. Nest the losses as the outputs."
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
        spec: The losses as given to `compile`.
        placed: The result of :func:`placed_losses`.
        weights: One weight for all, one per given loss, or one per output. ``None`` means no weights.

    Raises:
        ValueError: If the number of weights does not match.
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


def check_loss_weights(weights: Any) -> None:
    """Raise ``ValueError`` unless all weights are numbers, or arrays or variables of one."""
    for weight in jtu.tree_leaves(weights):
        is_number = np.isscalar(weight) or (hasattr(weight, "dtype") and np.size(weight) == 1)
        if isinstance(weight, (str, bytes)) or not is_number:
            raise ValueError(
                f"`loss_weights` must be a number, or a list or dict of numbers, one for each loss; got {weight!r}."
            )


def distinct(name: str, taken: Collection[str]) -> str:
    """Return ``name``, with a number appended if it is taken."""
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
