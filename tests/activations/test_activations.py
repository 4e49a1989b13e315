"""Activations against Keras: values, gradients, arguments, names."""

from __future__ import annotations

import inspect

import jax
import keras
import numpy as np
import pytest

from kernelkit import activations

pytestmark = pytest.mark.one_in(3)

X = (2 * np.random.default_rng(0).normal(size=(3, 6))).astype("float32")
NAMES = [n for n, v in vars(keras.activations).items() if inspect.isfunction(v)]
FUNCTIONS = [n for n in NAMES if n not in ("get", "serialize", "deserialize")]
ARGUMENTS = {
    "threshold": [(0.3, -1.0)],
    "relu": [(), (0.1, 2.0, 0.5), (0.2, None, 0.3), (0.0, 1.5)],
    "elu": [(), (0.5,)],
    "celu": [(), (2.0,)],
    "gelu": [(), (True,)],
    "glu": [(), (1,)],
    "leaky_relu": [(), (0.4,)],
    "softmax": [(), (0,), ((0, 1),)],
    "log_softmax": [(), (0,)],
    "squareplus": [(), (1.0,)],
    "hard_shrink": [(), (1.0,)],
    "soft_shrink": [(), (1.0,)],
}
CASES = [(name, args) for name in FUNCTIONS for args in ARGUMENTS.get(name, [()]) if name != "sparsemax"]


@pytest.mark.parametrize(("name", "args"), CASES)
def test_values_and_gradients_equal_keras(name, args):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    np.testing.assert_allclose(ours(X, *args), theirs(X, *args), rtol=1e-5, atol=1e-6)
    gradients = [jax.grad(lambda x, f=f: (f(x, *args) ** 2).sum())(X) for f in (ours, theirs)]
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-5)


def test_sparsemax_lies_on_the_simplex():
    # Keras's rows don't sum to one; the values are tested with ops.sparsemax.
    rows = np.asarray(activations.sparsemax(X))
    assert (rows >= 0).all() and (rows == 0).any()
    np.testing.assert_allclose(rows.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_names_and_signatures_equal_keras(name):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    shown = [[(p.name, p.default) for p in inspect.signature(f).parameters.values()] for f in (ours, theirs)]
    assert shown[0] == shown[1]
    assert activations.get(name) is ours
    assert activations.serialize(ours) == keras.activations.serialize(theirs)
    assert activations.deserialize(activations.serialize(ours)) is ours


def test_identifiers():
    assert activations.get(None) is activations.linear and activations.get(abs) is abs
    with pytest.raises(ValueError, match="relu"):
        activations.get("rellu")
