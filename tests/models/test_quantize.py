"""Quantized models: files in both directions with Keras, calibration, training."""

import re
import warnings

import keras
import numpy as np
import pytest
from keras.src.quantizers.awq import AWQ
from keras.src.quantizers.gptq import GPTQ

import kernelkit as kk
from kernelkit.layers.quantized.calibrated import AWQCalibration, GPTQCalibration

pytestmark = pytest.mark.one_in(4)


def model(k):
    """A model with an embedding, attention and two blocks of Dense layers."""
    inputs = k.Input((5,), dtype="int32")
    x = k.layers.Embedding(11, 8, name="tokens")(inputs)
    x = k.layers.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de", name="heads")(x)
    x = k.layers.Reshape((-1, 8), name="flat")(x)
    block = k.Sequential([k.Input((None, 8)), k.layers.Dense(12, "relu", name="one")], name="block")
    return k.Model(inputs, k.layers.Dense(3, name="two")(block(x)))


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
def test_calibration_gives_the_weights_that_keras_finds(mode):
    rng = np.random.default_rng(2)
    x = (rng.normal(size=(40, 8)) * rng.uniform(0.1, 3, size=8)).astype("float32")
    kernel = rng.normal(size=(8, 5)).astype("float32")
    layers = []
    for k in (kk, keras):
        layer = k.layers.Dense(5)
        layer.build((None, 8))
        layer.set_weights([kernel, np.ones(5, "float32")])
        kind = k.quantizers.GPTQConfig if mode == "gptq" else k.quantizers.AWQConfig
        layer.quantize(config=(config := kind(None, None, group_size=4)))
        layers.append((layer, config))
    (mine, config), (other, theirs) = layers
    own = (GPTQCalibration if mode == "gptq" else AWQCalibration)(mine.form, config)
    for batch in (x[:25], x[25:]):
        own.see(batch)
    own.finish()
    mine.end_calibration()
    if mode == "gptq":
        oracle = GPTQ(other, theirs)
        see, finish = oracle.update_hessian_with_batch, oracle.quantize_and_correct_layer
    else:
        oracle = AWQ(other, theirs)
        see, finish = oracle.update_activation_magnitudes, oracle.quantize_layer
    for batch in (x[:25], x[25:]):
        see(batch)
    finish()
    np.testing.assert_allclose(mine.kernel_scale, other.kernel_scale, rtol=1e-5)
    steps = np.asarray(mine.kernel, int) - np.asarray(other.kernel, int)
    assert np.abs(steps).max() <= 1 >= np.count_nonzero(steps)  # one weight may lie just between two integers
    # Its weights load into layers that were made quantized. (Keras's own file would lack the zero points.)
    store = {}
    mine.save_own_variables(store)
    for k in (kk, keras):
        again = k.layers.Dense(5, dtype=mine.dtype_policy.name)
        again.build((None, 8))
        again.load_own_variables(store)
        np.testing.assert_allclose(again(x), mine(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["gptq", "awq"])
def test_a_model_is_calibrated_block_by_block(mode, tmp_path):
    own, _ = pair()
    before = own.predict(TOKENS, verbose=0)
    kind = kk.quantizers.GPTQConfig if mode == "gptq" else kk.quantizers.AWQConfig
    structure = {
        "pre_block_layers": [own.get_layer(name) for name in ("tokens", "heads", "flat")],
        "sequential_blocks": [own.get_layer("block"), own.get_layer("two")],
    }
    text = ["some text for calibration"]
    config = kind(
        text,
        lambda t: [ord(c) % 11 for c in t],
        group_size=4,
        num_samples=6,
        sequence_length=5,
        quantization_layer_structure=structure,
    )
    own.quantize(config=config, filters="one|two")
    for layer in (own.get_layer("block").layers[0], own.get_layer("two")):
        assert layer.is_gptq_calibrated
        assert layer.kernel.dtype == "uint8"
    assert own.get_layer("heads").quantization_mode is None
    after = own.predict(TOKENS, verbose=0)
    assert 0 < np.abs(after - before).mean() < 0.2 * np.abs(before).mean()
    own.save(tmp_path / "own.keras")
    read = kk.saving.load_model(tmp_path / "own.keras")
    np.testing.assert_array_equal(read.predict(TOKENS, verbose=0), after)


def test_lora_trains_beside_quantized_weights_and_is_merged_in_files(tmp_path):
    own, _ = pair()
    own.quantize("int8", filters="one|two")
    one = own.get_layer("block").layers[0]
    one.enable_lora(2)
    before = one.kernel.numpy()
    own.compile("sgd", "mse")
    own.fit(TOKENS, np.ones((4, 5, 3), "float32"), epochs=2, verbose=0)
    assert np.abs(one.lora_kernel_b.numpy()).max() > 0
    np.testing.assert_array_equal(one.kernel.numpy(), before)
    own.save_weights(tmp_path / "m.weights.h5")
    plain = model(kk)
    plain.quantize("int8", filters="one|two")
    plain.load_weights(tmp_path / "m.weights.h5")
    expected = own.predict(TOKENS)
    np.testing.assert_allclose(plain.predict(TOKENS), expected, rtol=0, atol=0.02 * np.abs(expected).max())


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


@pytest.mark.parametrize("scaled", [False, True])
def test_a_trained_model_forgets_the_moments_of_weights_that_are_gone(scaled, tmp_path):
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, name="a"), kk.layers.Dense(1, name="b")])
    optimizer = kk.optimizers.Adam(0.25, beta_1=0.5)
    model.compile(kk.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer, "mse")
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model.fit(x, x[:, :1], verbose=0)
    model.quantize("int8")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    moments = [v.path.partition("/")[2] for v in model.optimizer.variables if v.path.endswith(("momentum", "velocity"))]
    assert len(moments) == 4 and all("bias" in path for path in moments)
    assert int(model.optimizer.iterations) == 2 and float(model.optimizer.learning_rate) == 0.25
    model.save(tmp_path / "m.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = kk.models.load_model(tmp_path / "m.keras")
    assert int(loaded.optimizer.iterations) == 2
