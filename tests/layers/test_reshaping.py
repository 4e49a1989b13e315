"""Layers that change shapes, cut borders, pad and repeat, against Keras."""

import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check, rand

pytestmark = pytest.mark.one_in(3)

FIRST = {"data_format": "channels_first"}
CASES = [
    ("Flatten", (2, 3, 4), (), {}),
    ("Flatten", (2, 3), (), {}),
    ("Flatten", (2,), (), {}),
    ("Flatten", (2, 3, 4), (), FIRST),
    ("Reshape", (2, 3, 4), ((4, 3),), {}),
    ("Reshape", (2, 3, 4), ((-1, 2),), {}),
    ("Reshape", (2, 3, 4), ((12,),), {}),
    ("Permute", (2, 3, 4), ((2, 1),), {}),
    ("Permute", (2, 3, 4, 5), ((3, 1, 2),), {}),
    ("RepeatVector", (2, 3), (4,), {}),
    ("Cropping1D", (2, 6, 3), (1,), {}),
    ("Cropping1D", (2, 6, 3), ((2, 1),), {}),
    ("Cropping2D", (2, 6, 5, 3), (1,), {}),
    ("Cropping2D", (2, 6, 5, 3), ((2, 1),), {}),
    ("Cropping2D", (2, 6, 5, 3), (((2, 1), (0, 1)),), {}),
    ("Cropping2D", (2, 3, 6, 5), (((2, 1), (0, 1)),), FIRST),
    ("Cropping2D", (2, 6, 5, 3), (), {}),
    ("Cropping3D", (2, 4, 5, 6, 3), ((1, 2, 0),), {}),
    ("Cropping3D", (2, 3, 4, 5, 6), (((1, 0), (1, 2), (0, 3)),), FIRST),
    ("ZeroPadding1D", (2, 3, 4), (2,), {}),
    ("ZeroPadding1D", (2, 3, 4), ((1, 2),), FIRST),
    ("ZeroPadding2D", (2, 3, 4, 5), (), {}),
    ("ZeroPadding2D", (2, 3, 4, 5), ((1, 2),), {}),
    ("ZeroPadding2D", (2, 5, 3, 4), (((1, 2), (0, 1)),), FIRST),
    ("ZeroPadding3D", (2, 2, 3, 4, 5), ((1, 0, 2),), {}),
    ("UpSampling1D", (2, 3, 4), (3,), {}),
    ("UpSampling2D", (2, 3, 4, 2), ((2, 3),), {}),
    ("UpSampling2D", (2, 2, 3, 4), (2,), FIRST),
    ("UpSampling2D", (2, 3, 4, 2), (2,), {"interpolation": "bilinear"}),
    ("UpSampling2D", (2, 2, 3, 4), (2,), {"interpolation": "bilinear", **FIRST}),
    ("UpSampling2D", (2, 3, 4, 2), (2,), {"interpolation": "bicubic"}),
    ("UpSampling2D", (2, 3, 4, 2), (2,), {"interpolation": "lanczos3"}),
    ("UpSampling2D", (2, 3, 4, 2), (2,), {"interpolation": "lanczos5"}),
    ("UpSampling3D", (2, 2, 3, 2, 4), ((1, 2, 3),), {}),
    ("UpSampling3D", (2, 4, 2, 3, 2), (2,), FIRST),
]


@pytest.mark.parametrize(("name", "shape", "args", "options"), CASES)
def test_equals_keras(name, shape, args, options):
    check(name, rand(*shape), *args, **options)


def test_unknown_sizes_stay_unknown():
    layers = kk.layers
    assert layers.Flatten()(kk.Input((None, 3))).shape == (None, None)
    assert layers.Reshape((-1, 2))(kk.Input((None, 4))).shape == (None, None, 2)
    assert layers.UpSampling1D(2)(kk.Input((None, 4))).shape == (None, None, 4)
    assert layers.Reshape((3, 5))(kk.Input(batch_shape=(2, None))).shape == (2, 3, 5)
    assert layers.Reshape((3, 5))(kk.Input((None,), dtype="int32")).dtype == "int32"
    assert layers.ZeroPadding1D(1)(kk.Input((None, 4))).shape == (None, None, 4)


WRONG = [
    (lambda: kk.layers.Reshape((5,))(rand(2, 3)), "3 values"),
    (lambda: kk.layers.Reshape((5,))(kk.Input((3,))), "3 values"),
    (lambda: kk.layers.Reshape((-1, 2))(rand(2, 3)), "number of values must not change"),
    (lambda: kk.layers.Reshape((-1, -1)), "at most one unknown dimension"),
    (lambda: kk.layers.Reshape((-2, 5)), "non-negative integer"),
    (lambda: kk.layers.RepeatVector(0), "should be a positive integer"),
    (lambda: kk.layers.UpSampling1D(-1), "should be a positive integer"),
    (lambda: kk.layers.Cropping1D((1,)), "a pair for a single one"),
    (lambda: kk.layers.Permute((0, 1)), "Invalid permutation .* from 1 on"),
    (lambda: kk.layers.Permute((2, 1))(rand(2, 3)), "expected 3 dimensions"),
    (lambda: kk.layers.RepeatVector(2)(rand(2, 3, 4)), "expected 2 dimensions"),
    (lambda: kk.layers.Cropping1D(-1), "int >= 0"),
    (lambda: kk.layers.Cropping2D((1, 2, 3)), "2 spatial axes"),
    (lambda: kk.layers.Cropping1D(2)(rand(2, 4, 3)), "leaves nothing"),
    (lambda: kk.layers.Cropping2D(((3, 2), (0, 1)))(rand(1, 5, 6, 1)), "leaves nothing"),
    (lambda: kk.layers.ZeroPadding2D("same"), "padding must be"),
    (lambda: kk.layers.UpSampling2D(2, interpolation="area"), "interpolation must be one of"),
    (lambda: kk.layers.UpSampling2D((1, 2, 3)), "2 ints"),
]


@pytest.mark.parametrize(("run", "message"), WRONG)
def test_says_what_is_wrong(run, message):
    with pytest.raises(ValueError, match=message):
        run()


@pytest.mark.parametrize("make", [lambda: kk.layers.RepeatVector(2.0), lambda: kk.layers.UpSampling1D((2,))])
def test_counts_must_be_ints(make):
    with pytest.raises(TypeError, match="Expected an integer value"):
        make()


def test_ints_pass_through():
    ids = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(kk.layers.Reshape((3, 1))(ids), ids[..., None])
