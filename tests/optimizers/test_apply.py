"""Taking a step: eagerly, in a scope, with gradients from a tape, with some missing; what happens on wrong input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import optimizers


def values(variables):
    return [v.numpy() for v in variables]


def assert_equal(a, b):
    for left, right in zip(a, b, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-7)


def make_all():
    rate = optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    of = optimizers.OptimizerMap(optimizers.SGD(rate, momentum=0.9), {".*bias": optimizers.Adam(0.1)})
    return {
        "adam": optimizers.Adam(0.1, clipnorm=1.0, use_ema=True, gradient_accumulation_steps=2),
        "nadam": optimizers.Nadam(rate),
        "loss_scale": optimizers.LossScaleOptimizer(optimizers.Muon(0.1), initial_scale=4.0),
        "multi": optimizers.MultiOptimizer(of),
    }


@pytest.mark.parametrize("kind", ["adam", "nadam", "loss_scale", "multi"])
def test_apply_equals_stateless_apply_and_compiles_once(make_variables, make_gradients, run_stateless, kind):
    gradients = make_gradients(4)
    expected = run_stateless(make_all()[kind], make_variables(kk), gradients)[-1]
    optimizer, variables = make_all()[kind], make_variables(kk)
    for gradient in gradients:
        optimizer.apply(gradient, variables)
    assert_equal(values([*variables, *optimizer.variables]), expected)
    assert optimizer._compiled_step._cache_size() == 1


def test_apply_in_a_stateless_scope_changes_no_variable(make_variables, make_gradients):
    optimizer, variables = optimizers.SGD(0.1), make_variables(kk)
    optimizer.build(variables)
    before = values(variables)

    @jax.jit
    def step(weights, gradients):
        with kk.StatelessScope(list(zip(variables, weights, strict=True))) as scope:
            optimizer.apply(gradients, variables)
        return [scope.get_current_value(v) for v in variables]

    gradients = make_gradients(1)[0]
    after = step([v.value for v in variables], gradients)
    assert_equal(values(variables), before)
    assert_equal(after, [w - 0.1 * g for w, g in zip(before, gradients, strict=True)])


def test_stateless_apply_is_pure_under_grad(make_variables):
    """A learned learning rate: the gradient flows through the optimizer's step."""
    optimizer, variables = optimizers.SGD(0.1), [kk.Variable([1.0, 2.0])]
    optimizer.build(variables)

    def loss(rate):
        (weight,), _ = optimizer.stateless_apply([jnp.int32(0), rate], [jnp.array([1.0, 3.0])], [variables[0].value])
        return weight.sum()

    assert float(jax.grad(loss)(jnp.float32(0.1))) == -4.0


@kk.op
def square(x):
    return jnp.square(x)


def test_gradients_of_a_tape():
    weight = kk.Variable([2.0, 3.0])
    optimizer = optimizers.SGD(0.5)
    for _ in range(2):
        with kk.GradientTape() as tape:
            with kk.GradientTape() as inner:
                loss = square(weight)
            gradient = inner.gradient(loss, weight)
            optimizer.apply_gradients([(gradient, weight)])
        del tape
    np.testing.assert_allclose(weight.numpy(), [0.0, 0.0])


def test_apply_gradients_returns_the_number_of_steps():
    weight = kk.Variable([2.0])
    optimizer = optimizers.SGD(0.5)
    assert int(optimizer.apply_gradients(zip([np.ones(1)], [weight], strict=True))) == 1
    assert int(optimizer.iterations) == 1


def test_a_missing_gradient_warns_and_leaves_the_variable_alone(make_variables, make_gradients):
    optimizer, variables = optimizers.AdamW(0.1, weight_decay=0.5), make_variables(kk)
    before = values(variables)
    kernel, _, conv = make_gradients(1)[0]
    with pytest.warns(UserWarning, match="does not depend on the variables dense/bias:"):
        optimizer.apply([kernel, None, conv], variables)
    after = values(variables)
    np.testing.assert_array_equal(after[1], before[1])
    assert (after[0] != before[0]).all()


def test_some_of_the_variables_may_be_given(make_variables, make_gradients):
    optimizer, variables = optimizers.SGD(0.1), make_variables(kk)
    optimizer.build(variables)
    before = values(variables)
    optimizer.apply([np.ones(3)], [variables[1]])
    assert_equal(values(variables), [before[0], before[1] - 0.1, before[2]])


