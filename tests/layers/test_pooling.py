"""Pooling layers: outputs, gradients and shapes equal to Keras's."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import masking
from tests.layers.twins import check, check_config, equal, rand, twins

pytestmark = pytest.mark.one_in(3)

SHAPES = {1: (2, 7, 3), 2: (2, 6, 5, 3), 3: (1, 4, 5, 4, 2)}
FAMILIES = ["MaxPooling", "AveragePooling"]
OPTIONS = [
    {"pool_size": 2},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 3, "strides": 1},
    {"pool_size": 2, "padding": "same", "data_format": "channels_first"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o))
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_outputs_equal_keras(rank, family, options):
    x = rand(*SHAPES[rank])
    if options == OPTIONS[2] and rank == 3:
        options = {"pool_size": (3, 2, 3), "strides": (1, 2, 1)}
    ours, theirs = twins(f"{family}{rank}D", **options)
    equal(ours(x), theirs(x))
    assert ours.compute_output_shape(x.shape) == theirs.compute_output_shape(x.shape)
    check_config(ours, theirs)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_equal_keras(family):
    check(f"{family}2D", rand(2, 6, 5, 3), pool_size=3, strides=2, padding="same")


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("family", ["GlobalMaxPooling", "GlobalAveragePooling"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_global_pooling_equals_keras(rank, family, keepdims):
    for layout in ("channels_last", "channels_first"):
        x = rand(*SHAPES[rank])
        ours, theirs = twins(f"{family}{rank}D", data_format=layout, keepdims=keepdims)
        equal(ours(x), theirs(x))
        assert ours.compute_output_shape(x.shape) == theirs.compute_output_shape(x.shape)
    check_config(ours, theirs)


def test_global_average_leaves_masked_steps_out():
    x, mask = rand(2, 4, 3), np.array([[1, 1, 0, 0], [1, 1, 1, 1]], bool)
    ours, theirs = twins("GlobalAveragePooling1D")
    equal(ours(x, mask=mask), theirs(x, mask=jnp.asarray(mask)))
    masked = kk.layers.Masking()(np.where(mask[..., None], x, 0))
    y = ours(masked)
    equal(y, theirs(x, mask=jnp.asarray(mask)))
    assert masking.get_mask(y) is None


@pytest.mark.parametrize("family", ["AdaptiveMaxPooling", "AdaptiveAveragePooling"])
@pytest.mark.parametrize(
    ("rank", "size"), [(1, 3), (1, 6), (1, 9), (2, 1), (2, (4, 3)), (2, (6, 5)), (3, 2), (3, (3, 2, 4))]
)
def test_adaptive_pooling_equals_keras(rank, size, family):
    x = rand(*SHAPES[rank])
    ours, theirs = twins(f"{family}{rank}D", size)
    equal(ours(x), theirs(x))
    first = np.moveaxis(x, -1, 1)
    equal(
        getattr(kk.layers, f"{family}{rank}D")(size, data_format="channels_first")(first),
        getattr(keras.layers, f"{family}{rank}D")(size, data_format="channels_first")(first),
    )
    check_config(ours, theirs)


def test_adaptive_pooling_to_the_same_size_changes_nothing():
    x = rand(2, 7, 3)  # Keras gives NaNs for this size
    for name in ("AdaptiveMaxPooling1D", "AdaptiveAveragePooling1D"):
        np.testing.assert_array_equal(getattr(kk.layers, name)(7)(x), x)


def test_adaptive_gradients_equal_keras():
    check("AdaptiveAveragePooling2D", rand(2, 6, 5, 3), (4, 3))
    check("AdaptiveMaxPooling1D", rand(2, 7, 3), 3)


def test_unknown_sizes_stay_unknown():
    x = kk.Input((None, None, 3))
    assert kk.layers.MaxPooling2D()(x).shape == (None, None, None, 3)
    assert kk.layers.GlobalAveragePooling2D()(x).shape == (None, 3)


def test_other_names_are_the_same_layers():
    assert kk.layers.MaxPool2D is kk.layers.MaxPooling2D
    assert kk.layers.AvgPool1D is kk.layers.AveragePooling1D
    assert kk.layers.GlobalMaxPool3D is kk.layers.GlobalMaxPooling3D


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: kk.layers.MaxPooling2D(0),
            r"The `pool_size` argument must be a tuple of 2 integers. Received pool_size=0",
        ),
        (lambda: kk.layers.MaxPooling2D(2, padding="sane"), "padding"),
        (lambda: kk.layers.MaxPooling2D(9, name="p")(rand(1, 5, 5, 3)), r"Layer 'p'.*pool_size"),
        (lambda: kk.layers.AdaptiveMaxPooling2D((2, 0)), "output_size"),
        (lambda: kk.layers.GlobalMaxPooling1D()(rand(2, 3)), "expected 3 dimensions"),
    ],
)
def test_errors_say_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()
