"""The functions of `ops.image`, call by call as in Keras."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

from kernelkit import ops
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

pytestmark = pytest.mark.one_in(3)

_rng = np.random.default_rng(5)
_corners = np.array([[[0, 0], [0, 7], [5, 0], [5, 7]]] * 2, "float32")
ARRAYS = {
    "x_": _rng.uniform(size=(2, 6, 8, 3)).astype("float32"),
    "x_bytes": _rng.integers(0, 256, (2, 6, 8, 3)).astype("uint8"),
    "x_first": _rng.uniform(size=(2, 3, 6, 8)).astype("float32"),
    "x_volume": _rng.normal(size=(1, 4, 4, 5, 2)).astype("float32"),
    "x_large": _rng.uniform(size=(2, 12, 13, 3)).astype("float32"),
    "x_moves": np.array([[1, 0.1, 0.5, -0.1, 1, 0.2, 0, 0], [0.9, 0, -1, 0.1, 1.1, 0, 0, 0]], "float32"),
    "x_start": _corners,
    "x_end": (_corners + _rng.uniform(-1, 1, _corners.shape)).astype("float32"),
    "image": _rng.uniform(size=(6, 8, 3)).astype("float32"),
    "grid": _rng.uniform(-2, 8, (2, 5)).astype("float32"),
    "plane": _rng.normal(size=(6, 8)).astype("float32"),
    "np": np,
}
CASES = """
resize(x_,(3,4)) resize(x_,(9,10)) resize(x_,(4,4),"nearest") resize(x_,(4,5),"bicubic") resize(x_,(4,5),"lanczos3")
resize(x_,(3,4),antialias=True) resize(x_bytes,(4,5)) resize(x_,(4,4),crop_to_aspect_ratio=True) resize(image,(3,4))
resize(x_,(4,4),pad_to_aspect_ratio=True,fill_value=0.5) resize(x_first,(3,4),data_format="channels_first")
crop_images(x_,1,2,3,1) crop_images(x_,top_cropping=1,left_cropping=1,target_height=3,target_width=4)
crop_images(image,bottom_cropping=1,right_cropping=1,target_height=3,target_width=4) pad_images(x_,1,2,3,1)
pad_images(x_,bottom_padding=1,left_padding=2,target_height=9,target_width=12)
pad_images(x_first,1,0,1,0,data_format="channels_first")
scale_and_translate(image,(4,4,3),np.array([0.6,0.5],"float32"),np.array([0.5,-1.0],"float32"),(0,1),"linear")
scale_and_translate(image,(9,9,3),np.array([1.6,1.5],"float32"),np.array([0.0,1.0],"float32"),(0,1),"cubic",antialias=False)

affine_transform(x_,x_moves) affine_transform(x_,x_moves,"nearest",fill_value=0.5)
affine_transform(x_,x_moves,fill_mode="wrap") affine_transform(x_,x_moves,fill_mode="reflect")
affine_transform(x_,x_moves,fill_mode="nearest") affine_transform(x_,x_moves,fill_mode="mirror")
affine_transform(image,np.array([1,0,1,0,1,0,0,0],"float32"))
affine_transform(x_first,x_moves,data_format="channels_first") perspective_transform(x_,x_start,x_end)
perspective_transform(x_,x_start,x_end,"nearest",fill_value=0.3) map_coordinates(plane,grid,1)
map_coordinates(plane,grid,0,"nearest") map_coordinates(plane,grid,1,"reflect") map_coordinates(plane,grid,1,"wrap")
map_coordinates(plane,grid,1,"mirror") map_coordinates(plane,grid,1,"constant",2.0)

rgb_to_grayscale(x_) rgb_to_grayscale(x_bytes) rgb_to_grayscale(x_first,data_format="channels_first") rgb_to_hsv(x_)
hsv_to_rgb(x_) rgb_to_hsv(image) hsv_to_rgb(x_first,data_format="channels_first") sobel_edges(x_)
extract_patches(x_,(2,2)) extract_patches(x_,(3,2),strides=(1,2),padding="same") extract_patches(x_,2,dilation_rate=2)
extract_patches(x_first,2,data_format="channels_first") extract_patches_3d(x_volume,(2,2,2))
extract_patches_3d(x_volume,2,strides=1,padding="same") ssim(x_large,x_large*0.9) ssim(x_large,x_large*0.5,1.0,5,1.0)
"""


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops.image, keras.ops.image, ARRAYS)
    assert_same_symbols(call, ops.image, keras.ops.image, ARRAYS, values)


def test_every_function_is_tested():
    public = {name for name, value in vars(keras.ops.image).items() if inspect.isfunction(value)}
    assert sorted(public - functions(CASES) - {"elastic_transform", "gaussian_blur"}) == []


def test_elastic_transform_is_random_and_repeatable():
    x = ARRAYS["x_"]
    one, again, other = (np.asarray(ops.image.elastic_transform(x, seed=s)) for s in (1, 1, 2))
    assert one.shape == x.shape and one.dtype == x.dtype
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(ops.image.elastic_transform(x, alpha=0.0, seed=1), x, atol=1e-5)


def test_a_transform_may_be_projective():
    # Keras documents the last two numbers and leaves them out of the computation.
    y, x = np.mgrid[:6, :8].astype("float32")
    plane, k = ARRAYS["plane"], 0.02 * x + 0.01 * y + 1
    moved = ops.image.affine_transform(plane[..., None], [1, 0, 0.5, 0, 1, 0, 0.02, 0.01])[..., 0]
    np.testing.assert_allclose(moved, ops.image.map_coordinates(plane, [y / k, (x + 0.5) / k], 1), atol=1e-6)


def test_gaussian_blur_spreads_a_point_in_both_directions():
    # Keras blurs along one direction only.
    point = np.zeros((1, 9, 9, 2), "float32")
    point[0, 4, 4] = 1
    blurred = np.asarray(ops.image.gaussian_blur(point, (5, 3), (0.5, 2.0)))
    down, across = (np.exp(-0.5 * (np.arange(-n, n + 1) / s) ** 2) for n, s in ((2, 0.5), (1, 2.0)))
    expected = np.outer(down / down.sum(), across / across.sum())
    np.testing.assert_allclose(blurred[0, 2:7, 3:6, 1], expected, atol=1e-6)
    assert blurred.sum() == pytest.approx(2, rel=1e-5)
    first = ops.image.gaussian_blur(point.transpose(0, 3, 1, 2), (5, 3), (0.5, 2.0), "channels_first")
    np.testing.assert_allclose(first, blurred.transpose(0, 3, 1, 2), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.image.resize(ARRAYS["x_"], (3, 4), "linear"), "interpolation"),
        (lambda: ops.image.resize(ARRAYS["x_"], 3), r"\(height, width\)"),
        (lambda: ops.image.crop_images(ARRAYS["x_"], 1), "exactly two"),
        (lambda: ops.image.affine_transform(ARRAYS["x_"], ARRAYS["x_moves"], fill_mode="edge"), "fill_mode"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
