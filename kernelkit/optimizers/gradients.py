"""Gradients from the user, matched to the variables of an optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import jax.numpy as jnp

from kernelkit import scope
from kernelkit.sparse import to_dense
from kernelkit.tape import TapeTensor
from kernelkit.tracebacks import users_level
from kernelkit.variable import Variable


def aligned(name: str, grads: Sequence, variables: Sequence[Variable] | None, known: Sequence[Variable]) -> list:
    """Return one gradient for each known variable, ``None`` for a variable without a gradient.

    Args:
        name: The optimizer's name, for messages.
        grads: Arrays, sparse ones too, taped tensors or ``None``.
        variables: The variables of the gradients, all or some of ``known``; ``None`` for all.
        known: The variables for which the optimizer was built.

    Raises:
        ValueError: If numbers or shapes don't match, a variable is not known, or all gradients are ``None``.
    """
    grads = list(grads)
    variables = list(known if variables is None else variables)
    if len(grads) != len(variables):
        raise ValueError(f"Optimizer {name!r} got {len(grads)} gradients for {len(variables)} trainable variables.")
    _require_some(name, grads, variables)
    places = {id(v): i for i, v in enumerate(known)}
    result: list = [None] * len(known)
    for gradient, variable in zip(grads, variables, strict=True):
        if id(variable) not in places:
            raise ValueError(
                f"Optimizer {name!r} does not know the variable {variable.path!r}: it works only for the variables "
                "of its first use. Make a new optimizer for another set of variables."
            )
        if gradient is None:
            continue
        gradient = to_dense(gradient.value if isinstance(gradient, (Variable, TapeTensor)) else gradient)
        gradient = jnp.asarray(gradient)
        if gradient.shape != variable.shape:
            raise ValueError(
                f"Optimizer {name!r} got a gradient of shape {gradient.shape} for the variable {variable.path!r} "
                f"of shape {variable.shape}."
            )
        result[places[id(variable)]] = gradient
    if scope.local.observer is not None:
        scope.local.observer.gradients(known, result)
    return result


def _require_some(name: str, grads: Sequence, variables: Sequence[Variable]) -> None:
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if not missing:
        return
    shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
    if len(missing) == len(grads):
        raise ValueError(
            f"No gradients provided for any variable. Optimizer {name!r} has ({shown}): the loss doesn't depend on "
            "them, or they were not watched when it was computed."
        )
    warnings.warn(
        f"The loss does not depend on the variables {shown}: they have no gradient and stay unchanged.",
        stacklevel=users_level(),
    )
