"""Dropout and noise: what is dropped, what the mean and variance become, that seeds repeat."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check_config, rand, twins

ONES = np.ones((200, 6, 50), "float32")
RANDOM = [
    ("Dropout", (0.3,)),
    ("GaussianDropout", (0.3,)),
    ("GaussianNoise", (0.3,)),
    ("AlphaDropout", (0.3,)),
    ("SpatialDropout1D", (0.3,)),
]


@pytest.mark.parametrize(("name", "args"), RANDOM)
def test_nothing_happens_outside_of_training(name, args):
    layer = getattr(kk.layers, name)(*args)
    np.testing.assert_array_equal(layer(ONES), ONES)
    np.testing.assert_array_equal(layer(ONES, training=False), ONES)
    free = getattr(kk.layers, name)(0.0)
    np.testing.assert_array_equal(free(ONES, training=True), ONES)
    assert free.variables == []


@pytest.mark.parametrize(("name", "args"), RANDOM)
def test_a_seed_repeats_and_calls_differ(name, args):
    first, second = (getattr(kk.layers, name)(*args, seed=3) for _ in range(2))
    a, b = first(ONES, training=True), second(ONES, training=True)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, first(ONES, training=True))
    assert not np.array_equal(a, getattr(kk.layers, name)(*args)(ONES, training=True))


@pytest.mark.parametrize(("name", "args"), RANDOM)
def test_draws_are_pure_in_a_jitted_step(name, args):
    layer = getattr(kk.layers, name)(*args, seed=3)
    layer.build(ONES.shape)
    state = [v.value for v in layer.non_trainable_variables]
    step = jax.jit(lambda state, x: layer.stateless_call([], state, x, training=True))
    first, after = step(state, ONES)
    again, _ = step(state, ONES)
    second, _ = step(after, ONES)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    # Fused, the arithmetic around the draw may round otherwise.
    np.testing.assert_allclose(first, layer(ONES, training=True), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout"])
def test_config_is_kerass(name):
    check_config(*twins(name, 0.3, seed=5))


@pytest.mark.parametrize("name", ["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"])
def test_spatial_config_is_kerass_and_says_if_trainable(name):
    check_config(*twins(name, 0.3, seed=5), differs={"trainable"})


def test_dropout_drops_its_share_and_keeps_the_mean():
    y = np.asarray(kk.layers.Dropout(0.3, seed=0)(ONES, training=True))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((y == 0).mean() - 0.3) < 0.01


def test_dropout_of_everything_gives_zeros():
    np.testing.assert_array_equal(kk.layers.Dropout(1.0)(ONES, training=True), 0 * ONES)


def test_noise_shape_ties_elements_together():
    y = np.asarray(kk.layers.Dropout(0.5, noise_shape=(None, 1, 50), seed=0)(ONES, training=True))
    assert (y == y[:, :1]).all()
    assert 0 < (y[:, 0] == 0).mean() < 1


@pytest.mark.parametrize(
    ("wrong", "text"), [("2", "a tuple or list"), ((2, 1.5), "integers or None"), ((0, 2), "positive integers")]
)
def test_noise_shape_is_checked(wrong, text):
    with pytest.raises(ValueError, match=f"argument `noise_shape`. Expected .*{text}"):
        kk.layers.Dropout(0.5, noise_shape=wrong)


@pytest.mark.parametrize(
    ("name", "shape", "options", "axes"),
    [
        ("SpatialDropout1D", (8, 5, 16), {}, (1,)),
        ("SpatialDropout2D", (8, 5, 4, 16), {}, (1, 2)),
        ("SpatialDropout2D", (8, 16, 5, 4), {"data_format": "channels_first"}, (2, 3)),
        ("SpatialDropout3D", (8, 2, 3, 4, 16), {}, (1, 2, 3)),
    ],
)
def test_spatial_dropout_drops_whole_channels(name, shape, options, axes):
    y = np.asarray(getattr(kk.layers, name)(0.5, seed=0, **options)(np.ones(shape, "float32"), training=True))
    assert (y.max(axes) == y.min(axes)).all()
    assert 0.2 < (y.max(axes) == 0).mean() < 0.8


def test_gaussian_noise_and_dropout_have_the_stated_spread():
    noisy = np.asarray(kk.layers.GaussianNoise(0.5, seed=0)(ONES, training=True))
    assert abs(noisy.mean() - 1) < 0.01
    assert abs(noisy.std() - 0.5) < 0.01
    scaled = np.asarray(kk.layers.GaussianDropout(0.2, seed=0)(ONES, training=True))
    assert abs(scaled.mean() - 1) < 0.01
    assert abs(scaled.std() - 0.5) < 0.01


def test_alpha_dropout_keeps_mean_and_variance():
    y = np.asarray(kk.layers.AlphaDropout(0.2, seed=0)(rand(400, 300), training=True))
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02
    assert len(np.unique(np.asarray(kk.layers.AlphaDropout(0.2, seed=0)(ONES, training=True)))) == 2


@pytest.mark.parametrize(
    ("name", "rate"), [("Dropout", 1.5), ("Dropout", -0.1), ("GaussianDropout", 1.0), ("AlphaDropout", 1)]
)
def test_impossible_rates_are_refused(name, rate):
    with pytest.raises(ValueError, match="rate"):
        getattr(kk.layers, name)(rate)
    with pytest.raises(ValueError, match="stddev must be >= 0"):
        kk.layers.GaussianNoise(-1.0)


@pytest.mark.parametrize("noise_shape", [None, (4, 1, 16)])
def test_compiled_gradients_draw_a_mask_once(noise_shape):
    def loss(x, seed):
        return jnp.sum(kk.random.dropout(2.0 * x, 0.3, noise_shape, seed) ** 2)

    x, seed = jnp.ones((4, 8, 16)), jnp.array([1, 2], "uint32")
    text = jax.jit(jax.grad(loss)).lower(x, seed).compile().as_text()
    kernels = re.split(r"\n\n", text)
    drawing = [kernel for kernel in kernels if kernel.count("shift-left(") > 15]  # 20 rounds of the generator
    assert len(drawing) == 1, len(drawing)
    size = math.prod(noise_shape or x.shape)
    assert f"u32[{','.join(map(str, noise_shape or x.shape))}]" in drawing[0] or f"u32[{size}]" in drawing[0]
