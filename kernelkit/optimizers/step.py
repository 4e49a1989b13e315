"""One step of an optimizer as a pure function: arrays in, arrays out.

Inside a step, the arrays of the optimizer's variables are kept in a dict by the `id` of their variable. The order of
operations is Keras's: overwrite, unscale, accumulate, clip, decay, apply the rule, average, constrain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from kernelkit import scope
from kernelkit.optimizers.clipping import clip
from kernelkit.typing import Tensor

if TYPE_CHECKING:
    from kernelkit.optimizers.optimizer import Optimizer

State = dict[int, Any]


def take_step(
    optimizer: Optimizer, arrays: Sequence, gradients: Sequence, values: Sequence, rate: Tensor = None
) -> tuple[list, list]:
    """Return the weights and the optimizer's arrays after one step.

    Args:
        optimizer: The optimizer: its settings, its rule, and its variables as keys of the arrays.
        arrays: The arrays of ``optimizer._variables``.
        gradients: A gradient or ``None`` for each weight.
        values: The weights.
        rate: The learning rate, if the host computed it; otherwise the state holds it.
    """
    state: State = {id(v): a for v, a in zip(optimizer._variables, arrays, strict=True)}
    rate = jnp.asarray(optimizer._rate_in(state) if rate is None else rate, jnp.float32)
    gradients = [None if g is None else g.astype(v.dtype) for g, v in zip(gradients, values, strict=True)]
    gradients, values = _overwrite(optimizer, state, gradients, list(values))
    if any(g is not None for g in gradients):
        if optimizer.loss_scale_factor:
            gradients = [None if g is None else g / optimizer.loss_scale_factor for g in gradients]
        change = _accumulate if optimizer.gradient_accumulation_steps else _update
        values, state = change(optimizer, state, gradients, values, rate)
        if optimizer.use_ema:
            values = _average(optimizer, state, values)
        for i, variable in enumerate(optimizer._trainable_variables):
            if variable.constraint is not None and gradients[i] is not None:
                values[i] = jnp.asarray(variable.constraint(values[i]), values[i].dtype)
    state[id(optimizer._iterations)] += 1
    return values, [state[id(v)] for v in optimizer._variables]


def _update(optimizer: Optimizer, state: State, gradients: list, values: list, rate: Tensor) -> tuple[list, State]:
    gradients = clip(gradients, optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm)
    values, state = list(values), dict(state)
    for i, variable in enumerate(optimizer._trainable_variables):
        decay = optimizer.weight_decay_of(variable)
        if gradients[i] is not None and decay:
            values[i] = values[i] - values[i] * (decay * rate).astype(values[i].dtype)
    if optimizer._shared:
        shared = {name: state[id(v)] for name, v in optimizer._shared.items()}
        for name, value in optimizer.advance(shared, _update_number(optimizer, state)).items():
            state[id(optimizer._shared[name])] = value.astype(shared[name].dtype)
    return optimizer._apply_rules(state, gradients, values, rate)


def apply_rules(optimizer: Optimizer, state: State, gradients: list, values: list, rate: Tensor) -> tuple[list, State]:
    """Apply the rule to each weight that has a gradient."""
    for i, gradient in enumerate(gradients):
        if gradient is not None:
            values[i], changed = apply_rule(optimizer, i, gradient, values[i], state, rate)
            state.update(changed)
    return values, state


def apply_rule(
    optimizer: Optimizer, i: int, gradient: Tensor, value: Tensor, state: State, rate: Tensor
) -> tuple[Any, State]:
    """Return the new value and slots of the i-th weight."""
    slots = {name: state[id(v)] for name, v in (*optimizer._slots[i].items(), *optimizer._shared.items())}
    # Scalars have at least float32: in 16 bits, beta_2 = 0.999 would round to 1.
    wide = jnp.promote_types(value.dtype, jnp.float32)
    step = _update_number(optimizer, state).astype(wide)
    new, changed = optimizer.rule(gradient, value, slots, step, jnp.asarray(rate, wide))
    slots.update(changed)
    kept = {id(v): slots[name].astype(state[id(v)].dtype) for name, v in optimizer._slots[i].items()}
    return new.astype(value.dtype), kept


def call_update_step(
    optimizer: Optimizer, state: State, gradients: list, values: list, rate: Tensor
) -> tuple[list, State]:
    """Run a subclass's own ``update_step``, which assigns to variables, as a pure function."""
    weights, variables = optimizer._trainable_variables, optimizer._variables
    lent = [*zip(weights, values, strict=True), *((v, state[id(v)]) for v in variables)]
    with scope.StatelessScope(lent) as lender:
        for variable, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                optimizer.update_step(gradient, variable, rate)
    after = lender.get_current_value
    return [after(v) for v in weights], {id(v): after(v) for v in variables}


def _accumulate(optimizer: Optimizer, state: State, gradients: list, values: list, rate: Tensor) -> tuple[list, State]:
    """Sum the gradients, and update with their mean in every n-th step."""
    steps = optimizer.gradient_accumulation_steps
    keys = [id(v) for v in optimizer._accumulators]
    sums = [None if g is None else g + state[k] for g, k in zip(gradients, keys, strict=True)]
    summed = {k: s for k, s in zip(keys, sums, strict=True) if s is not None}

    def update() -> tuple[list, State]:
        means = [None if s is None else s / steps for s in sums]
        new, changed = _update(optimizer, state, means, values, rate)
        return new, {**changed, **{k: jnp.zeros_like(s) for k, s in summed.items()}}

    return lax.cond(_is_last(optimizer, state), update, lambda: (values, {**state, **summed}))


def _overwrite(optimizer: Optimizer, state: State, gradients: list, values: list) -> tuple[list, list]:
    """Replace a weight by its gradient if ``variable.overwrite_with_gradient`` is true."""
    for i, variable in enumerate(optimizer._trainable_variables):
        gradient = gradients[i]
        if gradient is None or not variable.overwrite_with_gradient:
            continue
        if optimizer.gradient_accumulation_steps:
            key, last = id(optimizer._accumulators[i]), _is_last(optimizer, state)
            largest = jnp.maximum(gradient, state[key])
            gradient = jnp.where(last, largest, values[i])
            state[key] = jnp.where(last, jnp.zeros_like(largest), largest)
        gradients[i], values[i] = None, gradient
    return gradients, values


def _average(optimizer: Optimizer, state: State, values: list) -> list:
    """Move the averages towards the weights; every ``ema_overwrite_frequency`` steps, replace the weights by them."""
    updates = _updates(optimizer, state)
    every = optimizer.ema_overwrite_frequency
    for i, average in enumerate(optimizer._averages):
        if average is None:
            continue
        # The first average is the weight itself.
        momentum = jnp.where(updates == 0, 0.0, optimizer.ema_momentum).astype(values[i].dtype)
        mean = state[id(average)] = momentum * state[id(average)] + (1 - momentum) * values[i]
        if every is not None:
            values[i] = jnp.where((updates + 1) % every == 0, mean, values[i])
    return values


def _updates(optimizer: Optimizer, state: State) -> Any:
    steps = state[id(optimizer._iterations)]
    each = optimizer.gradient_accumulation_steps
    return steps // each if each else steps


def _update_number(optimizer: Optimizer, state: State) -> Any:
    return _updates(optimizer, state) + 1


def _is_last(optimizer: Optimizer, state: State) -> Any:
    return (state[id(optimizer._iterations)] + 1) % optimizer.gradient_accumulation_steps == 0
