"""What ops say about arguments that cannot be, and what they take while a model is wired."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops

x34 = np.ones((3, 4), "float32")
ERRORS = [
    (lambda: ops.add(kk.Input((3,)), kk.Input((4,))), "Cannot broadcast shape"),
    (lambda: ops.matmul(x34, x34), "same size"),
    (lambda: ops.dot(x34, x34), "same size"),
    (lambda: ops.inner(x34, x34.T), "last dimension"),
    (lambda: ops.cdist(x34, x34.T), "points"),
    (lambda: ops.transpose(x34, (0, 0)), "valid permutation"),
    (lambda: ops.transpose(x34, (0,)), "same length"),
    (lambda: ops.moveaxis(x34, 5, 0), "axis 5 is out of bounds"),
    (lambda: ops.swapaxes(x34, 0, 5), "axis 5 is out of bounds"),
    (lambda: ops.unstack(x34, axis=2), "axis 2 is out of bounds"),
    (lambda: ops.concatenate([kk.Input((3,))] * 2, axis=2), "axis 2 is out of bounds"),
    (lambda: ops.unstack(kk.Input((3,))), "Cannot infer argument `num`"),
    (lambda: ops.reshape(x34, (-2, 4)), "non-negative integer"),
    (lambda: ops.reshape(x34, (-1, -1)), "at most one unknown dimension"),
    (lambda: ops.diagonal(x34, axis1=0, axis2=-2), "two different axes"),
    (lambda: kk.Input((3,))[:, 3], "index 3 is out of bounds"),
    (lambda: kk.Input((3,))[:, 0, 0], "more indices"),
    (lambda: ops.slice(x34, (0, 0), (1, 1, 1)), "must match the number of dimensions"),
    (lambda: ops.histogram(x34, bins=-1), "non-negative integer"),
    (lambda: ops.fft(x34), "should be a tuple of two tensors"),
    (lambda: ops.fft((x34, x34.T)), "should have the same shape"),
    (lambda: ops.rfft(1.0), "rank >= 1"),
    (lambda: ops.stft(x34, 2, 0, 2), "`sequence_stride` must be a positive integer"),
    (lambda: ops.stft(x34, 4, 1, 2), "`fft_length` must equal or"),
    (lambda: ops.segment_sum(x34, [0, 1]), "same leading dimension"),
    (lambda: ops.conv(x34[None], np.ones((1, 5, 2))), "input channels must match the kernel"),
    (lambda: ops.conv_transpose(x34[None], np.ones((1, 5, 2))), "input channels must match the kernel"),
    (lambda: ops.conv(x34[None], np.ones((9, 4, 2))), "zero or negative"),
    (lambda: ops.max_pool(x34[None], 9), "zero or negative"),
    (lambda: ops.batch_normalization(x34, np.ones(3), np.ones(4), -1), "`mean` must be a vector of length 4"),
    (lambda: ops.depth_to_space(np.ones((1, 2, 2, 4)), 0), "`block_size` must be at least 2"),
    (lambda: ops.convert_to_numpy(kk.Input((3,))), "no value"),
    (lambda: ops.scan(lambda c, x: (c, x), 0.0), "to scan over"),
    (lambda: ops.image.resize(x34, (2, 2)), "Invalid images rank"),
    (lambda: ops.image.resize(x34[None], (0, 2)), "positive height and width"),
    (lambda: ops.image.rgb_to_hsv(x34[None]), "must have 3 channels, but received images with 4"),
    (lambda: ops.image.rgb_to_grayscale(x34[None]), "Invalid channel size"),
    (lambda: ops.image.crop_images(x34[None], 0, 0, target_height=9, target_width=1), "bottom_cropping must be >= 0"),
    (lambda: ops.image.affine_transform(x34[None], np.ones((1, 1, 8))), "Invalid transform rank"),
    (lambda: ops.image.perspective_transform(x34[None], np.ones(4), np.ones(4)), "Invalid start_points shape"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=range(len(ERRORS)))
def test_wrong_arguments_are_value_errors_that_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_floats_stand_for_indices_while_a_model_is_wired():
    x, indices = kk.KerasTensor((None, 3)), kk.KerasTensor((None, 2))
    assert ops.take_along_axis(x, indices, axis=1).shape == (None, 2)
    assert ops.take(x, indices, axis=1).shape == (None, None, 2)
    assert ops.bitwise_and(x, x).shape == (None, 3)
    assert ops.scatter(kk.KerasTensor((5, 1)), kk.KerasTensor((5, 2)), (4, 2)).shape == (4, 2)


def test_sizes_that_depend_on_values_are_unknown_while_a_model_is_wired():
    x, ids = kk.KerasTensor((None, 3)), kk.KerasTensor((4,), dtype="int32")
    assert [t.shape for t in ops.unique(x, axis=1, return_inverse=True)] == [(None, None), (3,)]
    assert ops.segment_sum(x, ids).shape == (None, 3) and ops.segment_sum(x, ids, 5).shape == (5, 3)
    assert ops.slice(x, ids[:2], (-1, 2)).shape == (None, 2)
    assert ops.reshape(x, kk.KerasTensor((2,), dtype="int32")).shape == (None, None)
    assert ops.diagflat(x).shape == (None, None)


def test_images_of_unknown_size_take_the_target():
    x = kk.KerasTensor((None, None, None, 3))
    assert ops.image.pad_images(x, 2, 3, target_height=20, target_width=30).shape == (None, 20, 30, 3)
    assert ops.image.crop_images(x, 2, 3, target_height=5, target_width=6).shape == (None, 5, 6, 3)
    grid = ops.image.scale_and_translate(x, (None, 8, 8, 3), np.ones(2), np.zeros(2), (1, 2), "linear")
    assert grid.shape == (None, 8, 8, 3)


def test_unknown_channels_are_those_that_the_kernel_takes():
    assert ops.conv(kk.KerasTensor((2, 8, None)), kk.KerasTensor((3, 5, 4))).shape == (2, 6, 4)
    assert ops.conv_transpose(kk.KerasTensor((2, 8, None)), kk.KerasTensor((2, 4, 5)), 2).shape == (2, 16, 4)


def test_rms_scaling_warns_and_leaves_the_mean_in():
    with pytest.warns(UserWarning, match="deprecated"):
        result = ops.layer_normalization(np.array([3.0, 5.0], "float32"), rms_scaling=True, epsilon=0.0)
    np.testing.assert_allclose(result, [3.0, 5.0], rtol=1e-6)


def test_an_operation_of_the_user_has_a_config():
    class Power(kk.Operation):
        def __init__(self, exponent, *, scale=1.0, name=None):
            super().__init__(name)
            self.exponent, self.scale = exponent, scale

        def call(self, x):
            return self.scale * x**self.exponent

    power = Power(2, name="square")
    assert power.get_config() == {"exponent": 2, "scale": 1.0, "name": "square"}
    assert float(Power.from_config(power.get_config())(np.float32(3.0))) == 9.0
    assert isinstance(kk.layers.Dense(2), kk.Operation)
