"""Models as modules of flax and equinox."""

import jax
import numpy as np
import pytest

import kernelkit as kk
from tests.export import zoo


def built():
    """A model with averages and dropout, an input, and what it gives in training."""
    model = zoo.build("mlp")
    return model, zoo.draw(model, 8)


def averages(weights):
    return [v for path, v in weights.state.items() if "moving_mean" in path]


def test_a_module_of_nnx_predicts_trains_and_hands_its_weights_back():
    nnx = pytest.importorskip("flax.nnx")
    model, x = built()
    module = kk.export.to_nnx(model)
    np.testing.assert_allclose(module(x), model(x), atol=1e-6)
    assert len(jax.tree.leaves(nnx.state(module, nnx.Param))) == len(model.trainable_variables)
    before = np.array(averages(module.weights())[0])
    rngs = nnx.Rngs(dropout=0)
    gradients = nnx.jit(nnx.grad(lambda m, r: (m(x, training=True, rngs=r) ** 2).sum()))(module, rngs)
    assert (np.asarray(averages(module.weights())[0]) != before).any()
    assert len(jax.tree.leaves(gradients)) == len(model.trainable_variables)
    assert (module(x, training=True, rngs=rngs) != module(x, training=True, rngs=rngs)).any()
    kk.export.assign(model, module.weights())
    np.testing.assert_allclose(module(x), model(x), atol=1e-6)


def test_a_module_of_linen_predicts_and_trains():
    pytest.importorskip("flax.linen")
    model, x = built()
    module, variables = kk.export.to_linen(model)
    np.testing.assert_allclose(module.apply(variables, x), model(x), atol=1e-6)
    made = module.init(jax.random.key(0), x)
    assert jax.tree.structure(made) == jax.tree.structure(variables)
    rngs = {"dropout": jax.random.key(1)}
    _, new = module.apply(variables, x, training=True, rngs=rngs, mutable=["batch_stats"])
    moved = [p for p, v in new["batch_stats"].items() if (v != variables["batch_stats"][p]).any()]
    assert len(moved) == 2
    want = model.pure()[0](model.pure()[1], x, training=True, mutable=True)[1]
    for path in moved:
        np.testing.assert_allclose(new["batch_stats"][path], want[path], rtol=1e-5)


def test_a_module_of_equinox_is_a_pytree_of_the_weights():
    equinox = pytest.importorskip("equinox")
    model, x = built()
    module = kk.export.to_equinox(model)
    np.testing.assert_allclose(equinox.filter_jit(module)(x), model(x), atol=1e-6)
    assert len(jax.tree.leaves(module)) == len(module.trainable) + len(module.state)
    _, trained = module.train(x, key=jax.random.key(0))
    assert (averages(trained.weights())[0] != averages(module.weights())[0]).any()
    gradients = equinox.filter_grad(lambda m: (m(x) ** 2).sum())(module)
    assert set(gradients.trainable) == set(model.pure()[1].trainable)
