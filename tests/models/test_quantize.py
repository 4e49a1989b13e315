"""Quantized models: files in both directions with Keras, calibration, training."""

import re

import keras
import numpy as np
import pytest

import kernelkit as kk


def model(k):
    """A model with an embedding, attention and two blocks of Dense layers."""
    inputs = k.Input((5,), dtype="int32")
    x = k.layers.Embedding(11, 8, name="tokens")(inputs)
    x = k.layers.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de", name="heads")(x)
    x = k.layers.Reshape((5, 8), name="flat")(x)
    x = k.layers.Dense(12, activation="relu", name="one")(x)
    return k.Model(inputs, k.layers.Dense(3, name="two")(x))


def pair():
    own, theirs = model(kk), model(keras)
    rng = np.random.default_rng(0)
    for mine, other in zip(own.weights, theirs.weights, strict=True):
        value = rng.normal(size=mine.shape).astype("float32")
        mine.assign(value)
        other.assign(value)
    return own, theirs


TOKENS = np.random.default_rng(1).integers(0, 11, (4, 5))


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantized_models_and_their_files_are_those_of_keras(mode, tmp_path):
    own, theirs = pair()
    for one in (own, theirs):
        one.quantize(mode, filters="^(?!tokens)" if mode == "float8" else None)
    np.testing.assert_allclose(own.predict(TOKENS), theirs.predict(TOKENS, verbose=0), rtol=1e-5, atol=1e-5)
    own.save(tmp_path / "own.keras")
    theirs.save(tmp_path / "theirs.keras")
    read = kk.saving.load_model(tmp_path / "theirs.keras")
    assert [layer.quantization_mode for layer in read.layers] == [layer.quantization_mode for layer in own.layers]
    np.testing.assert_array_equal(read.predict(TOKENS), own.predict(TOKENS))
    by_keras = keras.saving.load_model(tmp_path / "own.keras")
    np.testing.assert_allclose(by_keras.predict(TOKENS, verbose=0), own.predict(TOKENS), rtol=1e-5, atol=1e-5)
    own.save_weights(tmp_path / "own.weights.h5")
    theirs.load_weights(tmp_path / "own.weights.h5")


@pytest.mark.parametrize("mode", ["gptq", "awq"])
def test_calibration_gives_the_weights_that_keras_finds(mode, tmp_path):
    own, theirs = pair()
    for k, one in ((kk, own), (keras, theirs)):
        kind = k.quantizers.GPTQConfig if mode == "gptq" else k.quantizers.AWQConfig
        structure = {
            "pre_block_layers": [one.get_layer("tokens"), one.get_layer("heads"), one.get_layer("flat")],
            "sequential_blocks": [one.get_layer("one"), one.get_layer("two")],
        }
        config = kind(
            dataset=[np.arange(60) % 11],
            tokenizer=lambda x: x,
            group_size=4,
            num_samples=4,
            sequence_length=5,
            quantization_layer_structure=structure,
        )
        one.quantize(config=config, filters="one|two")
    for name in ("one", "two"):
        mine, other = own.get_layer(name), theirs.get_layer(name)
        assert mine.is_gptq_calibrated
        np.testing.assert_allclose(mine.kernel_scale, other.kernel_scale, rtol=1e-5)
        np.testing.assert_array_equal(mine.kernel, other.kernel)
    np.testing.assert_allclose(own.predict(TOKENS), theirs.predict(TOKENS, verbose=0), rtol=1e-4, atol=1e-4)
    own.save(tmp_path / "own.keras")
    for k in (kk, keras):
        again = k.saving.load_model(tmp_path / "own.keras")
        np.testing.assert_allclose(again.predict(TOKENS, verbose=0), own.predict(TOKENS), rtol=1e-5, atol=1e-5)


def test_lora_trains_beside_quantized_weights_and_is_merged_in_files(tmp_path):
    own, _ = pair()
    own.quantize("int8", filters="one|two")
    own.get_layer("one").enable_lora(2)
    own.get_layer("two").trainable = False
    before = own.get_layer("one").kernel.numpy()
    own.compile("sgd", "mse")
    own.fit(TOKENS, np.ones((4, 5, 3), "float32"), epochs=2, verbose=0)
    assert np.abs(own.get_layer("one").lora_kernel_b.numpy()).max() > 0
    np.testing.assert_array_equal(own.get_layer("one").kernel.numpy(), before)
    own.save_weights(tmp_path / "m.weights.h5")
    plain = model(kk)
    plain.quantize("int8", filters="one|two")
    plain.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(plain.predict(TOKENS), own.predict(TOKENS), rtol=0.1, atol=0.1)


def test_mistakes_are_told():
    own, _ = pair()
    structure = {"pre_block_layers": [], "sequential_blocks": []}
    gptq = kk.quantizers.GPTQConfig(None, None, quantization_layer_structure=structure)
    for arguments, words in (
        ({"mode": "int7"}, "Invalid quantization mode"),
        ({}, "either `mode` or `config`"),
        ({"mode": "int8", "filters": 3}, "regex"),
        ({"mode": "int8", "other": 3}, "Unrecognized"),
        ({"mode": "int8", "config": gptq}, "Contradictory"),
        ({"mode": "gptq"}, "GPTQConfig"),
        ({"config": gptq}, "dataset and a tokenizer"),
        ({"config": kk.quantizers.AWQConfig([1], str.split)}, "structure"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            own.quantize(**arguments)
    assert {layer.quantization_mode for layer in own.layers} == {None}
    with pytest.raises(ValueError, match="not built"):
        kk.Sequential([kk.layers.Dense(2)]).quantize("int8")
    own.quantize("int8")
    with pytest.raises(ValueError, match="already quantized"):
        own.quantize("int8")


def test_a_weight_that_waits_for_calibration_is_not_saved(tmp_path):
    layer = kk.layers.Dense(2)
    layer.build((None, 4))
    layer.quantize(config=kk.quantizers.GPTQConfig(None, None))
    with pytest.raises(ValueError, match="not calibrated"):
        layer.save_own_variables({})
