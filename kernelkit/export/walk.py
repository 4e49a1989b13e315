"""The walk over a jaxpr for all formats: it opens equations that only call, and looks up rules for the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from kernelkit import jaxprs
from kernelkit.jaxprs import Opened
from kernelkit.typing import Equation

Rule = Callable[..., Any]
"""``rule(target, equation, *operands)`` returns the result, or a list of results for several."""


class Missing(NotImplementedError):
    """The error for a primitive of the model without a rule in the format."""


def walk(target: Any, body: Opened, operands: Sequence[Any], rules: Mapping[str, Rule], within: str = "") -> list[Any]:
    """Run a jaxpr on values of a target format.

    Args:
        target: The file or code that is written. ``target.constant(array, dtype)`` makes a value of a constant;
            ``target.before(equation, operands)`` may return results in place of a rule's; ``target.lacks(equation)``
            returns a text that names what the format lacks, such as a dtype, or ``""``; ``target.format`` is
            the format's name for errors.
        body: The jaxpr.
        operands: One value for each of its inputs.
        rules: From a primitive's name to its rule.
        within: The layers around this jaxpr, for errors.

    Returns:
        One value for each output.

    Raises:
        Missing: If there is no rule for a primitive.
    """
    jaxpr: Any = body.jaxpr
    values: dict[Any, Any] = dict(zip(jaxpr.invars, operands, strict=True))
    values |= {v: target.constant(c, v.aval.dtype) for v, c in zip(jaxpr.constvars, body.constants, strict=True)}

    def read(atom: Any) -> Any:
        return target.constant(atom.val, atom.aval.dtype) if jaxprs.is_literal(atom) else values[atom]

    for equation in _needed(jaxpr):
        given = [read(atom) for atom in equation.invars]
        results = target.before(equation, given)
        if results is None:
            inner = jaxprs.called_by(equation)
            if inner is not None:
                results = walk(target, inner, given, rules, _stack(equation) or within)
            else:
                rule = rules.get(equation.primitive.name)
                lacks = target.lacks(equation) if rule else f"no operation for jax's {equation.primitive.name!r}"
                if rule is None or lacks:
                    place, advice = _place(equation, within), _advice(equation.primitive.name)
                    raise Missing(f"{target.format} has {lacks}{place}. {advice}")
                try:
                    made = rule(target, equation, *given)
                except jax.errors.InconclusiveDimensionOperation as error:
                    raise Missing(
                        f"{target.format} needs a size as a number that is open here{_place(equation, within)}: jax's "
                        f"{equation.primitive.name!r}. Fix the open sizes by input_signature."
                    ) from error
                results = made if isinstance(made, (list, tuple)) and not hasattr(made, "_fields") else [made]
        values |= zip(equation.outvars, results, strict=True)
    return [read(atom) for atom in jaxpr.outvars]


def unsigned_words(equation: Equation, what: str) -> str:
    """Return what a format lacks for whole numbers of 64 bits without a sign, in words; empty for other equations."""
    unsigned = any(v.aval.dtype.name == "uint64" for v in equation.outvars if hasattr(v.aval, "dtype"))
    return f"{what} for whole numbers of 64 bits without a sign" if unsigned else ""


def _needed(jaxpr: Any) -> list[Any]:
    """Return the equations that the outputs need, such as those of a step without its slopes."""
    live, kept = {atom for atom in jaxpr.outvars if not jaxprs.is_literal(atom)}, []
    for equation in reversed(jaxpr.eqns):
        if equation.effects or not live.isdisjoint(equation.outvars):
            kept.append(equation)
            live |= {atom for atom in equation.invars if not jaxprs.is_literal(atom)}
    return kept[::-1]


def _advice(primitive: str) -> str:
    draws = "Draw only in training, under `if training:`, or write" if primitive.startswith("random_") else "Write"
    return f"{draws} a file of format='stablehlo' or 'tf_saved_model', which take any model."


def _place(equation: Equation, within: str) -> str:
    """Say which layer an equation belongs to: jax keeps the names of the layers that were called."""
    stack = _stack(equation) or within
    return f", which {stack} uses" if stack else ""


def _stack(equation: Equation) -> str:
    return str(getattr(equation.source_info, "name_stack", ""))
