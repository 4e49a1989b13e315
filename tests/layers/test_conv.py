"""Convolution layers: outputs, gradients and shapes equal to Keras's."""

import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check, check_config, equal, rand, twins

pytestmark = pytest.mark.one_in(5)

# The layer, the shape of the input, and its arguments.
CASES = [
    ("Conv1D", (2, 7, 3), {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}),
    ("Conv1D", (2, 7, 4), {"filters": 4, "kernel_size": 2, "strides": 2, "groups": 2, "activation": "relu"}),
    ("Conv2D", (2, 6, 5, 3), {"filters": 4, "kernel_size": (3, 2), "activation": "tanh"}),
    ("Conv2D", (2, 6, 5, 3), {"filters": 4, "kernel_size": 3, "strides": (2, 1), "padding": "same"}),
    ("Conv2D", (2, 6, 5, 4), {"filters": 6, "kernel_size": 2, "dilation_rate": (1, 2), "groups": 2}),
    ("Conv2D", (2, 3, 6, 5), {"filters": 4, "kernel_size": 2, "data_format": "channels_first", "use_bias": False}),
    ("Conv3D", (1, 4, 3, 4, 2), {"filters": 3, "kernel_size": 2, "strides": (1, 1, 2), "padding": "same"}),
    ("Conv1DTranspose", (2, 5, 3), {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}),
    ("Conv1DTranspose", (2, 5, 3), {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "activation": "relu"}),
    ("Conv2DTranspose", (2, 4, 3, 2), {"filters": 3, "kernel_size": (3, 2), "strides": 2}),
    (
        "Conv2DTranspose",
        (2, 4, 3, 2),
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1},
    ),
    ("Conv2DTranspose", (2, 2, 4, 3), {"filters": 3, "kernel_size": 2, "data_format": "channels_first"}),
    ("Conv3DTranspose", (1, 3, 2, 3, 2), {"filters": 2, "kernel_size": 2, "strides": 2, "use_bias": False}),
    ("DepthwiseConv1D", (2, 7, 3), {"kernel_size": 3, "depth_multiplier": 2, "strides": 2, "padding": "same"}),
    ("DepthwiseConv2D", (2, 6, 5, 3), {"kernel_size": (2, 3), "depth_multiplier": 2, "activation": "relu"}),
    ("DepthwiseConv2D", (2, 3, 6, 5), {"kernel_size": 2, "dilation_rate": 2, "data_format": "channels_first"}),
    ("SeparableConv1D", (2, 7, 3), {"filters": 4, "kernel_size": 3, "depth_multiplier": 2}),
    ("SeparableConv2D", (2, 6, 5, 3), {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}),
    ("SeparableConv2D", (2, 3, 6, 5), {"filters": 4, "kernel_size": 2, "data_format": "channels_first"}),
]


