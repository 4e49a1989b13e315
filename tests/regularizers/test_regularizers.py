"""Regularizers against Keras: values, gradients, configs, names."""

from __future__ import annotations

import inspect

import jax
import keras
import numpy as np
import pytest

from kernelkit import regularizers

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("L1L2", {}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values_gradients_and_configs_equal_keras(name, arguments):
    ours, theirs = getattr(regularizers, name)(**arguments), getattr(keras.regularizers, name)(**arguments)
    if "mode" not in arguments:
        np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-5)
        np.testing.assert_allclose(jax.grad(ours)(X), jax.grad(theirs)(X), rtol=1e-4, atol=1e-6)
    own, expected = regularizers.serialize(ours), keras.regularizers.serialize(theirs)
    assert own.pop("config") == pytest.approx(expected.pop("config"))  # some of Keras's numbers are rounded to float32
    assert own == expected
    again = regularizers.deserialize(regularizers.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


def test_columns_are_the_rows_of_the_transposed_matrix():
    # Keras scales rows where it should scale columns, and fails if there are not as many of both.
    ours = regularizers.OrthogonalRegularizer(0.5, "columns")
    np.testing.assert_allclose(ours(X), keras.regularizers.OrthogonalRegularizer(0.5)(X.T), rtol=1e-5)


@pytest.mark.parametrize("name", [n for n, v in vars(keras.regularizers).items() if inspect.isclass(v)])
def test_names_and_signatures_equal_keras(name):
    ours, theirs = getattr(regularizers, name), getattr(keras.regularizers, name)
    if name != "Regularizer":
        assert [*inspect.signature(ours).parameters] == [*inspect.signature(theirs).parameters]
        assert type(regularizers.get(name)) is ours


def test_identifiers():
    assert regularizers.get(None) is None and regularizers.get(abs) is abs
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.0, "l2": 0.0}
    with pytest.raises(ValueError, match="l2"):
        regularizers.get("l22")


@pytest.mark.parametrize(
    "call",
    [
        lambda family: family.L1(l1=-1.0),
        lambda family: family.L2(l2=float("nan")),
        lambda family: family.OrthogonalRegularizer(mode="diagonal"),
        lambda family: family.OrthogonalRegularizer()(X[0]),
    ],
)
def test_what_keras_refuses_is_refused(call):
    for family in (keras.regularizers, regularizers):
        with pytest.raises(ValueError):
            call(family)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
def test_a_penalty_of_zero_is_an_array(dtype):
    ours = regularizers.L1L2()(np.ones((2, 3), dtype))
    assert ours.shape == () and ours.dtype == ("float32" if dtype == "int32" else dtype) and ours == 0
    assert np.isfinite(regularizers.L1L2()(np.array([np.inf], "float32")))
