"""Dense and EinsumDense against Keras."""

import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check, equal, rand, share_weights, twins

pytestmark = pytest.mark.one_in(2)


@pytest.mark.parametrize("shape", [(4, 3), (4, 5, 3), (2, 3, 5, 3)])
@pytest.mark.parametrize("options", [{}, {"activation": "relu"}, {"use_bias": False}, {"activation": "softmax"}])
def test_dense_equals_keras(shape, options):
    check("Dense", rand(*shape), 6, **options)


def test_dense_with_regularizers_and_constraints_equals_keras():
    ours, theirs = check(
        "Dense",
        rand(4, 3),
        6,
        kernel_regularizer="l2",
        bias_regularizer="l1",
        activity_regularizer="l1",
        kernel_constraint="max_norm",
        bias_constraint="non_neg",
    )
    for mine, other in zip(ours.losses, theirs.losses, strict=True):
        equal(np.asarray(mine), np.asarray(other))


def test_dense_takes_ints():
    ours, theirs = twins("Dense", 2, build=(None, 3))
    x = np.arange(6).reshape(2, 3)
    equal(ours(x), theirs(x))


@pytest.mark.parametrize("units", [0, -1, 2.5, "a", True])
def test_dense_refuses_strange_units(units):
    with pytest.raises(ValueError, match="units must be a positive int"):
        kk.layers.Dense(units)


def test_dense_names_the_axis_whose_size_is_unknown():
    with pytest.raises(ValueError, match="size of the last axis"):
        kk.layers.Dense(2)(kk.Input((None,)))


EQUATIONS = [
    ("ab,bc->ac", 6, (4, 3), "c"),
    ("abc,cd->abd", (None, 6), (4, 5, 3), "d"),
    ("abc,cd->abd", (5, 6), (4, 5, 3), "bd"),
    ("...x,xy->...y", 6, (4, 5, 3), "y"),
    ("ab...,bc->ac...", 6, (4, 5, 3, 2), "c"),
    ("ab...,bc->ac...", (6, 3), (4, 5, 3), "c"),
    ("abc,cde->abde", (None, 2, 3), (4, 5, 3), "de"),
    ("abc,cde->abde", (None, 2, 3), (4, 5, 3), "e"),
    ("abc,cde->adbe", (2, None, 3), (4, 5, 3), "d"),
    ("...ab,bc->...ac", (5, 6), (4, 5, 3), "ac"),
    ("abc,cd->abd", (None, 6), (4, 5, 3), None),
]


@pytest.mark.parametrize(("equation", "output_shape", "shape", "bias_axes"), EQUATIONS)
def test_einsum_dense_equals_keras(equation, output_shape, shape, bias_axes):
    check("EinsumDense", rand(*shape), equation, output_shape, bias_axes=bias_axes, activation="tanh")


WRONG = [
    ("ab,bc", 6, (None, 3), None, "none of the forms"),
    ("ab...,bc->...ac", 6, (None, 3), None, "none of the forms"),
    ("abc,de->abd", 4, (None, 3, 7), None, "axis 'b'"),
    ("abc,cd->abd", (4, 6), (None, 5, 3), None, "axis 'b'.*5.*4"),
    ("ab,bc->ac", 6, (None, 3), "x", "letters of the output"),
    ("abc,cd->abd", (None, 6), (None, None, 3), "bd", "give the axes"),
    ("abc,cd->abd", (None, None), (None, 5, 3), None, "axis 'd' of the kernel"),
    ("abc,cd->abd", 6, (None, 3), None, "does not fit"),
]


@pytest.mark.parametrize(("equation", "output_shape", "shape", "bias_axes", "message"), WRONG)
def test_einsum_dense_says_what_is_wrong(equation, output_shape, shape, bias_axes, message):
    layer = kk.layers.EinsumDense(equation, output_shape, bias_axes=bias_axes)
    with pytest.raises(ValueError, match=message):
        layer.build(shape)


@pytest.mark.parametrize(
    ("name", "args", "x"),
    [
        ("Dense", (5,), rand(2, 4)),
        ("EinsumDense", ("abc,cde->abde", (None, 2, 3)), rand(2, 3, 4)),
        ("Embedding", (4, 5), np.array([[0, 3]])),
    ],
)
def test_lora_equals_keras(name, args, x):
    ours, theirs = twins(name, *args)
    for layer in (ours, theirs):
        layer.build((None, *x.shape[1:]))
        layer.enable_lora(2, lora_alpha=3)
    share_weights(ours, theirs)
    equal(ours(x), theirs(x))
    assert len(ours.trainable_weights) == len(theirs.trainable_weights)
    assert set(ours.get_config()) == set(theirs.get_config())
    assert {"lora_rank", "lora_alpha"} <= set(ours.get_config())
    stored, expected = {}, {}
    ours.save_own_variables(stored)
    theirs.save_own_variables(expected)
    assert set(stored) == set(expected)
    for key in stored:
        equal(stored[key], np.asarray(expected[key]))
    before = ours(x)
    ours.load_own_variables(stored)
    equal(ours(x), before)


def test_lora_as_an_argument_is_lora_enabled():
    layer = kk.layers.Dense(5, lora_rank=2, lora_alpha=3)
    layer.build((None, 4))
    assert (layer.lora_rank, layer.lora_alpha) == (2, 3)
    assert [w.shape for w in layer.trainable_weights] == [(5,), (4, 2), (2, 5)]
    assert kk.layers.Dense.from_config(layer.get_config()).get_config() == layer.get_config()


def test_lora_is_enabled_once_and_after_build():
    layer = kk.layers.Dense(2)
    with pytest.raises(ValueError, match="isn't yet built"):
        layer.enable_lora(1)
    layer.build((None, 3))
    before = layer(np.ones((1, 3), "float32"))
    layer.enable_lora(1)
    equal(layer(np.ones((1, 3), "float32")), before)
    with pytest.raises(ValueError, match="already enabled"):
        layer.enable_lora(1)


@pytest.mark.parametrize("equation", ["abc,cde->abde", "abcd,cde->abe", "abc,bcd->abd"])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_einsum_dense_begins_as_wide_as_keras(equation, mode):
    shapes = {"abc": (None, 16, 64), "abcd": (None, 10, 16, 32)}
    outputs = {"abde": (10, 32, 16), "abe": (10, 64), "abd": (16, 32)}
    options = {"output_shape": outputs[equation.partition("->")[2]]}
    if equation == "abc,cde->abde":
        options["output_shape"] = (16, 32, 16)
    spread = []
    for k in (kk, keras):
        initializer = k.initializers.VarianceScaling(1.0, mode, "untruncated_normal", seed=1)
        layer = k.layers.EinsumDense(equation, kernel_initializer=initializer, **options)
        layer.build(shapes[equation.partition(",")[0]])
        spread.append(np.std(np.asarray(layer.kernel)))
    np.testing.assert_allclose(*spread, rtol=0.05)


def test_lora_weights_are_attributes_and_regularized():
    layer = kk.layers.Dense(4, kernel_regularizer="l2")
    layer.build((None, 3))
    layer.enable_lora(2)
    assert (layer.lora_kernel_a.path, layer.lora_kernel_b.shape) == (f"{layer.name}/lora_kernel_a", (2, 4))
    assert len(layer.losses) == 2
    with pytest.raises(ValueError, match="incompatible with kernel constraints"):
        kk.layers.Dense(4, kernel_constraint="non_neg").enable_lora(2)
