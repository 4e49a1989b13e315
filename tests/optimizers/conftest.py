"""Running an optimizer of kernelkit and the same of Keras side by side."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import optimizers

SHAPES = {"dense/kernel": (4, 3), "dense/bias": (3,), "conv/kernel": (2, 2, 3)}


def make_variables(package, shapes=SHAPES):
    """Variables of either package with the same paths and values."""
    rng = np.random.default_rng(7)
    made = []
    for path, shape in shapes.items():
        *scopes, name = path.split("/")
        with package.name_scope(scopes[0] if scopes else "model"):
            made.append(package.Variable(rng.normal(size=shape).astype("float32"), name=name))
    return made


def make_gradients(steps, shapes=SHAPES, scale=1.0):
    rng = np.random.default_rng(11)
    return [[scale * rng.normal(size=s).astype("float32") for s in shapes.values()] for _ in range(steps)]


def run_stateless(optimizer, variables, gradients):
    """The weights and the optimizer's arrays after each step, from one compiled `stateless_apply`."""
    optimizer.build(variables)
    step = jax.jit(optimizer.stateless_apply)
    weights = [jnp.asarray(v.value) for v in variables]
    state = [jnp.asarray(v.value) for v in optimizer.variables]
    history = []
    for gradient in gradients:
        weights, state = step(state, [jnp.asarray(g) for g in gradient], weights)
        history.append([np.asarray(a) for a in (*weights, *state)])
    return history


@pytest.fixture(name="make_variables")
def make_variables_fixture():
    return make_variables


@pytest.fixture(name="make_gradients")
def make_gradients_fixture():
    return make_gradients


@pytest.fixture(name="run_stateless")
def run_stateless_fixture():
    return run_stateless


@pytest.fixture
def assert_as_keras():
    """Check that an optimizer's weights and arrays equal Keras's after each of some steps."""

    def check(make, steps=5, prepare=lambda package, variables: None, scale=1.0, shapes=SHAPES):
        histories = []
        for package, family in ((kk, optimizers), (keras, keras.optimizers)):
            variables = make_variables(package, shapes)
            prepare(package, variables)
            histories.append(run_stateless(make(family), variables, make_gradients(steps, shapes, scale)))
        for number, (own, expected) in enumerate(zip(*histories, strict=True)):
            assert len(own) == len(expected)
            for i, (a, b) in enumerate(zip(own, expected, strict=True)):
                np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-6, err_msg=f"array {i} after step {number + 1}")

    return check
