"""Functional models drawn at random, with models in models and shared layers: both libraries read each other's wiring.

More of them: ``RANDOM_MODELS=100 pytest tests/models/test_random_nesting.py``.
"""

from __future__ import annotations

import os
import random

import keras
import numpy as np
import pytest

import kernelkit as kk

pytestmark = pytest.mark.one_in(3)

X = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


def build(package, rng, depth=0):
    """Return a model of inputs and outputs (6, 4), drawn by `rng`; the draws don't depend on the package."""
    lay = package.layers
    inputs = [package.Input((6, 4)) for _ in range(1 if depth else rng.choice([1, 2]))]
    pool = list(inputs)
    shared = [lay.Dense(4, name="shared")]
    steps = {
        "dense": lambda x, _: lay.Dense(4, "tanh")(x),
        "sequential": lambda x, _: lay.Add()([package.Sequential([lay.Dense(3), lay.Dense(4)])(x), x]),
        "shared": lambda x, _: rng.choice(shared)(x),
        "operators": lambda x, other: x * other - 0.5,
        "split": lambda x, _: lay.Concatenate()(package.ops.split(x, 2, axis=-1)[::-1]),
        "recurrent": lambda x, _: lay.LSTM(4, return_sequences=True, return_state=True)(x)[0],
        "masked": lambda x, _: lay.Bidirectional(lay.GRU(2, return_sequences=True))(lay.Masking(0.0)(x)),
        "attention": lambda x, other: lay.MultiHeadAttention(2, 2)(x, other),
        "slice": lambda x, _: lay.ZeroPadding1D((1, 0))(x[:, 1:]),
    }
    for number in range(rng.randint(2, 5)):
        x, other = rng.choice(pool), rng.choice(pool)
        kind = rng.choice([*steps, *["nested"] * (3 if depth < 2 else 0)])
        if kind == "nested":
            inner = build(package, rng, depth + 1)
            inner.name = f"inner_{depth}_{number}_{rng.randrange(10**6)}"
            shared.append(inner)
            pool.append(inner(x))
        else:
            pool.append(steps[kind](x, other))
    outputs = pool[-1] if depth else rng.sample(pool[len(inputs) :], min(2, len(pool) - len(inputs)))
    ends = {f"end{i}": t for i, t in enumerate(outputs)} if not depth and rng.random() < 0.3 else outputs
    return package.Model(inputs if len(inputs) > 1 else inputs[0], ends)


def outputs_of(model):
    x = [X + i for i in range(len(model.inputs))]
    return [np.asarray(a) for a in keras.tree.flatten(model(x if len(x) > 1 else x[0]))]


@pytest.mark.parametrize("seed", range(int(os.environ.get("RANDOM_MODELS", "5"))))
def test_wiring_goes_both_ways(seed, tmp_path):
    keras.utils.clear_session()
    theirs, ours = build(keras, random.Random(seed)), build(kk, random.Random(seed))
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    rng = np.random.default_rng(seed)
    weights = [0.3 * rng.normal(size=w.shape) for w in ours.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    wanted = outputs_of(theirs)
    theirs.save(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras")
    read = [
        ours,
        kk.models.load_model(tmp_path / "theirs.keras"),
        kk.models.load_model(tmp_path / "ours.keras"),
        keras.models.load_model(tmp_path / "ours.keras"),
        kk.models.clone_model(ours),
    ]
    read[-1].set_weights(weights)
    for model in read:
        for a, b in zip(outputs_of(model), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_outputs_that_a_nested_model_makes(calls):
    """Keras counts the calls of a nested model from 1 where they are outputs; a wrong count gives another call's."""
    found = []
    for package in (keras, kk):
        x, i = package.Input((2,)), package.Input((2,))
        double = package.Model(i, package.layers.Rescaling(2.0)(i), name="double")
        tensors = [x]
        for _ in range(calls):
            tensors.append(double(tensors[-1]))
        found.append(package.Model(x, [tensors[1], package.layers.Rescaling(1.0)(tensors[-1]), tensors[-1]]))
    for model in found:
        for package in (keras, kk):
            read = package.models.model_from_json(model.to_json())
            values = [np.asarray(a).tolist() for a in read(np.ones((1, 2), "float32"))]
            assert values == [[[2.0, 2.0]], [[2.0**calls] * 2], [[2.0**calls] * 2]]


def test_keras_2_counts_calls_of_nested_models_from_1():
    inner = {
        "name": "double",
        "layers": [
            {"class_name": "InputLayer", "name": "i", "config": {"batch_input_shape": [None, 2], "name": "i"}},
            {"class_name": "Rescaling", "name": "r", "config": {"name": "r", "scale": 2.0, "offset": 0.0}},
        ],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["r", 0, 0]],
    }
    inner["layers"][0]["inbound_nodes"], inner["layers"][1]["inbound_nodes"] = [], [[["i", 0, 0, {}]]]
    calls = [[["x", 0, 0, {}]], [["double", 1, 0, {}]]]
    layers = [
        {
            "class_name": "InputLayer",
            "name": "x",
            "config": {"batch_input_shape": [None, 2], "name": "x"},
            "inbound_nodes": [],
        },
        {"class_name": "Functional", "name": "double", "config": inner, "inbound_nodes": calls},
        {
            "class_name": "Add",
            "name": "add",
            "config": {"name": "add", "trainable": True, "dtype": "float32"},
            "inbound_nodes": [[["double", 1, 0, {}], ["double", 2, 0, {}]]],
        },
    ]
    config = {
        "name": "m",
        "layers": layers,
        "input_layers": [["x", 0, 0]],
        "output_layers": [["add", 0, 0], ["double", 2, 0]],
    }
    model = kk.Model.from_config(config)
    assert [np.asarray(a).tolist() for a in model(np.ones((1, 2), "float32"))] == [[[6.0, 6.0]], [[4.0, 4.0]]]
