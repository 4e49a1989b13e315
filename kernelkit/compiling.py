"""Compile a traced program, with the backend settings that are quicker for it.

On the CPU, XLA generates code for fused operations in one of two ways. The default sends each kernel through a
pipeline of MLIR passes, but equal kernels only once. The plain way takes half the time for each kernel, and generates
each kernel again. So the plain way is quicker for a net of different layers, and slower for a net of many equal blocks.

The plain way uses no vector instructions in kernels that overwrite one of their inputs. This costs most for
functions such as `exp`, and in loops. :func:`is_plain` decides by the jaxpr alone, never by a clock, so a program is
compiled in the same way in each run. The figures are in docs/benchmarks.md.

jaxlib 0.10 has both ways, jaxlib 0.12 only the default: if XLA does not know the setting, it compiles in its
default way. A user's setting in ``XLA_FLAGS`` takes priority.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.jaxprs import called_by, opened

_SETTING = "xla_cpu_use_fusion_emitters"

MOST_REPEATS = 5.0
"""With more operations per different operation, XLA's default is quicker: it compiles equal kernels once."""

FLOPS = 50.0
"""Floating-point operations of matrix products and convolutions per nanosecond, estimated for two cores of a laptop."""

ELEMENT = 0.05
"""Nanoseconds per element of any other operation."""

SLOWER = 1.0
"""Nanoseconds per element by which the plain way is slower for functions such as `exp` where they overwrite their
input, as an optimizer's rule does with the weights ..."""

SLOWER_BETWEEN = 0.3
"""... and for the same functions between layers, which mostly write into other memory."""

DRAW = 8.0
"""Nanoseconds that the plain way loses for a random number."""

LOSES_MOST = 0.1
"""Largest share of a step's time by which the plain way may be slower ..."""

LOSES_ANYWAY = 500.0
"""... and nanoseconds per different operation that a step may lose in any case.

Compilation saves as much time as thousands of steps lose."""

_FUNCTIONS = frozenset("exp exp2 expm1 log log1p tanh logistic erf erfc erf_inv pow sqrt rsqrt cbrt sin cos".split())
_MOVES = frozenset("broadcast_in_dim reshape squeeze convert_element_type slice transpose stop_gradient copy".split())
_LOOPS = frozenset({"scan", "while"})
_INDEXED = frozenset("gather scatter dynamic_slice dynamic_update_slice".split())

_unknown: set[str] = set()


def compiled(traced: Any) -> Any:
    """Return the executable of a traced program.

    Args:
        traced: Result of ``jax.jit(function).trace(...)``.

    Example:
        >>> import jax
        >>> from kernelkit.compiling import compiled
        >>> run = compiled(jax.jit(lambda x: 2 * x).trace(1.0))
        >>> float(run(3.0))
        6.0
    """
    return Lowered(traced).executable()


class Lowered:
    """A traced program that any thread may compile.

    Tracing runs Python code, the user's too, so it is done by the thread that makes this object. The compilation runs
    none. Two threads that ask for the executable get the same one: the second waits for the first.

    Args:
        traced: Result of ``jax.jit(function).trace(...)``.

    Example:
        >>> import jax
        >>> from kernelkit.compiling import Lowered
        >>> program = Lowered(jax.jit(lambda x: 2 * x).trace(1.0))
        >>> float(program.executable()(3.0))
        6.0
    """

    def __init__(self, traced: Any) -> None:
        self._lowered = traced.lower()
        self._plain = _may_choose() and is_plain(traced.jaxpr)
        self._compiling = threading.Lock()
        self._executable: Any = None

    def executable(self) -> Any:
        """Compile the program if it is not compiled yet, and return its executable."""
        with self._compiling:
            if self._executable is None:
                self._executable = _compile(self._lowered, self._plain)
                self._lowered = None  # its text may be large
            return self._executable


def _compile(lowered: Any, plain: bool) -> Any:
    if not plain:
        return lowered.compile()
    try:
        return lowered.compile(compiler_options={_SETTING: False})
    except jax.errors.JaxRuntimeError as error:
        if _SETTING not in str(error):
            raise
        _unknown.add(_SETTING)
        return lowered.compile()


def is_plain(jaxpr: Any) -> bool:
    """Return whether the plain way is the better one for a program.

    Args:
        jaxpr: The program. A ``while`` at its top is the loop over steps; loops elsewhere are recurrences.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from kernelkit.compiling import is_plain
        >>> x = jnp.ones((64, 64))
        >>> is_plain(jax.make_jaxpr(lambda x: jnp.maximum(x @ x, 0))(x))
        True
        >>> is_plain(jax.make_jaxpr(lambda x: jax.lax.scan(lambda y, _: (y @ x, None), x, None, 9))(x))
        False
    """
    kinds = set()
    carried = _shapes_of_weights(jaxpr)
    operations = 0
    time = lost = 0.0
    for equation in _equations(jaxpr):
        name = equation.primitive.name
        if name in _LOOPS:
            return False
        if name == "random_bits":
            lost += DRAW * sum(math.prod(v.aval.shape) for v in equation.outvars)
        if name in _INDEXED or not any(jnp.issubdtype(v.aval.dtype, jnp.inexact) for v in equation.outvars):
            continue  # the operations that select a batch do not count: both kinds of feeds must be compiled alike
        shapes = [v.aval.shape for v in equation.invars]
        elements = sum(math.prod(v.aval.shape) for v in equation.outvars)
        operations += 1
        kinds.add((name, *shapes, *(v.aval.shape for v in equation.outvars)))
        if name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            time += 2 * elements * math.prod(shapes[0][i] for i in contracted) / FLOPS
        elif name == "conv_general_dilated":
            features = shapes[1][equation.params["dimension_numbers"].rhs_spec[0]]
            time += 2 * elements * math.prod(shapes[1]) / max(features, 1) / FLOPS
        elif name not in _MOVES:
            time += ELEMENT * elements
        if name in _FUNCTIONS:
            overwrites = all(v.aval.shape in carried for v in equation.outvars)
            lost += (SLOWER if overwrites else SLOWER_BETWEEN) * elements
    return operations <= MOST_REPEATS * len(kinds) and lost <= max(LOSES_ANYWAY * len(kinds), LOSES_MOST * time)


def _shapes_of_weights(jaxpr: Any) -> set[tuple[int, ...]]:
    """Return the shapes of the arrays that the loop over steps carries: weights and the optimizer's state."""
    loops = [equation for equation in opened(jaxpr).jaxpr.eqns if equation.primitive.name == "while"]
    carried: list[Any] = [v.aval for loop in loops for v in loop.outvars]
    return {aval.shape for aval in carried}


def _equations(jaxpr: Any, at_top: bool = True) -> Iterator[Any]:
    """Yield the operations of a program, including those of the loop over steps and of called jaxprs."""
    for equation in opened(jaxpr).jaxpr.eqns:
        if at_top and equation.primitive.name == "while":
            yield from _equations(equation.params["body_jaxpr"], False)
        elif (inner := called_by(equation)) is not None:
            yield from _equations(inner.jaxpr, at_top)
        elif equation.primitive.name == "cond":
            for branch in equation.params["branches"]:
                yield from _equations(branch, False)
        else:
            yield equation


def _may_choose() -> bool:
    return jax.default_backend() == "cpu" and not _unknown and _SETTING not in os.environ.get("XLA_FLAGS", "")
