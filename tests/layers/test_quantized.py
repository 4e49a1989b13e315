"""Quantized layers: values, variables and files as Keras has them."""

import keras
import numpy as np
import pytest

import kernelkit as kk

pytestmark = pytest.mark.one_in(8)

LAYERS = {
    "dense": (lambda k: k.layers.Dense(6), (3, 10)),
    "plain dense": (lambda k: k.layers.Dense(5, use_bias=False, activation="relu"), (2, 3, 9)),
    "heads": (lambda k: k.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), (2, 4, 10)),
    "two axes": (lambda k: k.layers.EinsumDense("abcd,cde->abe", (None, 6), bias_axes="e"), (2, 4, 2, 5)),
    "other order": (lambda k: k.layers.EinsumDense("btd,ndh->bnth", (2, None, 3)), (2, 4, 10)),
    "embedding": (lambda k: k.layers.Embedding(7, 9), (2, 3)),
    "reversible": (lambda k: k.layers.ReversibleEmbedding(7, 9), (2, 3)),
    "untied": (lambda k: k.layers.ReversibleEmbedding(7, 9, tie_weights=False), (2, 3)),
}


def configs(k):
    q = k.quantizers
    return {
        "int8": q.Int8QuantizationConfig(),
        "int8 weights": q.Int8QuantizationConfig(activation_quantizer=None),
        "int4": q.Int4QuantizationConfig(),
        "int4/4": q.Int4QuantizationConfig(block_size=4),
        "int4 channels": q.Int4QuantizationConfig(block_size=None),
        "int4 inputs": q.Int4QuantizationConfig(block_size=None, activation_quantizer=q.AbsMaxQuantizer(axis=-1)),
        "float8": q.Float8QuantizationConfig(),
    }


def data(name, shape):
    rng = np.random.default_rng(3)
    if LAYERS[name][0](kk).__class__.__name__.endswith("Embedding"):
        return rng.integers(0, 7, shape)
    return rng.normal(size=shape).astype("float32")


def pair(name, lora=None):
    """Return kernelkit's and Keras's layer with the same weights."""
    make, shape = LAYERS[name]
    layers = [make(k) for k in (kk, keras)]
    for layer in layers:
        layer.build(shape)
        if lora:
            layer.enable_lora(lora)
    rng = np.random.default_rng(5)
    values = {}
    for layer in layers:
        for v in layer.variables:
            key = v.path.rpartition("/")[2]
            values.setdefault(key, rng.normal(size=v.shape).astype("float32"))
            v.assign(values[key])
    return layers


def saved(layer):
    store = {}
    layer.save_own_variables(store)
    return {key: np.asarray(value) for key, value in store.items()}


KEYS = [
    (name, config)
    for name in LAYERS
    for config in configs(kk)
    if not (config == "float8" and name in ("embedding", "reversible", "untied"))
]


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("name", "config"), KEYS)
def test_values_variables_and_files_are_those_of_keras(name, config):
    own, theirs = pair(name)
    x = data(name, LAYERS[name][1])
    for layer, k in ((own, kk), (theirs, keras)):
        layer.quantize(config=configs(k)[config])
    assert own.dtype_policy.name == theirs.dtype_policy.name
    assert own.quantization_mode == theirs.quantization_mode
    np.testing.assert_allclose(own(x), theirs(x), rtol=1e-5, atol=1e-5)
    if "rev" in name or name == "untied":
        y = np.random.default_rng(7).normal(size=(2, 3, 9)).astype("float32")
        np.testing.assert_allclose(own(y, reverse=True), theirs(y, reverse=True), rtol=1e-5, atol=1e-5)
    ours, keras_file = saved(own), saved(theirs)
    assert list(ours) == list(keras_file)
    for key, value in ours.items():
        assert (value.shape, value.dtype) == (keras_file[key].shape, keras_file[key].dtype)
        np.testing.assert_allclose(value, keras_file[key], rtol=1e-6, atol=1e-7)
    # A layer made from Keras's config takes Keras's file.
    settings = theirs.get_config()
    again = type(own).from_config(settings)
    again.build(LAYERS[name][1])
    again.load_own_variables(keras_file)
    np.testing.assert_allclose(again(x), theirs(x), rtol=1e-5, atol=1e-5)
