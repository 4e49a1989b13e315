"""Loops, branches and functions of models, under Keras 2's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import ops, tree
from kernelkit.layers import recurrence
from kernelkit.symbolic import is_keras_tensor
from kernelkit.typing import DType, InitializerLike, Tensor, Tree


def foldl(fn: Callable, elems: Tensor, initializer: InitializerLike = None, name: str | None = None) -> Tensor:
    """Return the last result of ``fn(accumulator, element)``, applied from the first element to the last.

    Example:
        >>> from kernelkit import backend as K
        >>> float(K.foldl(lambda total, x: total + x, K.constant([1.0, 2.0, 3.0])))
        6.0
    """
    elems = ops.convert_to_tensor(elems)
    start, rest = (elems[0], elems[1:]) if initializer is None else (ops.convert_to_tensor(initializer), elems)
    return ops.scan(lambda total, x: (jnp.asarray(fn(total, x), total.dtype), None), start, rest)[0]


def foldr(fn: Callable, elems: Tensor, initializer: InitializerLike = None, name: str | None = None) -> Tensor:
    """Return the last result of ``fn(accumulator, element)``, applied from the last element to the first.

    Example:
        >>> from kernelkit import backend as K
        >>> float(K.foldr(lambda total, x: total + x, K.constant([1.0, 2.0, 3.0])))
        6.0
    """
    return foldl(fn, ops.flip(ops.convert_to_tensor(elems), axis=0), initializer)


def map_fn(fn: Callable, elems: Tensor, name: str | None = None, dtype: DType = None) -> Tensor:
    """Return a function's results for each element, stacked.

    Example:
        >>> from kernelkit import backend as K
        >>> K.map_fn(lambda x: x * 2, K.constant([1.0, 2.0])).tolist()
        [2.0, 4.0]
    """
    result = ops.map(fn, elems)
    return result if dtype is None else ops.cast(result, dtype)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Tensor:
    """Return one of two values, or of two functions' results.

    Args:
        condition: Bool, or an array of bools to choose by, element by element or row by row.
        then_expression: Value where the condition is true, or a function without arguments.
        else_expression: Value where it is false, or a function without arguments.

    Example:
        >>> from kernelkit import backend as K
        >>> K.switch(K.constant([True, False], "bool"), K.ones((2, 2)), K.zeros((2, 2))).tolist()
        [[1.0, 1.0], [0.0, 0.0]]
    """
    if len(getattr(condition, "shape", ())) == 0:
        then, other = (e if callable(e) else (lambda e=e: e) for e in (then_expression, else_expression))
        return ops.cond(condition, then, other)
    then, other = (e() if callable(e) else e for e in (then_expression, else_expression))
    axes = len(getattr(then, "shape", ())) - len(condition.shape)
    if axes < 0:
        raise ValueError(
            f"switch(): the condition has more axes than the values, {tuple(condition.shape)} and {tuple(then.shape)}."
        )
    for _ in range(axes):
        condition = ops.expand_dims(condition, -1)
    return ops.where(ops.not_equal(condition, 0), then, other)


def rnn(
    step_function: Callable,
    inputs: Tree,
    initial_states: Tree,
    go_backwards: bool = False,
    mask: Tensor = None,
    constants: Tree = None,
    unroll: bool = False,
    input_length: int | None = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry states through the steps of a batch of sequences.

    Args:
        step_function: ``(input, states) -> (output, new states)``; ``states`` ends with the constants.
        inputs: Array (batch, steps, ...), or (steps, batch, ...) with ``time_major``.
        initial_states: List of arrays (batch, ...).
        go_backwards: Whether the last step comes first.
        mask: Bools (batch, steps): where ``False``, states stay and the output is that of the step before.
        constants: List of arrays that are given to every step.
        unroll: Whether the loop is written out.
        input_length: Ignored: the shape has this number.
        time_major: Whether steps are the first axis, of the outputs too.
        zero_output_for_mask: Whether the output is zero where the mask is ``False``.
        return_all_outputs: Whether the outputs of all steps are returned, or the last only.

    Returns:
        ``(last output, outputs, last states)``.

    Example:
        >>> from kernelkit import backend as K
        >>> K.rnn(lambda x, states: (x + states[0], [x + states[0]]), K.ones((2, 4, 1)), [K.zeros((2, 1))])[0].tolist()
        [[4.0], [4.0]]
    """
    swap = lambda x: jnp.swapaxes(ops.convert_to_tensor(x), 0, 1)  # noqa: E731
    turn = lambda x: x[::-1] if go_backwards else x  # noqa: E731
    steps = jax.tree.map(lambda x: turn(ops.convert_to_tensor(x) if time_major else swap(x)), inputs)
    if mask is not None:
        mask = jnp.asarray(ops.convert_to_tensor(mask), bool)
        mask = mask[..., 0] if mask.ndim == 3 else mask
        mask = turn(mask if time_major else swap(mask))
    extra = [ops.convert_to_tensor(c) for c in constants or ()]

    def step(x: Tensor, states: Tree, aside: Any) -> tuple:
        output, new = step_function(x, [*states, *extra])
        return output, list(new), aside

    states = [ops.convert_to_tensor(s) for s in initial_states]
    last, outputs, states, _ = recurrence.loop(
        step, steps, states, mask, collect=return_all_outputs, zero_masked=zero_output_for_mask, unroll=unroll
    )
    if not return_all_outputs:
        outputs = jax.tree.map(lambda x: x[None], last)
    return last, outputs if time_major else jax.tree.map(swap, outputs), states


def function(inputs: Tree, outputs: Tree, updates: Tensor = None, name: str | None = None, **kwargs: Any) -> Callable:
    """Return a function that computes symbolic tensors of a model from others.

    Args:
        inputs: Symbolic tensor, or a list of some.
        outputs: Symbolic tensor, or a list of some, that depend on them.
        updates: Not supported: a model updates its variables itself.
        name: Name.
        **kwargs: Not supported.

    Returns:
        Function of a list of arrays (or of one, if ``inputs`` is one) that returns NumPy arrays like ``outputs``.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit import backend as K
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Rescaling(3.0), kk.layers.Dense(1)])
        >>> K.function([model.input], [model.layers[0].output])([np.ones((1, 2))])
        [array([[3., 3.]], dtype=float32)]
    """
    from kernelkit.models.function import Function

    if updates or kwargs:
        raise ValueError(f"function() takes inputs and outputs only, got {['updates'] * bool(updates) + list(kwargs)}.")
    if not all(is_keras_tensor(t) for t in tree.flatten([inputs, outputs])):
        raise TypeError("function() takes symbolic tensors, such as model.input and layer.output.")
    inner = Function(inputs, outputs, name=name)

    def run(values: Tensor) -> Tensor:
        return tree.map_structure(np.asarray, inner(values))

    return run


def gradients(loss: Any, variables: Any) -> NoReturn:
    """Raise: an array doesn't record how it was computed.

    Raises:
        RuntimeError: Always; the message says what to write.

    Example:
        >>> from kernelkit import backend as K
        >>> K.gradients(K.constant(1.0), [])
        Traceback (most recent call last):
            ...
        RuntimeError: K.gradients() belongs to Keras 2's static...
    """
    raise RuntimeError(
        "K.gradients() belongs to Keras 2's static graphs. Open a `with kernelkit.GradientTape() as tape:`, compute "
        "the loss in it, and call tape.gradient(loss, variables); or use jax.grad on a function."
    )
