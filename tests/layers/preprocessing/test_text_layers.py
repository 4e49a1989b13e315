"""Text layers, lookups and hashes against what Keras answers where it has TensorFlow (see `keras_answers.py`)."""

import json
import pathlib

import jax
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.preprocessing.cases import CASES, CROSSINGS

ANSWERS = json.loads(pathlib.Path(__file__).with_name("keras_answers.json").read_text())


def equal(output, expected):
    output = np.asarray(output)
    assert list(output.shape) == expected["shape"]
    assert output.dtype.name == expected["dtype"]
    if output.dtype.kind == "f":
        np.testing.assert_allclose(output, np.array(expected["values"], "float32").reshape(output.shape), atol=1e-6)
    else:
        assert output.tolist() == expected["values"]


@pytest.mark.parametrize("name", CASES)
def test_answers_are_those_of_keras(name):
    question, expected = CASES[name], ANSWERS[f"cases/{name}"]
    layer = getattr(kk.layers, question["layer"])(**question["options"])
    if question["adapt"] is not None:
        layer.adapt(np.array(question["adapt"]))
    if expected["vocabulary"] is not None:
        assert layer.get_vocabulary() == expected["vocabulary"]
    for inputs, output in zip(question["calls"], expected["outputs"], strict=True):
        equal(layer(np.array(inputs)), output)
        equal(layer(inputs), output)  # lists
        assert shape_fits(layer.compute_output_shape(np.shape(inputs)), output["shape"])
    config = json.loads(json.dumps(layer.get_config()))
    assert {k: v for k, v in config.items() if k not in ("name", "dtype")} == expected["config"]


def shape_fits(shape, found):
    return len(shape) == len(found) and all(a is None or a == b for a, b in zip(shape, found, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_configs_of_keras_make_equal_layers(name):
    question, expected = CASES[name], ANSWERS[f"cases/{name}"]
    layer = getattr(kk.layers, question["layer"]).from_config(expected["config"])
    if question["adapt"] is not None:
        layer.adapt(question["adapt"])
    for inputs, output in zip(question["calls"], expected["outputs"], strict=True):
        equal(layer(inputs), output)
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config))).get_config()
    learned = {"vocabulary_size"} if question["adapt"] is not None else set()
    assert {k: v for k, v in again.items() if k not in learned} == {k: v for k, v in config.items() if k not in learned}


@pytest.mark.parametrize("name", CROSSINGS)
def test_crossings_are_those_of_keras(name):
    for bins, expected in zip((5, 100000), ANSWERS[f"crossings/{name}"], strict=True):
        output = kk.layers.HashedCrossing(bins)([np.array(column) for column in CROSSINGS[name]])
        assert np.asarray(output).tolist() == expected
        assert output.dtype == "int32"


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c["layer"] in ("IntegerLookup", "Hashing")])
def test_integers_are_looked_up_alike_in_compiled_code(name):
    question, expected = CASES[name], ANSWERS[f"cases/{name}"]
    layer = getattr(kk.layers, question["layer"])(**question["options"])
    if question["adapt"] is not None:
        layer.adapt(question["adapt"])
    for inputs, output in zip(question["calls"], expected["outputs"], strict=True):
        fits = np.array(inputs).dtype.kind == "i" and np.abs(inputs).max() <= 2**31
        if fits and not layer.host_only:
            equal(jax.jit(layer)(np.array(inputs, "int32")), output)
