"""Normalization layers against Keras."""

import jax
import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check, equal, rand, share_weights, twins

pytestmark = pytest.mark.one_in(3)


@pytest.mark.parametrize("training", [True, False, None])
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((8, 3), {}),
        ((4, 5, 3), {"momentum": 0.5, "epsilon": 1e-2}),
        ((4, 5, 3), {"axis": 1}),
        ((4, 5, 6, 3), {"axis": -1, "center": False}),
        ((4, 3, 5, 6), {"axis": 1, "scale": False}),
        ((8, 3), {"trainable": False}),
        ((8, 3), {"gamma_regularizer": "l2", "beta_constraint": "non_neg", "moving_mean_initializer": "ones"}),
    ],
)
def test_batch_normalization_equals_keras(shape, options, training):
    check("BatchNormalization", rand(*shape) + 2, call={"training": training}, **options)


@pytest.mark.parametrize("steps", [[3, 2, 0, 1], [0, 0, 0, 0], [3, 3, 3, 3]])
def test_batch_normalization_leaves_out_masked_steps(steps):
    mask = np.arange(3) < np.array(steps)[:, None]
    ours, theirs = twins("BatchNormalization", build=(4, 3, 2))
    x = rand(4, 3, 2) + 2
    equal(ours(x, training=True, mask=mask), theirs(x, training=True, mask=mask), 2e-5)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        equal(mine.value, other.value)


def test_batch_normalization_keeps_full_precision_statistics_under_mixed_precision():
    ours, theirs = twins("BatchNormalization", build=(None, 3), dtype="mixed_bfloat16")
    x = rand(64, 3) + 2
    assert [w.dtype for w in ours.weights] == ["float32"] * 4
    equal(ours(x, training=True), theirs(x, training=True), 1e-2)
    assert ours(x).dtype == "bfloat16"


def test_batch_normalization_is_exact_far_from_zero():
    x = rand(1000, 2) + 1000
    layer = kk.layers.BatchNormalization()
    exact = (x - x.mean(0, dtype="float64")) / np.sqrt(x.var(0, dtype="float64") + 1e-3)
    np.testing.assert_allclose(layer(x, training=True), exact, atol=1e-3)


def test_batch_normalization_updates_are_state_of_a_pure_call():
    layer = kk.layers.BatchNormalization()
    layer.build((None, 3))
    state = [v.value for v in layer.non_trainable_variables]
    x = rand(8, 3)
    call = jax.jit(lambda t, s, x: layer.stateless_call(t, s, x, training=True))
    _, after = call([v.value for v in layer.trainable_variables], state, x)
    np.testing.assert_allclose(after[0], 0.01 * x.mean(0), atol=1e-6)
    np.testing.assert_array_equal(layer.moving_mean.value, state[0])
    layer(x, training=True)
    equal(layer.moving_mean.value, after[0])


@pytest.mark.parametrize(
    "options",
    [{}, {"axis": 1}, {"axis": [1, 2]}, {"axis": (-1, -2)}, {"center": False}, {"scale": False, "epsilon": 1e-2}],
)
def test_layer_normalization_equals_keras(options):
    check("LayerNormalization", rand(4, 5, 3) + 2, **options)


def test_layer_normalization_under_mixed_precision():
    ours, theirs = twins("LayerNormalization", build=(None, 8), dtype="mixed_float16")
    x = rand(4, 8)
    equal(ours(x), theirs(x), 2e-3)


@pytest.mark.parametrize("options", [{}, {"axis": [1, 2]}, {"epsilon": 1e-2}])
def test_rms_normalization_equals_keras(options):
    check("RMSNormalization", rand(4, 5, 3) + 2, **options)


def test_rms_normalization_of_another_axis():
    x = rand(4, 5, 3)
    expected = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(kk.layers.RMSNormalization(axis=1)(x), expected, rtol=1e-5)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_unit_normalization_equals_keras(axis):
    check("UnitNormalization", rand(4, 5, 3), axis=axis)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((4, 6), {"groups": 2}),
        ((4, 5, 6), {"groups": 3}),
        ((4, 6, 5), {"groups": 2, "axis": 1}),
        ((4, 3, 2, 6), {"groups": -1}),
        ((4, 3, 2, 6), {"groups": 1, "center": False, "scale": False}),
    ],
)
def test_group_normalization_equals_keras(shape, options):
    check("GroupNormalization", rand(*shape) + 2, **options)


