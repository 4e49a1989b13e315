"""Initializers: fixed ones equal Keras's, random ones too, for the same seed."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import initializers

CLASSES = {n for n, v in vars(keras.initializers).items() if inspect.isclass(v)}
FIXED = [
    ("Zeros", {}, (2, 3)),
    ("Ones", {}, (2, 3)),
    ("Constant", {"value": 2.5}, (2, 3)),
    ("Identity", {}, (3, 3)),
    ("Identity", {"gain": 0.5}, (3, 4)),
    ("STFT", {}, (8, 1, 5)),
    ("STFT", {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True}, (8, 1, 5)),
    ("STFT", {"window": None, "scaling": None}, (6, 1, 9)),
]
RANDOM = [
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 1.0, "stddev": 2.0}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    ("TruncatedNormal", {"mean": 0.5, "stddev": 0.3}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {"input_axes": (0, 2), "output_axes": (1,)}),
    ("VarianceScaling", {}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"scale": 0.5, "mode": "fan_avg", "distribution": "untruncated_normal"}),
]
SHAPE = (5, 40, 60)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
@pytest.mark.parametrize(("name", "arguments", "shape"), FIXED)
def test_fixed_values_equal_keras(name, arguments, shape, dtype):
    if name in ("STFT", "Identity"):  # Keras computes the one in the dtype, and the other forgets an int dtype
        dtype = "float32"
    ours = getattr(initializers, name)(**arguments)(shape, dtype)
    theirs = getattr(keras.initializers, name)(**arguments)(shape, dtype)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    np.testing.assert_allclose(np.asarray(ours, "float32"), np.asarray(theirs, "float32"), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "arguments"), RANDOM)
def test_random_values_equal_keras(name, arguments):
    ours = np.asarray(getattr(initializers, name)(**arguments, seed=1)(SHAPE))
    theirs = np.asarray(getattr(keras.initializers, name)(**arguments, seed=1)(SHAPE))
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6 * theirs.std())


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 2, 7), (3, 0)])
def test_orthogonal_values_equal_keras(shape):
    ours, theirs = (np.asarray(i.Orthogonal(seed=2)(shape)) for i in (initializers, keras.initializers))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["RandomUniform", "RandomNormal", "TruncatedNormal"])
def test_random_values_of_16_bits(name, dtype):
    pairs = [np.asarray(getattr(i, name)(seed=1)((100,), dtype), "float32") for i in (initializers, keras.initializers)]
    np.testing.assert_allclose(*pairs, rtol=0.02, atol=1e-4)


def test_a_seed_generator_has_keras_s_stream():
    ours, theirs = (i.random.SeedGenerator(4) for i in (kk, keras))
    for _ in range(2):
        values = [
            np.asarray(i.RandomNormal(seed=s)((5,))) for i, s in ((initializers, ours), (keras.initializers, theirs))
        ]
        np.testing.assert_allclose(*values, rtol=1e-5)


@pytest.mark.parametrize("name", sorted({name for name, _ in RANDOM} | {"Orthogonal"}))
def test_draws_repeat_by_their_seed(name):
    cls = getattr(initializers, name)
    one, again, other = (np.asarray(cls(seed=s)((4, 6))) for s in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
    initializer = cls(seed=3)
    np.testing.assert_array_equal(initializer((4, 6)), initializer((4, 6)))
    assert not np.allclose(cls()((4, 6)), cls()((4, 6)))


def test_a_seed_generator_gives_new_numbers_each_time():
    generator = kk.random.SeedGenerator(1)
    initializer = initializers.RandomNormal(seed=generator)
    assert not np.allclose(initializer((3,)), initializer((3,)))


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 2, 7)])
def test_orthogonal_rows_or_columns(shape):
    matrix = np.asarray(initializers.Orthogonal(gain=2.0, seed=0)(shape)).reshape(-1, shape[-1])
    product = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


@pytest.mark.parametrize("name", sorted(CLASSES - {"Initializer"}))
def test_signatures_and_configs_equal_keras(name):
    ours, theirs = getattr(initializers, name), getattr(keras.initializers, name)
    arguments = {"seed": 7} if "seed" in inspect.signature(ours).parameters else {}
    own, expected = ours(**arguments), theirs(**arguments)
    if inspect.signature(theirs).parameters:
        assert [*inspect.signature(ours).parameters] == [*inspect.signature(theirs).parameters]
    else:
        with pytest.raises(TypeError, match="takes no arguments"):
            ours(3)
    if "dentity" not in name:  # Keras forgets the gain
        assert own.get_config() == expected.get_config()
        assert initializers.serialize(own) == keras.initializers.serialize(expected)
    again = initializers.deserialize(initializers.serialize(own))
    assert type(again) is ours and again.get_config() == own.get_config()


NAMES = {n for n, v in vars(keras.initializers).items() if n.islower() and inspect.isclass(v)}


@pytest.mark.parametrize("name", sorted(NAMES - {"constant"}))  # whose name Keras cannot make an initializer of
def test_get_by_name(name):
    assert type(initializers.get(name)).__name__ == type(keras.initializers.get(name)).__name__


def test_the_gain_of_the_identity_is_saved():
    again = initializers.deserialize(initializers.serialize(initializers.Identity(gain=2.0)))
    assert again.gain == 2.0


def test_get_other_identifiers():
    assert initializers.get(None) is None
    assert isinstance(initializers.get(initializers.HeNormal), initializers.HeNormal)
    constant = initializers.get({"class_name": "Constant", "config": {"value": 3.0}})
    assert float(constant(())) == 3.0
    np.testing.assert_array_equal(initializers.get(np.ones(2, "float32"))((2,)), [1, 1])
    with pytest.raises(ValueError, match="glorot_uniform|GlorotUniform"):
        initializers.get("glorot_unifrom")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: initializers.VarianceScaling(scale=-1.0), "positive"),
        (lambda: initializers.VarianceScaling(mode="fan"), "mode"),
        (lambda: initializers.VarianceScaling(distribution="cauchy"), "distribution"),
        (lambda: initializers.Orthogonal()((3,)), "matri|two"),
        (lambda: initializers.Identity()((3, 3, 3)), "matri|two"),
        (lambda: initializers.STFT(side="both"), "side"),
        (lambda: initializers.RandomNormal()((3,), "int32"), "float"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
