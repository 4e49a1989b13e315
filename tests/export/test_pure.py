"""A model as a pure function."""

import jax
import numpy as np
import optax
import pytest

import kernelkit as kk
from kernelkit import export
from tests.export import zoo


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_function_of_a_model_gives_what_the_model_gives(name):
    model = zoo.build(name)
    apply, weights = model.pure()
    x = zoo.draw(model, 3)
    for got, want in zip(jax.tree.leaves(jax.jit(apply)(weights, x)), jax.tree.leaves(model(x)), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_weights_are_split_into_what_is_trained_and_what_is_not():
    _, weights = zoo.build("mlp").pure()
    names = [path.rpartition("/")[2] for path in weights.trainable]
    assert names == ["kernel", "bias", "gamma", "beta", "kernel", "bias"]
    assert [path.rpartition("/")[2] for path in weights.state] == ["moving_mean", "moving_variance"]


def test_a_training_call_returns_the_new_state_and_leaves_the_model_alone():
    model = zoo.build("mlp")
    before = model.get_weights()
    apply, weights = model.pure()
    x = zoo.draw(model, 8)
    _, state = apply(weights, x, training=True, rng=jax.random.key(0), mutable=True)
    assert all(not np.allclose(state[path], weights.state[path]) for path in state)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_random_layers_draw_from_the_key_that_is_given():
    apply, weights = zoo.build("mlp").pure()
    x = np.ones((4, 10), "float32")
    one, again, other = (apply(weights, x, training=True, rng=jax.random.key(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_optax_trains_the_weights_and_the_model_takes_them_back():
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    apply, weights = model.pure()
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    y = x @ np.array([[2.0], [-3.0]], "float32") + 1
    optimizer = optax.adam(0.1)
    slots = optimizer.init(weights.trainable)

    @jax.jit
    def step(weights, slots):
        loss = lambda trainable: ((apply(weights._replace(trainable=trainable), x) - y) ** 2).mean()  # noqa: E731
        updates, slots = optimizer.update(jax.grad(loss)(weights.trainable), slots)
        return weights._replace(trainable=optax.apply_updates(weights.trainable, updates)), slots

    for _ in range(300):
        weights, slots = step(weights, slots)
    export.assign(model, weights)
    np.testing.assert_allclose(model.get_weights()[0], [[2.0], [-3.0]], atol=1e-2)


def test_vmap_over_weights_runs_an_ensemble():
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
    apply, weights = model.pure()
    several = jax.tree.map(lambda w: jax.numpy.stack([w, 2 * w]), weights)
    x = np.ones((4, 3), "float32")
    outputs = jax.vmap(apply, in_axes=(0, None))(several, x)
    np.testing.assert_allclose(outputs[1], 2 * outputs[0], rtol=1e-6)


def test_two_variables_of_the_same_path_get_different_names():
    parts = [kk.Sequential([kk.Input((3,)), kk.layers.Dense(3, name="same")], name=f"part_{i}") for i in range(2)]
    i = kk.Input((3,))
    model = kk.Model(i, parts[1](parts[0](i)))
    _, weights = model.pure()
    assert len(weights.trainable) == 4


def test_a_model_that_is_not_built_says_so():
    with pytest.raises(ValueError, match="has no weights yet: call it on a batch"):
        kk.Sequential([kk.layers.Dense(1)]).pure()