@pytest.mark.parametrize("groups", [4, 12])
def test_groups_must_divide_the_channels(groups):
    with pytest.raises(ValueError, match="must divide"):
        kk.layers.GroupNormalization(groups)(rand(2, 6))


def spectral(k, iterations=1):
    layer = k.layers.SpectralNormalization(k.layers.Dense(3, name="inner"), power_iterations=iterations, name="sn")
    layer.build((None, 4))
    return layer


@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_normalization_equals_keras(iterations):
    ours, theirs = spectral(kk, iterations), spectral(keras, iterations)
    values = {w.path.split("/", 1)[1]: rand(*w.shape) for w in theirs.weights}
    for layer in (ours, theirs):
        for w in layer.weights:
            w.assign(values[w.path.split("/", 1)[1]])
    x = rand(2, 4)
    equal(ours(x), theirs(x))
    for _ in range(3):
        equal(ours(x, training=True), theirs(x, training=True))
    found = {w.path: np.asarray(w) for w in ours.weights}
    for w in theirs.weights:
        equal(found[w.path], np.asarray(w))
    assert set(ours.get_config()) == set(theirs.get_config())
    twin = kk.layers.SpectralNormalization.from_config(ours.get_config())
    assert twin.get_config() == ours.get_config()


def test_spectral_normalization_needs_a_kernel():
    with pytest.raises(ValueError, match="no attribute 'kernel' nor 'embeddings'"):
        kk.layers.SpectralNormalization(kk.layers.ReLU())(rand(2, 3))
    with pytest.raises(ValueError, match="`power_iterations` should be greater than zero"):
        kk.layers.SpectralNormalization(kk.layers.Dense(3), power_iterations=0)


@pytest.mark.parametrize("clipping", [None, {"rmax": 1.5, "rmin": 0.5, "dmax": 0.3}])
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_batch_renormalization_equals_keras(clipping, options):
    arguments = {"renorm": True, "momentum": 0.9, "renorm_momentum": 0.8, "renorm_clipping": clipping, **options}
    ours, theirs = (k.layers.BatchNormalization(**arguments) for k in (kk, keras))
    ours.build((None, 3))
    theirs.build((None, 3))
    share_weights(ours, theirs)
    for training in (True, True, False):
        x = rand(5, 3) * 2 + 1
        equal(ours(x, training=training), theirs(x, training=training))
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        equal(mine.value, other.value)
    assert {k: v for k, v in ours.get_config().items() if "renorm" in k} == {
        k: v for k, v in theirs.get_config().items() if "renorm" in k
    }


def test_no_gradient_runs_through_the_correction_of_renormalization():
    layer = kk.layers.BatchNormalization(renorm=True, center=False, scale=False)
    x = rand(4, 2) * 3
    layer.build(x.shape)

    def total(x):
        _, state = layer.stateless_call([], layer.non_trainable_variables, x, training=True)
        return sum(jax.numpy.sum(v) for v in state)

    assert float(jax.numpy.abs(jax.grad(total)(x)).sum()) == 0


@pytest.mark.parametrize(
    ("clipping", "text"),
    [({"r": 1}, "invalid keys"), ({"rmax": 0.0, "rmin": 1.0}, "rmax should be"), ({"dmax": -1.0}, "dmax should be")],
)
def test_renormalization_says_what_is_wrong_with_its_bounds(clipping, text):
    with pytest.raises(ValueError, match=text):
        kk.layers.BatchNormalization(renorm=True, renorm_clipping=clipping)


@pytest.mark.filterwarnings("ignore:.*rms_scaling")
@pytest.mark.parametrize("axis", [-1, (1, 2)])
def test_rms_scaling_is_keras_s_old_one(axis):
    check("LayerNormalization", rand(2, 3, 4), axis=axis, rms_scaling=True, scale=False)


def robust(library):
    """A batch normalization around medians."""

    class Robust(library.layers.BatchNormalization):
        def _moments(self, inputs, mask):
            return library.ops.median(inputs, axis=0), library.ops.var(inputs, axis=0) + 1

    return Robust(momentum=0.5)


def test_a_subclass_has_moments_of_its_own():
    x, results = np.random.default_rng(0).normal(size=(6, 4)).astype("float32"), []
    for layer in (robust(keras), robust(kk)):
        results.append([np.asarray(layer(x, training=True)), *layer.get_weights()])
    for expected, result in zip(*results, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
