"""The same layer in kernelkit and in Keras, with the same weights, compared in all that can be seen from outside."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np

import kernelkit as kk

RNG = np.random.default_rng(0)


def rand(*shape):
    return RNG.normal(size=shape).astype("float32")


def twins(name, *args, build=None, **kwargs):
    """Return the layer of a name from both packages, built and with the same random weights."""
    ours, theirs = getattr(kk.layers, name)(*args, **kwargs), getattr(keras.layers, name)(*args, **kwargs)
    if build is not None:
        ours.build(build)
        theirs.build(build)
        share_weights(ours, theirs)
    return ours, theirs


def share_weights(ours, theirs):
    """Give both layers the same weights: positive, so that variances stay so."""
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [w.path.split("/")[-1] for w in ours.weights] == [w.path.split("/")[-1] for w in theirs.weights]
    assert [w.trainable for w in ours.weights] == [w.trainable for w in theirs.weights]
    values = [RNG.uniform(0.1, 1.0, w.shape).astype("float32") for w in theirs.weights]
    ours.set_weights(values)
    theirs.set_weights(values)


def equal(ours, theirs, tolerance=1e-5):
    """Assert that two values are the same to the tolerance, in shape and dtype too."""
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert jnp.dtype(ours.dtype) == jnp.dtype(theirs.dtype)
    np.testing.assert_allclose(
        np.asarray(ours, "float32"), np.asarray(theirs, "float32"), rtol=tolerance, atol=tolerance
    )


def check(name, inputs, *args, tolerance=1e-5, call=None, config_differs=(), **kwargs):
    """Compare output, gradients, state, symbolic shape and config of a layer with Keras's."""
    call = call or {}
    shapes = jax.tree.map(lambda x: (None, *x.shape[1:]), inputs)
    ours, theirs = twins(name, *args, build=shapes, **kwargs)
    check_gradients(ours, theirs, inputs, call, tolerance)
    outputs = ours(inputs, **call)
    equal(outputs, theirs(inputs, **call), tolerance)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        equal(mine.value, other.value, tolerance)
    check_shapes(ours, inputs, outputs)
    check_config(ours, theirs, config_differs)
    return ours, theirs


def check_gradients(ours, theirs, inputs, call, tolerance):
    def gradients(layer, unwrap):
        def loss(trainable, x):
            frozen = [unwrap(v) for v in layer.non_trainable_variables]
            outputs, _ = layer.stateless_call(trainable, frozen, x, **call)
            return jnp.sum(jnp.sin(outputs))

        floats = all(jnp.issubdtype(x.dtype, jnp.floating) for x in jax.tree.leaves(inputs))
        argnums = (0, 1) if floats else 0
        # Jitted: one compilation takes less time than one for each operation.
        return jax.jit(jax.grad(loss, argnums))(
            [unwrap(v) for v in layer.trainable_variables], jax.tree.map(jnp.asarray, inputs)
        )

    pairs = jax.tree.leaves(gradients(ours, lambda v: v.value)), jax.tree.leaves(gradients(theirs, lambda v: v.value))
    for mine, other in zip(*pairs, strict=True):
        equal(mine, other, 10 * tolerance)


def check_shapes(layer, inputs, outputs):
    """Assert that the layer knows shape and dtype of its outputs from those of its inputs, but for the batch size."""
    symbols = jax.tree.map(lambda x: kk.Input(x.shape[1:], dtype=x.dtype.name), inputs)
    symbolic = layer(symbols)
    assert symbolic.shape == (None, *outputs.shape[1:])
    assert symbolic.dtype == outputs.dtype.name


def check_config(ours, theirs, differs=()):
    config = ours.get_config()
    assert set(config) - set(differs) == set(theirs.get_config()) - set(differs)
    written = json.loads(json.dumps(config))
    assert without_shapes(type(ours).from_config(written).get_config()) == without_shapes(config)


def without_shapes(config):
    """Return a config without the shapes that layers inside the layer were built for."""
    if isinstance(config, list):
        return [without_shapes(value) for value in config]
    if not isinstance(config, dict):
        return config
    return {k: without_shapes(v) for k, v in config.items() if k != "build_config"}