def test_wrong_gradients(make_variables, make_gradients):
    optimizer, variables = optimizers.SGD(0.1, name="it"), make_variables(kk)
    with pytest.raises(
        ValueError,
        match=r"No gradients provided for any variable. Optimizer 'it' has \(dense/kernel, dense/bias, conv/kernel",
    ):
        optimizer.apply([None] * 3, variables)
    with pytest.raises(ValueError, match="1 gradients for 3 trainable variables"):
        optimizer.apply([np.ones(3)])
    with pytest.raises(ValueError, match=r"gradient of shape \(2,\) for the variable 'dense/kernel' of shape \(4, 3\)"):
        optimizer.apply([np.ones(2), *make_gradients(1)[0][1:]])
    with pytest.raises(ValueError, match="does not know the variable 'stranger'"):
        optimizer.apply([np.ones(1)], [kk.Variable([1.0], name="stranger")])
    with pytest.raises(ValueError, match="was built for 3 other variables"):
        optimizer.build([kk.Variable([1.0])])
    with pytest.raises(ValueError, match="got 1 optimizer variables, expected 2"):
        optimizer.stateless_apply([1], make_gradients(1)[0], [v.value for v in variables])


def test_apply_inside_of_jit_says_what_to_do():
    weight = kk.Variable([1.0])
    optimizer = optimizers.SGD(0.1)
    optimizer.build([weight])
    with pytest.raises(RuntimeError, match="stateless_apply"):
        jax.jit(lambda g: optimizer.apply([g], [weight]))(jnp.ones(1))


def test_a_changed_setting_is_used_in_the_next_step():
    weight = kk.Variable([1.0])
    optimizer = optimizers.SGD(0.1, momentum=0.5)
    optimizer.apply([np.ones(1)], [weight])
    optimizer.momentum = 1.0
    optimizer.apply([np.ones(1)], [weight])
    np.testing.assert_allclose(weight.numpy(), [1.0 - 0.1 - 0.2], rtol=1e-6)


def test_weights_decay_only_where_they_may():
    weight, bias = kk.Variable([1.0], name="kernel"), kk.Variable([1.0], name="bias")
    optimizer = optimizers.SGD(0.1, weight_decay=0.5)
    optimizer.apply([np.zeros(1), np.zeros(1)], [weight, bias])
    optimizer.exclude_from_weight_decay(var_list=[bias])
    optimizer.apply([np.zeros(1), np.zeros(1)], [weight, bias])
    np.testing.assert_allclose([*weight.numpy(), *bias.numpy()], [0.95**2, 0.95], rtol=1e-6)


def test_averages_take_the_weights_place_at_the_end(make_variables, make_gradients):
    of = optimizers.OptimizerMap(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    for optimizer in (
        optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
        optimizers.MultiOptimizer(of),
        optimizers.LossScaleOptimizer(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), initial_scale=1.0),
    ):
        weight = kk.Variable([1.0])
        for _ in range(2):
            optimizer.apply([np.ones(1)], [weight])
        np.testing.assert_allclose(weight.numpy(), [0.8], rtol=1e-6)
        optimizer.finalize_variable_values([weight])
        np.testing.assert_allclose(weight.numpy(), [0.85], rtol=1e-6)


def test_scale_loss():
    assert optimizers.SGD().scale_loss(3.0) == 3.0
    assert optimizers.SGD(loss_scale_factor=4.0).scale_loss(3.0) == 12.0
    inner = optimizers.SGD(0.1, loss_scale_factor=4.0)
    optimizer = optimizers.LossScaleOptimizer(inner, initial_scale=8.0, dynamic_growth_steps=1)
    weight = kk.Variable([1.0])
    loss = lambda w: optimizer.scale_loss(jnp.sum(2.0 * w))  # noqa: E731
    assert loss(jnp.ones(1)) == 16.0  # the inner scale gives way
    optimizer.apply([jax.grad(loss)(weight.value)], [weight])
    np.testing.assert_allclose(weight.numpy(), [0.8], rtol=1e-6)
    assert loss(jnp.ones(1)) == 32.0


def test_a_non_finite_gradient_leaves_the_step_out():
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=8.0)
    weight = kk.Variable([1.0])
    optimizer.apply([np.array([np.inf])], [weight])
    assert (float(weight.numpy()[0]), int(optimizer.iterations), float(optimizer.dynamic_scale)) == (1.0, 0, 4.0)
