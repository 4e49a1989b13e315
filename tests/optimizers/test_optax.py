"""Transformations of optax as optimizers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import kernelkit as kk
from kernelkit import optimizers

TRANSFORMATIONS = {
    "sgd": lambda: optax.sgd(0.1, momentum=0.9),
    "adamw": lambda: optax.adamw(optax.cosine_decay_schedule(0.1, 10), weight_decay=0.1),
    "chain": lambda: optax.chain(
        optax.clip_by_global_norm(0.5), optax.scale_by_adam(mu_dtype="bfloat16"), optax.scale(-0.1)
    ),
    "noisy": lambda: optax.noisy_sgd(0.1, key=jax.random.key(3)),
    "masked": lambda: optax.masked(optax.sgd(0.1), lambda weights: {path: "kernel" in path for path in weights}),
    "multi_steps": lambda: optax.MultiSteps(optax.sgd(0.1), every_k_schedule=2).gradient_transformation(),
}


@pytest.mark.parametrize("kind", TRANSFORMATIONS)
def test_training_equals_that_by_hand(make_variables, make_gradients, run_stateless, kind):
    gradients = make_gradients(4)
    variables = make_variables(kk)
    paths = [v.path for v in variables]
    own = run_stateless(optimizers.get(TRANSFORMATIONS[kind]()), variables, gradients)[-1]
    transform = TRANSFORMATIONS[kind]()
    weights = {path: v.value for path, v in zip(paths, variables, strict=True)}
    state = transform.init(weights)
    update = jax.jit(transform.update)
    for gradient in gradients:
        moves, state = update(dict(zip(paths, map(jnp.asarray, gradient), strict=True)), state, weights)
        weights = optax.apply_updates(weights, moves)
    for value, path in zip(own, paths, strict=False):
        np.testing.assert_allclose(value, weights[path], rtol=1e-5, atol=1e-6)


def test_the_state_is_plain_variables(make_variables, make_gradients):
    optimizer, variables = optimizers.OptaxOptimizer(optax.adam(0.1), name="it"), make_variables(kk)
    optimizer.build(variables)
    assert [v.path for v in optimizer.variables][:3] == ["it/iteration", "it/0_count", "it/0_mu_conv_kernel"]
    assert len(optimizer.variables) == 1 + 1 + 2 * 3
    first, second = make_gradients(2)
    optimizer.apply(first)
    store = {}
    optimizer.save_own_variables(store)
    before = [v.numpy() for v in variables]
    optimizer.apply(second)
    expected = [v.numpy() for v in variables]
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    again = optimizers.OptaxOptimizer(optax.adam(0.1))
    again.build(variables)
    again.load_own_variables(store)
    again.apply(second)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_common_settings_and_missing_gradients(make_variables, make_gradients):
    optimizer = optimizers.OptaxOptimizer(optax.sgd(0.1), clipvalue=0.5, gradient_accumulation_steps=2)
    weight, other = kk.Variable([1.0]), kk.Variable([1.0])
    for _ in range(2):
        with pytest.warns(UserWarning, match="stay unchanged"):
            optimizer.apply([np.full(1, 9.0), None], [weight, other])
    np.testing.assert_allclose([*weight.numpy(), *other.numpy()], [0.95, 1.0], rtol=1e-6)


def test_an_injected_rate_can_be_read_and_set():
    optimizer = optimizers.OptaxOptimizer(optax.inject_hyperparams(optax.sgd)(learning_rate=0.5))
    weight = kk.Variable([1.0])
    optimizer.build([weight])
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    optimizer.apply([np.ones(1)])
    assert weight.numpy()[0] == 0.75


def test_what_optax_cannot_do_is_said():
    optimizer = optimizers.OptaxOptimizer(optax.sgd(0.1))
    with pytest.raises(AttributeError, match="inject_hyperparams"):
        optimizer.learning_rate
    with pytest.raises(ValueError, match="cannot be saved"):
        optimizer.get_config()
    with pytest.raises(TypeError, match="takes no learning_rate"):
        optimizers.OptaxOptimizer(optax.sgd(0.1), learning_rate=0.1)
    with pytest.raises(TypeError, match="needs a transformation"):
        optimizers.OptaxOptimizer("sgd")


def test_an_optax_schedule_is_a_learning_rate():
    schedule = optax.linear_schedule(0.5, 0.0, 2)
    optimizer, weight = optimizers.SGD(schedule), kk.Variable([1.0])
    for _ in range(3):
        optimizer.apply([np.ones(1)], [weight])
    np.testing.assert_allclose(weight.numpy(), [1 - 0.5 - 0.25], rtol=1e-6)
