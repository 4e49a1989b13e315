"""Programs without `scan`, for runtimes that have no such loops: each round is written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import devices, jaxprs
from kernelkit.export.walk import walk
from kernelkit.jaxprs import opened


def unrolled(function: Callable[..., Any], *arguments: Any) -> Callable[..., list[Any]]:
    """Return a function that computes the same without `scan`.

    Args:
        function: A function of arrays.
        *arguments: Abstract values of its arguments.

    Returns:
        A function of the same arguments, which returns the outputs flat.

    Raises:
        ValueError: If the length of a loop is open.

    Example:
        >>> total = lambda rows: jax.lax.scan(lambda t, row: (t + row, t), 0.0, rows)
        >>> flat = unrolled(total, jnp.ones((3,)))
        >>> "scan" in str(jax.make_jaxpr(flat)(jnp.ones((3,)))), [y.tolist() for y in flat(jnp.arange(3.0))]
        (False, [3.0, [0.0, 0.0, 1.0]])
    """
    with devices.portable():
        body = opened(jax.make_jaxpr(function)(*arguments))

    def run(*inputs: Any) -> list[Any]:
        return walk(_Jax(), body, jax.tree.leaves(inputs), _RULES)

    return run


class _Jax:
    format = "jax"

    def constant(self, value: Any, dtype: Any) -> Any:
        return jnp.asarray(value, dtype)

    def before(self, equation: Any, operands: Any) -> None:
        return None


def _scan(target: _Jax, equation: Any, *operands: Any) -> list[Any]:
    s = jaxprs.scan_of(equation)
    assert s is not None
    if not isinstance(s.length, int):
        raise ValueError("A recurrence over an open length cannot be unrolled: fix the length by input_signature.")
    constants, carry = list(operands[: s.constants]), list(operands[s.constants : s.constants + s.carried])
    sequences, rows = operands[s.constants + s.carried :], []
    order = range(s.length)
    for i in reversed(order) if s.reverse else order:
        made = walk(target, s.opened, [*constants, *carry, *(x[i] for x in sequences)], _RULES)
        carry = made[: s.carried]
        rows.append(made[s.carried :])
    rows = rows[::-1] if s.reverse else rows
    return [*carry, *(jnp.stack(column) for column in zip(*rows, strict=True))]


def _run(target: _Jax, equation: Any, *operands: Any) -> list[Any]:
    return jaxprs.run_equation(equation, operands)


class _Rules(Mapping[str, Callable]):
    """A rule for each primitive: its own, or to run it."""

    own = {"scan": _scan}

    def __getitem__(self, name: str) -> Callable:
        return self.own.get(name, _run)

    def get(self, name: str, default: Any = None) -> Callable:
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.own)

    def __len__(self) -> int:
        return len(self.own)


_RULES = _Rules()
