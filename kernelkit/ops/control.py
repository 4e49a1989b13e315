"""Control flow: branches and loops that also work on traced, symbolic and taped values.

Loops run compiled (`jax.lax`). While a gradient tape is open, they run step by step in Python, so that the tape sees
every op, including ops on values from outside of the loop's function. After a loop or a branch, the variables that it
assigned have their new values, inside jit too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from kernelkit import scope
from kernelkit.operators import Operators
from kernelkit.ops.numpy.indexing import get_item
from kernelkit.ops.numpy.joining import concatenate, stack
from kernelkit.ops.numpy.logic import greater_equal, where
from kernelkit.ops.unknown_sizes import with_spec
from kernelkit.recording import record
from kernelkit.symbolic import KerasTensor, any_symbolic, is_keras_tensor
from kernelkit.tape import TapeTensor
from kernelkit.typing import Tensor, Tree
from kernelkit.variable import Variable


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Tensor:
    """Call one of two functions.

    Args:
        pred: Boolean scalar.
        true_fn: Function without arguments, called if ``pred`` is true.
        false_fn: Function without arguments, called otherwise. Both return the same structure, shapes and dtypes.

    Returns:
        The function's result. With a symbolic ``pred`` both functions are computed and one result is chosen.

    Example:
        >>> from kernelkit import ops
        >>> x = ops.array(3.0)
        >>> print(ops.cond(x > 0, lambda: x * 2, lambda: -x))
        6.0
    """
    if getattr(pred, "shape", ()) != ():
        raise ValueError(f"cond() takes a scalar condition, got the shape {tuple(pred.shape)}. Use where() for arrays.")
    if _is_known(pred):
        return true_fn() if _plain(pred) else false_fn()
    if is_keras_tensor(pred) or scope.local.tape is not None:
        return _choose(pred, true_fn(), false_fn())
    return _threading(
        lambda variables: _traced_branches(
            lambda *b: jax.lax.cond(_plain(pred) != 0, *b), variables, [true_fn, false_fn]
        )
    )


def switch(index: Tensor, branches: Sequence[Callable], *operands: Any) -> Tensor:
    """Call one of several functions.

    Args:
        index: Integer scalar; an index out of range calls the first or the last function.
        branches: Functions of the operands that return the same structure, shapes and dtypes.
        *operands: Arguments.

    Returns:
        The function's result. With a symbolic ``index`` all functions are computed and one result is chosen.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.switch(1, [ops.sin, ops.square], 3.0))
        9.0
    """
    if _is_known(index):
        return branches[min(max(int(_plain(index)), 0), len(branches) - 1)](*operands)
    if is_keras_tensor(index) or scope.local.tape is not None:
        result = branches[0](*operands)
        for i, branch in enumerate(branches[1:], start=1):
            result = _choose(greater_equal(index, i), branch(*operands), result)
        return result
    calls = [lambda branch=branch: branch(*operands) for branch in branches]
    return _threading(lambda variables: _traced_branches(lambda *b: jax.lax.switch(_plain(index), b), variables, calls))


def _loop_spec(_: Callable, cond: Callable, body: Callable, loop_vars: Any, **__: Any) -> Tensor:
    """Return symbolic tensors like the loop variables, which keep their shapes and dtypes."""

    def like(value: Tensor) -> KerasTensor:
        array = value if hasattr(value, "dtype") else jnp.asarray(value)
        return KerasTensor(array.shape, dtype=array.dtype)

    result = jtu.tree_map(like, loop_vars, is_leaf=lambda v: isinstance(v, Operators))
    return tuple(result) if isinstance(result, list) else result


@with_spec(_loop_spec)
def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Tensor:
    """Apply a function repeatedly to its own results, as long as a condition is true.

    Args:
        cond: Function of the loop variables that returns a boolean scalar.
        body: Function of the loop variables that returns their next values, of the same shapes and dtypes.
        loop_vars: Initial values: a tuple or list of values, or a single value.
        maximum_iterations: Largest number of iterations.

    Returns:
        The last values: a tuple, or a single value if ``loop_vars`` is one.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.while_loop(lambda x: x < 100, lambda x: x * 3, 1))
        243
    """
    if any_symbolic((loop_vars,), {}):
        return _record_node(while_loop, [cond, body], loop_vars, maximum_iterations=maximum_iterations)
    is_single = not isinstance(loop_vars, (tuple, list))
    start = (loop_vars,) if is_single else tuple(loop_vars)

    def goes_on(count: Any, values: tuple) -> Tensor:
        more = cond(*values)
        return more if maximum_iterations is None else jnp.logical_and(_plain(more), count < maximum_iterations)

    def advance(values: tuple) -> tuple:
        result = body(*values)
        return tuple(result) if isinstance(result, (tuple, list)) else (result,)

    if scope.local.tape is not None:
        count = 0
        while goes_on(count, start):
            count, start = count + 1, advance(start)
        return start[0] if is_single else start

    def run(variables: list) -> tuple:
        found: list = []

        def keep(state: tuple) -> Tensor:
            count, lent, values = state
            return _lend(lambda: goes_on(count, values), variables, lent, found)[0]

        def step(state: tuple) -> tuple:
            count, lent, values = state
            values, lent = _lend(lambda: advance(values), variables, lent, found)
            return count + 1, lent, values

        _, lent, values = jax.lax.while_loop(keep, step, (0, _values(variables), _plain(start)))
        return values, lent, found

    values = _threading(run)
    return values[0] if is_single else values


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Tensor:
    """Apply a function repeatedly to its own results, once for each integer of a range.

    Args:
        lower: First integer.
        upper: The integer after the last.
        body_fun: Function ``(i, value) -> value``.
        init_val: Initial value: an array or a structure of arrays.

    Returns:
        The last value.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.fori_loop(0, 4, lambda i, total: total + i, 0))
        6
    """
    if any_symbolic((lower, upper, init_val), {}):
        _check_closures([body_fun])
        return record(fori_loop, lower, upper, body_fun, init_val)
    if scope.local.tape is not None:
        for i in range(int(lower), int(upper)):
            init_val = body_fun(i, init_val)
        return init_val

    def run(variables: list) -> tuple:
        found: list = []

        def step(i: Any, state: tuple) -> tuple:
            lent, value = state
            value, lent = _lend(lambda: body_fun(i, value), variables, lent, found)
            return lent, value

        start = (_values(variables), _plain(init_val))
        lent, value = jax.lax.fori_loop(_plain(lower), _plain(upper), step, start)
        return value, lent, found

    return _threading(run)


def scan(
    f: Callable, init: Any, xs: Tensor = None, length: int | None = None, reverse: bool = False, unroll: Any = 1
) -> tuple:
    """Apply a function along the first axis of arrays, carrying a state from step to step.

    Args:
        f: Function ``(carry, x) -> (carry, y)``; the carry keeps its structure, shapes and dtypes.
        init: Initial carry.
        xs: Array or structure of arrays of one length; ``None`` with ``length``.
        length: Number of steps; needed if ``xs`` is ``None``.
        reverse: Whether to go from the end to the start.
        unroll: Number of steps to unroll; ``True`` for all.

    Returns:
        The last carry, and the stacked ``y`` of all steps.

    Example:
        >>> from kernelkit import ops
        >>> total, running = ops.scan(lambda c, x: (c + x, c + x), 0, ops.array([1, 2, 3]))
        >>> print(total, running)
        6 [1 3 6]
    """
    if not callable(f):
        raise TypeError(f"scan(): `f` should be a callable. Got {f!r}.")
    if not isinstance(unroll, (bool, int)) or unroll < 0:
        raise ValueError(f"scan(): `unroll` must be a positive int or a bool, got {unroll!r}.")
    if xs is None and length is None:
        raise ValueError(
            "scan() needs arrays `xs` to scan over and takes its length from them, or the number of steps as `length`."
        )
    if any_symbolic((init, xs), {}):
        return _record_node(scan, [f], init, xs, length=length, reverse=reverse, unroll=unroll)
    if scope.local.tape is not None:
        return _scan_in_python(f, init, xs, length, reverse)

    def run(variables: list) -> tuple:
        found: list = []

        def step(state: tuple, x: Tensor) -> tuple:
            lent, carry = state
            (carry, y), lent = _lend(lambda: f(carry, x), variables, lent, found)
            return (lent, carry), y

        start = (_values(variables), _plain(init))
        ys: Any
        (lent, carry), ys = jax.lax.scan(step, start, _plain(xs), length, reverse, unroll)
        return (carry, ys), lent, found

    return _threading(run)


def _scan_in_python(f: Callable, carry: Any, xs: Tensor, length: int | None, reverse: bool) -> tuple:
    leaves = jtu.tree_leaves(xs)
    steps = range(leaves[0].shape[0] if leaves else length or 0)
    ys = []
    for i in reversed(steps) if reverse else steps:
        carry, y = f(carry, jtu.tree_map(lambda v, i=i: get_item(v, i), xs))
        ys.append(y)
    return carry, _stacked(ys[::-1] if reverse else ys)


def map(f: Callable, xs: Tensor) -> Tensor:
    """Call a function on each slice along the first axis, one after the other, and stack the results.

    Args:
        f: Function of one slice (of a structure of slices).
        xs: Array or structure of arrays of one length.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.map(lambda row: ops.sum(row), ops.array([[1, 2], [3, 4]])))
        [3 7]
    """
    return scan(lambda _, x: (None, f(x)), None, xs)[1]


def vectorized_map(function: Callable, elements: Tensor) -> Tensor:
    """Call a function on each slice along the first axis, all at once, and stack the results.

    Args:
        function: Function of one slice (of a structure of slices).
        elements: Array or structure of arrays of one length.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.vectorized_map(lambda row: ops.sum(row), ops.array([[1, 2], [3, 4]])))
        [3 7]
    """
    if any_symbolic((elements,), {}):
        return _record_node(vectorized_map, [function], elements)
    if scope.local.tape is not None:
        return map(function, elements)
    return jax.vmap(lambda x: _plain(function(x)))(_plain(elements))


def associative_scan(f: Callable, elems: Tensor, reverse: bool = False, axis: int = 0) -> Tensor:
    """Return the running results of an associative function, computed in parallel.

    Args:
        f: Associative function ``(a, b)`` of two structures like ``elems``.
        elems: Array or structure of arrays of one length along ``axis``.
        reverse: Whether to go from the end to the start.
        axis: The axis.

    Source: Blelloch, 1990, Prefix sums and their applications.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.associative_scan(lambda a, b: a + b, ops.array([1, 2, 3])))
        [1 3 6]
    """
    if any_symbolic((elems,), {}):
        return _record_node(associative_scan, [f], elems, reverse=reverse, axis=axis)
    if scope.local.tape is None:
        return jax.lax.associative_scan(lambda a, b: _plain(f(a, b)), _plain(elems), reverse, axis)

    def part(i: int) -> Tensor:
        return jtu.tree_map(lambda v: get_item(v, (slice(None),) * (axis % v.ndim) + (slice(i, i + 1),)), elems)

    steps = range(jtu.tree_leaves(elems)[0].shape[axis])
    results: list = []
    for i in reversed(steps) if reverse else steps:
        results.append(f(results[-1], part(i)) if results else part(i))
    return jtu.tree_map(lambda *v: concatenate(list(v), axis), *(results[::-1] if reverse else results))


# Values and structures ------------------------------------------------------------------------------------------------


def _plain(structure: Tree) -> Tensor:
    return jtu.tree_map(
        lambda v: v.value if isinstance(v, (Variable, TapeTensor)) else v,
        structure,
        is_leaf=lambda v: isinstance(v, Operators),
    )


def _is_known(value: Any) -> bool:
    return not is_keras_tensor(value) and not isinstance(_plain(value), jax.core.Tracer)


def _choose(pred: Any, if_true: Any, if_false: Any) -> Tensor:
    return jtu.tree_map(lambda a, b: where(pred, a, b), if_true, if_false)


def _stacked(results: list) -> Tensor:
    return jtu.tree_map(lambda *v: stack(list(v)), *results) if results else None


def _record_node(function: Callable, functions: list[Callable], *args: Any, **kwargs: Any) -> Any:
    _check_closures(functions)
    return record(function, *functions, *args, **kwargs)


def _check_closures(functions: list[Callable]) -> None:
    for function in functions:
        for cell in getattr(function, "__closure__", None) or ():
            if isinstance(cell.cell_contents, KerasTensor):
                raise ValueError(
                    f"{getattr(function, '__name__', 'The function')}() of a symbolic loop uses the outer tensor "
                    f"{cell.cell_contents!r}. Pass it as a loop variable, carry or element, or put the loop in a layer."
                )


# Variables assigned inside --------------------------------------------------------------------------------------------


def _threading(run: Callable[[list], tuple]) -> Any:
    """Trace a loop or branch; trace it again if it assigns variables, with their values carried through it.

    Args:
        run: Function of the variables known to be assigned. It returns the result, their values, and a list of more
            variables that it assigned.
    """
    variables: list[Variable] = []
    while True:
        result, values, found = run(variables)
        if not found:
            break
        variables = variables + found
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return result


def _lend(function: Callable, variables: list, values: Tensor, found: list) -> tuple:
    with scope.StatelessScope(zip(variables, values, strict=True)) as lender:
        result = _plain(function())
    known = {id(v) for v in (*variables, *found)}
    found.extend(v for v in lender.variables if id(v) not in known)
    return result, [lender.values[id(v)] for v in variables]


def _values(variables: list) -> list:
    with scope.autocast_scope(None):
        return [v.value for v in variables]


def _traced_branches(choose: Callable, variables: list, branches: list[Callable]) -> tuple:
    found: list = []
    lent = _values(variables)
    result, values = choose(*(lambda b=b: _lend(b, variables, lent, found) for b in branches))
    return result, values, found