@pytest.mark.parametrize(("name", "shape", "options"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_equals_keras(name, shape, options):
    check(name, rand(*shape), **options)


# What else the arguments can be: outputs only.
MORE = [
    ("Conv1D", (1, 8, 4), 2, {"kernel_size": 3, "data_format": "channels_first"}),
    ("Conv1D", (1, 8, 4), 2, {"kernel_size": 3, "padding": "causal", "strides": 2}),
    ("Conv1D", (1, 8, 4), 2, {"kernel_size": 3, "padding": "same", "dilation_rate": 2}),
    ("Conv2D", (1, 6, 6, 2), 2, {"kernel_size": 1, "strides": 3, "padding": "same"}),
    ("Conv3D", (1, 4, 5, 5, 5), 2, {"kernel_size": 2, "data_format": "channels_first", "groups": 2}),
    ("Conv1DTranspose", (1, 4, 3), 2, {"kernel_size": 2, "strides": 3}),
    ("Conv1DTranspose", (1, 4, 3), 2, {"kernel_size": 5, "strides": 2, "output_padding": 0, "padding": "same"}),
    ("Conv2DTranspose", (1, 4, 4, 2), 2, {"kernel_size": 3, "strides": 2, "output_padding": (1, 0)}),
    ("Conv2DTranspose", (1, 4, 4, 2), 2, {"kernel_size": 4, "strides": 2, "padding": "same"}),
    ("Conv2DTranspose", (1, 4, 4, 2), 2, {"kernel_size": 3, "dilation_rate": 2, "padding": "same"}),
    ("Conv3DTranspose", (1, 3, 3, 3, 2), 2, {"kernel_size": 3, "padding": "same", "strides": (1, 2, 1)}),
    ("SeparableConv1D", (1, 8, 3), 2, {"kernel_size": 3, "dilation_rate": 2}),
    ("SeparableConv2D", (1, 7, 7, 3), 2, {"kernel_size": 3, "dilation_rate": 2, "padding": "same"}),
]


@pytest.mark.parametrize(("name", "shape", "filters", "options"), MORE)
def test_more_arguments_equal_keras(name, shape, filters, options):
    x = rand(*shape)
    ours, theirs = twins(name, filters, build=(None, *shape[1:]), **options)
    equal(ours(x), theirs(x))
    assert ours.compute_output_shape((None, *shape[1:])) == tuple(theirs.compute_output_shape((None, *shape[1:])))


@pytest.mark.parametrize("name", ["Conv2D", "Conv2DTranspose", "SeparableConv2D"])
def test_regularizers_constraints_and_initializers_are_kept(name):
    options = {"bias_regularizer": "l2", "bias_constraint": "non_neg", "activity_regularizer": "l1"}
    ours, theirs = twins(name, 4, 3, build=(None, 8, 8, 3), **options, bias_initializer="ones")
    check_config(ours, theirs)
    assert ours.bias.constraint is not None
    np.testing.assert_allclose(ours.losses[0], theirs.losses[0], rtol=1e-5)


def test_unknown_sizes_stay_unknown():
    x = kk.Input((None, None, 3))
    assert kk.layers.Conv2D(4, 3)(x).shape == (None, None, None, 4)
    assert kk.layers.Conv2DTranspose(4, 3, strides=2)(x).shape == (None, None, None, 4)
    assert kk.layers.SeparableConv2D(4, 3, padding="same")(x).shape == (None, None, None, 4)
    assert kk.layers.DepthwiseConv2D(3)(x).shape == (None, None, None, 3)


def test_lora_freezes_the_kernel_and_begins_as_it_was():
    x = rand(1, 6, 6, 3)
    layer = kk.layers.Conv2D(4, 3)
    before = layer(x)
    layer.enable_lora(2)
    equal(layer(x), before)
    assert [w.path.split("/")[-1] for w in layer.trainable_weights] == ["bias", "lora_kernel_a", "lora_kernel_b"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: kk.layers.Conv2D(0, 3),
            "argument `filters`. Expected a strictly positive value. Received filters=0. Give a",
        ),
        (
            lambda: kk.layers.Conv2D(4, (3, 3, 3)),
            r"kernel_size=\(3, 3, 3\). Give a positive integer or 2 of them.",
        ),
        (lambda: kk.layers.Conv2D(4, 3, padding="causal"), "padding"),
        (lambda: kk.layers.Conv2D(4, 3, padding="sam"), "'same'"),
        (lambda: kk.layers.Conv2D(4, 3, strides=2, dilation_rate=2), "dilation_rate"),
        (
            lambda: kk.layers.Conv2D(4, 3, groups=3),
            "evenly divisible by the number of groups. Received: groups=3, filters=4.",
        ),
        (lambda: kk.layers.Conv2D(4, 3, groups=2)(rand(1, 5, 5, 3)), "groups must divide the input's channels"),
        (lambda: kk.layers.Conv2D(4, 3, name="c")(rand(1, 5, 5)), r"Layer 'c' \(Conv2D\).*expected 4 dimensions"),
        (lambda: kk.layers.Conv2D(4, 7)(rand(1, 5, 5, 3)), "kernel_size"),
    ],
)
def test_errors_say_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("Conv2D", (2, 7, 6, 4), {"padding": "same", "strides": 2, "groups": 2}),
        ("Conv3D", (1, 4, 4, 4, 2), {}),
    ],
)
def test_a_subclass_changes_the_kernel_in_convolution_op(name, shape, options):
    def standardized(library):
        class Standardized(getattr(library.layers, name)):
            def convolution_op(self, inputs, kernel):
                kernel = library.ops.convert_to_tensor(kernel)
                axes = tuple(range(len(kernel.shape) - 1))
                mean, variance = library.ops.moments(kernel, axes=axes, keepdims=True)
                return super().convolution_op(inputs, (kernel - mean) / library.ops.sqrt(variance + 1e-5))

        layer = Standardized(4, 3, **options)
        layer.build(shape)
        return layer

    theirs, ours = standardized(keras), standardized(kk)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=w.shape).astype("float32") for w in ours.get_weights()]
    x = rng.normal(size=shape).astype("float32")
    theirs.set_weights(weights)
    ours.set_weights(weights)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_a_causal_convolution_asks_convolution_op_too():
    class Doubled(kk.layers.Conv1D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, 2 * kernel)

    x = np.random.default_rng(0).normal(size=(2, 9, 4)).astype("float32")
    plain, doubled = kk.layers.Conv1D(3, 2, padding="causal"), Doubled(3, 2, padding="causal")
    expected = plain(x)
    doubled.build(x.shape)
    doubled.set_weights(plain.get_weights())
    np.testing.assert_allclose(doubled(x), 2 * expected, rtol=1e-5, atol=1e-6)
