"""Maxima in compiled programs: XLA may compute the operand twice and round it differently. Nothing depends on that."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops
from kernelkit.metrics import accuracy

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(5, 8, 8, 12)).astype("float32")
WEIGHTS = RNG.normal(size=(5, 12)).astype("float32")


def norm(x):
    """A layer normalization, which XLA's CPU compiler merges into each program that reads it."""
    mean = jnp.mean(x, -1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(jnp.mean((x - mean) ** 2, -1, keepdims=True) + 1e-3)


REDUCTIONS = {
    "max": lambda x: ops.max(x, axis=(1, 2)),
    "min": lambda x: ops.min(x, axis=(1, 2)),
    "amax": lambda x: ops.amax(x, axis=(1, 2)),
    "amin": lambda x: ops.amin(x, axis=(1, 2)),
    "max, kept": lambda x: ops.max(x, axis=(1, -2), keepdims=True)[:, 0, 0],
    "max, initial": lambda x: ops.max(x, axis=(1, 2), initial=-9.0),
    "ptp": lambda x: ops.ptp(ops.reshape(x, (5, 64, 12)), axis=1),
    "nanmax": lambda x: ops.nanmax(x, axis=(1, 2)),
    "nanmin": lambda x: ops.nanmin(x, axis=(1, 2)),
    "GlobalMaxPooling2D": lambda x: kk.layers.GlobalMaxPooling2D()(x),
    "GlobalMaxPooling1D": lambda x: kk.layers.GlobalMaxPooling1D()(ops.reshape(x, (5, 64, 12))),
    "adaptive_max_pool": lambda x: ops.adaptive_max_pool(x, 1)[:, 0, 0],
    "max_pool": lambda x: ops.max_pool(x, 8)[:, 0, 0],
    "norm": lambda x: ops.norm(ops.reshape(x, (5, 64, 12)), ord=np.inf, axis=1),
    "rgb_to_hsv": lambda x: ops.image.rgb_to_hsv(x[..., :3] * 0.1 + 0.5)[..., 0].reshape(5, 64)[:, :12],
    "categorical_hinge": lambda x: kk.losses.categorical_hinge(jnp.zeros((5, 768)), ops.reshape(x, (5, 768)))[:, None],
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_compiled_gradient_of_a_maximum_is_the_eager_one(name):
    def loss(x):
        return jnp.sum(REDUCTIONS[name](norm(x)) * WEIGHTS)

    expected = np.asarray(jax.grad(loss)(IMAGES))
    assert (np.abs(expected) > 1e-3).sum() > 50
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(IMAGES), expected, atol=1e-4)


def test_equal_elements_share_the_gradient_as_in_jax():
    x = jnp.asarray(RNG.integers(0, 3, (4, 5, 6)).astype("float32"))
    for own, jaxs in ((ops.max, jnp.max), (ops.min, jnp.min)):
        for axis in (None, 0, -1, (0, 2), (-1, 1)):
            a, b = (jax.jacrev(lambda x, f=f, axis=axis: f(x, axis=axis))(x) for f in (own, jaxs))
            np.testing.assert_allclose(a, b, atol=1e-7)
            a, b = (jax.jacfwd(lambda x, f=f, axis=axis: f(x, axis=axis))(x) for f in (own, jaxs))
            np.testing.assert_allclose(a, b, atol=1e-7)
            assert own(x, axis=axis, keepdims=True).shape == jaxs(x, axis=axis, keepdims=True).shape


def test_values_are_those_of_numpy():
    x = RNG.normal(size=(3, 4, 5)).astype("float32")
    holes = np.where(x > 1, np.nan, x)
    holes[:, 0, 0] = np.nan
    for axis in (None, 1, (0, 2)):
        np.testing.assert_array_equal(ops.ptp(x, axis=axis), np.ptp(x, axis=axis))
        with pytest.warns(RuntimeWarning) if axis is not None else np.errstate():
            np.testing.assert_array_equal(
                ops.nanmax(holes[:, :1, :1] if axis else holes, axis=axis),
                np.nanmax(holes[:, :1, :1] if axis else holes, axis=axis),
            )
        np.testing.assert_array_equal(ops.max(holes, axis=axis), np.max(holes, axis=axis))
    np.testing.assert_array_equal(ops.max(np.array([[1, 5], [3, 2]]), axis=0), [3, 5])
    np.testing.assert_array_equal(ops.max(np.zeros((0, 2), "float32"), axis=0, initial=-1.0), [-1, -1])
    with pytest.raises(ValueError, match="axis 3"):
        ops.max(x, axis=3)


SCORES = RNG.normal(size=(3000, 7)).astype("float32")
BEST = np.argmax(norm(SCORES), -1)


@pytest.mark.parametrize(
    "metric",
    [
        accuracy.sparse_categorical_accuracy,
        lambda y, p: accuracy.categorical_accuracy(jax.nn.one_hot(y, 7), p),
        lambda y, p: accuracy.sparse_top_k_categorical_accuracy(y, p, k=1),
        lambda y, p: accuracy.top_k_categorical_accuracy(jax.nn.one_hot(y, 7), p, k=1),
    ],
)
def test_the_best_score_is_never_smaller_than_itself(metric):
    right = jax.jit(lambda x: metric(BEST, norm(x)))(SCORES)
    assert np.sum(np.asarray(right)) == len(BEST)


def test_a_row_has_a_positive_prediction_for_f1():
    score = kk.metrics.F1Score(average="micro")
    one_hot = jax.nn.one_hot(BEST, 7)
    score.update_state(one_hot, norm(SCORES))  # makes the variables
    state = [v.value * 0 for v in score.variables]
    state = jax.jit(lambda state, x: score.stateless_update_state(state, one_hot, norm(x)))(state, SCORES)
    assert float(score.stateless_result(state)) == 1.0


@pytest.mark.parametrize("count", [1, 3])
def test_scores_of_nan_are_wrong(count):
    scores = np.full((2, count), np.nan, "float32")
    assert not np.any(accuracy.sparse_categorical_accuracy([0, 0], scores))
    assert not np.any(accuracy.sparse_top_k_categorical_accuracy([0, 0], scores, k=5))


VMAPS = {
    "gradients of samples": lambda one: jax.vmap(jax.grad(one)),
    "gradient of a sum over samples": lambda one: jax.grad(lambda x: jnp.sum(jax.vmap(one)(x))),
    "two batch axes": lambda one: lambda x: jax.vmap(jax.vmap(jax.grad(one)))(x[None])[0],
    "forward mode": lambda one: lambda x: jax.vmap(lambda v: jax.jvp(one, (v,), (v,))[1])(x),
}


@pytest.mark.parametrize("way", VMAPS)
def test_batched_gradients_of_a_maximum_are_not_lost(way):
    def one(x):
        return jnp.sum(ops.max(norm(x), axis=(0, 1)) * WEIGHTS[0])

    function = VMAPS[way](one)
    with jax.disable_jit():
        expected = np.asarray(function(IMAGES))
    np.testing.assert_allclose(jax.jit(function)(IMAGES), expected, atol=1e-4)
    assert np.isfinite(expected).all()
