"""Reading jaxprs: the only file that knows how jaxprs differ between jax 0.10 and jax 0.12.

jax 0.11 merged ``ClosedJaxpr`` into ``Jaxpr``. jax 0.12 no longer writes the numbers of constants and of carried values
into the parameters of ``scan``. This file finds them from the ranks of a scan's inputs and outputs, inside and outside
the loop: the ranks are the same in all versions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from kernelkit.typing import Equation

if TYPE_CHECKING:
    import jax.extend.core as jex

_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "custom_lin": "call_jaxpr",
    "checkpoint": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
}
"""Primitives that only call another jaxpr, with the name of the parameter that holds it."""


def _core() -> Any:
    """Return `jax.extend.core`. It imports pallas, which would make `import kernelkit` 50 ms slower."""
    import jax.extend.core

    return jax.extend.core


class Opened(NamedTuple):
    """A jaxpr and the values of its constants.

    Attributes:
        jaxpr: The jaxpr, with ``eqns``, ``invars``, ``constvars`` and ``outvars``.
        constants: A value for each of ``jaxpr.constvars``.
    """

    jaxpr: jex.Jaxpr
    constants: Sequence[Any]


class Scan(NamedTuple):
    """A ``scan`` equation.

    Attributes:
        body: A function from constants, carried values and one element of each array to the new carried values and one
            element of each result; all flat.
        constants: Number of inputs that are constants of the loop; they come first.
        carried: Number of inputs that are carried from round to round; they come next.
        length: Number of rounds.
        reverse: Whether the last element comes first.
        opened: The jaxpr of ``body``.
    """

    body: Callable[..., list]
    constants: int
    carried: int
    length: int
    reverse: bool
    opened: Opened


class While(NamedTuple):
    """A ``while`` equation.

    Attributes:
        condition: A function of its own constants and the carried values: whether there is another round.
        condition_constants: Number of inputs that are constants of ``condition``; they come first.
        body: A function of its own constants and the carried values, which returns the new carried values.
        body_constants: Number of inputs that are constants of ``body``; they come next.
    """

    condition: Opened
    condition_constants: int
    body: Opened
    body_constants: int


def opened(jaxpr: Any) -> Opened:
    """Return a jaxpr, closed or not, with its constants."""
    return Opened(getattr(jaxpr, "jaxpr", jaxpr), tuple(getattr(jaxpr, "consts", ())))


def is_literal(atom: Any) -> bool:
    """Return whether an equation's input is a literal, a value written in the equation itself."""
    return isinstance(atom, _core().Literal)


def called_by(equation: Equation) -> Opened | None:
    """Return the jaxpr of an equation that only calls one, such as a nested ``jit``; otherwise ``None``."""
    inner = equation.params.get(_CALLS.get(equation.primitive.name, ""))
    return None if inner is None else opened(inner)


def run_equation(equation: Equation, values: Sequence[Any]) -> list[Any]:
    """Return an equation's outputs.

    Args:
        equation: The equation.
        values: A value for each of its inputs.
    """
    given = {v: value for v, value in zip(equation.invars, values, strict=True) if not is_literal(v)}
    core = _core()
    atoms: list[Any] = [*equation.invars, *equation.outvars]
    alone = core.Jaxpr(
        [],
        list(given),
        equation.outvars,
        [equation],
        equation.effects,
        core.DebugInfo("kernelkit.jaxprs", "step", None, None),
    )
    with whole_width(*(getattr(atom.aval, "dtype", None) for atom in atoms)):
        return jax.core.eval_jaxpr(alone, (), *given.values())


def whole_width(*dtypes: Any) -> contextlib.AbstractContextManager:
    """Return a context in which jax keeps 64-bit values, if one of these dtypes has 64 bits.

    Outside of this context jax converts them to 32 bits, whatever the equation says.

    Example:
        >>> import jax.numpy as jnp
        >>> with whole_width(jnp.dtype("uint64")):
        ...     jnp.asarray(2**40, "uint64").dtype.name
        'uint64'
    """
    wide = any(getattr(dtype, "itemsize", 0) == 8 and getattr(dtype, "kind", "") in tuple("iuf") for dtype in dtypes)
    return jax.enable_x64(True) if wide else contextlib.nullcontext()


def scan_of(equation: Equation) -> Scan | None:
    """Return an equation as a scan, ``None`` if it is something else.

    Example:
        >>> import jax.numpy as jnp
        >>> add = lambda total, row: (total + row, total)
        >>> traced = jax.make_jaxpr(lambda rows: jax.lax.scan(add, rows[0], rows))(jnp.ones((3, 2)))
        >>> [(s.constants, s.carried, s.length) for s in map(scan_of, traced.eqns) if s]
        [(0, 1, 3)]
    """
    if equation.primitive.name != "scan":
        return None
    parameters = equation.params
    body, _ = opened(parameters["jaxpr"])
    # A scanned array and a stacked result have one axis more outside the loop than inside.
    scanned = sum(_rank(o) != _rank(i) for o, i in zip(equation.invars, body.invars, strict=True))
    carried = sum(_rank(o) == _rank(i) for o, i in zip(equation.outvars, body.outvars, strict=True))
    return Scan(
        _core().jaxpr_as_fun(parameters["jaxpr"]),
        len(equation.invars) - scanned - carried,
        carried,
        parameters["length"],
        parameters["reverse"],
        opened(parameters["jaxpr"]),
    )


def while_of(equation: Equation) -> While:
    """Return the parts of a ``while`` equation."""
    p = equation.params
    return While(opened(p["cond_jaxpr"]), p["cond_nconsts"], opened(p["body_jaxpr"]), p["body_nconsts"])


def branches_of(equation: Equation) -> list[Opened]:
    """Return the branches of a ``cond`` equation, in the order of its index."""
    return [opened(branch) for branch in equation.params["branches"]]


def scans(jaxpr: Any) -> Iterator[tuple[Any, Scan]]:
    """Yield the outermost scans of a jaxpr, each with its equation."""
    for equation in opened(jaxpr).jaxpr.eqns:
        if (scan := scan_of(equation)) is not None:
            yield equation, scan
            continue
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                if hasattr(opened(inner).jaxpr, "eqns"):
                    yield from scans(inner)


def inputs_of_body(equation: Equation) -> list[jax.ShapeDtypeStruct]:
    """Return the shapes of the inputs of a scan's body."""
    body, _ = opened(equation.params["jaxpr"])
    avals: list[Any] = [v.aval for v in body.invars]
    return [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]


def _rank(atom: Any) -> int:
    return len(atom.aval.shape)
