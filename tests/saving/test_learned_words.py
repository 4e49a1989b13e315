"""Words that a layer has learned go where its model goes: into files, configs and copies."""

import numpy as np
import pytest

import kernelkit as kk

TEXTS = np.array(["the cat sat", "the dog", "a bird"])
WORDS = np.array(["cat", "dog", "bird"])
NUMBERS = np.array([7, 8, 7])
MODES = ["int", "one_hot", "multi_hot", "count", "tf_idf"]


def learned(kind, mode):
    layers = kk.layers
    if kind == "TextVectorization":
        layer = layers.TextVectorization(output_mode=mode, **({"output_sequence_length": 4} if mode == "int" else {}))
        layer.adapt(TEXTS)
        return layer, TEXTS, "string"
    layer = getattr(layers, kind)(output_mode=mode)
    data = WORDS if kind == "StringLookup" else NUMBERS
    layer.adapt(data[:, None])
    return layer, data, "string" if kind == "StringLookup" else "int64"


def model_of(kind, mode, shape, wired):
    layer, data, dtype = learned(kind, mode)
    x = kk.Input(shape, dtype=dtype)
    head = [kk.layers.Embedding(20, 3)] if mode == "int" else []
    head += [kk.layers.Flatten()] if mode == "int" and (shape or kind == "TextVectorization") else []
    head.append(kk.layers.Dense(2))
    if not wired:
        return kk.Sequential([x, layer, *head]), data.reshape(-1, *shape)
    tensor = layer(x)
    for one in head:
        tensor = one(tensor)
    return kk.Model(x, tensor), data.reshape(-1, *shape)


CASES = [
    (kind, mode, shape, wired)
    for kind in ("TextVectorization", "StringLookup", "IntegerLookup")
    for mode in MODES
    for shape in ((1,), ())
    for wired in ((True, False) if mode == "multi_hot" else (True,))
    if (mode != "one_hot" if kind == "TextVectorization" else shape or mode in ("int", "one_hot"))
]


@pytest.mark.parametrize(("kind", "mode", "shape", "wired"), CASES)
def test_a_model_with_an_adapted_layer_is_loaded(tmp_path, kind, mode, shape, wired):
    model, data = model_of(kind, mode, shape, wired)
    expected = model.predict(data, verbose=0)
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        again = kk.models.load_model(tmp_path / name)
        np.testing.assert_allclose(again.predict(data, verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["int", "multi_hot", "tf_idf"])
def test_json_texts_and_copies_keep_the_words(mode):
    model, data = model_of("TextVectorization", mode, (1,), wired=True)
    expected = model.predict(data, verbose=0)
    words = model.layers[1].get_vocabulary()
    copies = [kk.models.model_from_json(model.to_json()), kk.models.clone_model(model)]
    copies.append(
        kk.models.clone_model(model, clone_function=lambda layer: type(layer).from_config(layer.get_config()))
    )
    for copy in copies:
        assert copy.layers[1].get_vocabulary() == words
        copy.set_weights(model.get_weights())
        np.testing.assert_allclose(copy.predict(data, verbose=0), expected, atol=1e-6)
    copies[1].layers[1].adapt(["quite other words than before"])
    assert "quite" in copies[1].layers[1].get_vocabulary()
    assert model.layers[1].get_vocabulary() == words


def test_a_copy_has_the_very_functions_of_the_model():
    offset = kk.ops.ones((3,))

    def named(x):
        return x + offset

    layers = kk.layers
    model = kk.Sequential([kk.Input((3,)), layers.Lambda(lambda x: x * 2 + offset), layers.Lambda(named)])
    clone = kk.models.clone_model(model)
    np.testing.assert_array_equal(clone(np.ones((1, 3))), [[4, 4, 4]])


def test_an_announced_size_that_the_words_do_not_have_is_refused(tmp_path):
    import json
    import zipfile

    model, _ = model_of("StringLookup", "int", (1,), wired=True)
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    config["config"]["layers"][1]["config"]["vocabulary_size"] = 9
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        for name, data in (files | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match="announces a vocabulary of 9 tokens, but its file has 4"):
        kk.models.load_model(tmp_path / "bad.keras")


def test_files_of_ones_own_that_an_h5_file_cannot_hold_are_told(tmp_path):
    @kk.saving.register_keras_serializable(package="words")
    class Keeps(kk.layers.Layer):
        def save_assets(self, dir_path):
            pass

        def load_assets(self, dir_path):
            pass

        def call(self, x):
            return x

    model = kk.Sequential([kk.Input((3,)), Keeps(name="keeps"), kk.layers.Dense(1)])
    with pytest.warns(UserWarning, match="'keeps' .* saves files of its own"):
        model.save(tmp_path / "m.h5")
