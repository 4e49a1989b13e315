"""Constraints against Keras: values, configs, names."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

from kernelkit import constraints

X = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
CASES = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 1.0, "axis": [0, 1]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.8, "rate": 0.3, "axis": [1, 2]}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": [0, 1]}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values_and_configs_equal_keras(name, arguments):
    ours, theirs = getattr(constraints, name)(**arguments), getattr(keras.constraints, name)(**arguments)
    for x in (X, np.zeros_like(X)):
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-6)
    assert ours.get_config() == theirs.get_config()
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)
    again = constraints.deserialize(constraints.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


@pytest.mark.parametrize("name", [n for n, v in vars(keras.constraints).items() if inspect.isclass(v)])
def test_names_and_signatures_equal_keras(name):
    ours, theirs = getattr(constraints, name), getattr(keras.constraints, name)
    if name != "Constraint":
        if inspect.signature(theirs).parameters:
            assert [*inspect.signature(ours).parameters] == [*inspect.signature(theirs).parameters]
        assert type(constraints.get(name)) is ours


def test_identifiers():
    assert constraints.get(None) is None and constraints.get(abs) is abs
    assert isinstance(constraints.get("non_neg"), constraints.NonNeg)
    with pytest.raises(ValueError, match="max_norm|MaxNorm"):
        constraints.get("max_norn")
