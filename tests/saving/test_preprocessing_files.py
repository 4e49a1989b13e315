"""Files with layers that learned from data: as Keras writes them, and ours laid out in the same way.

`keras_model.keras` was written by Keras (see `tests/layers/preprocessing/keras_answers.py`, which also tells what Keras
makes of a file of ours).
"""

import json
import pathlib
import zipfile

import h5py
import numpy as np
import pytest

import kernelkit as kk

HERE = pathlib.Path(__file__).parent.parent / "layers" / "preprocessing"
WRITTEN_BY_KERAS = HERE / "keras_model.keras"
ANSWERS = json.loads((HERE / "keras_model.json").read_text())
TEXTS = np.array(["the cat sat", "the dog", "", "Ein Fluß, breit", "the the cat"])
IDS = np.array([[7, 8], [7, 7], [9, 1], [1, 1], [0, 5]])
NUMBERS = np.array([[0.0, 7.0], [2.0, 9.0], [1.0, 3.0], [5.0, 5.0], [4.0, 4.0]], "float32")


@pytest.fixture(scope="module")
def model():
    return kk.models.load_model(WRITTEN_BY_KERAS)


def check(model):
    for run in (model, model.predict):
        for output, expected, name in zip(run([TEXTS, IDS, NUMBERS]), ANSWERS, model.output_names, strict=True):
            np.testing.assert_allclose(output, expected, atol=1e-6, err_msg=name)


def test_a_file_of_keras_is_read(model):
    check(model)


def test_what_was_learned_may_be_learned_anew(model, tmp_path):
    again = kk.models.clone_model(model)
    again.get_layer("words").adapt(["one two"])
    assert again.get_layer("words").get_vocabulary() == ["", "[UNK]", "two", "one"]


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_ours_is_read(model, tmp_path, zipped):
    path = tmp_path / ("model.keras" if zipped else "model")
    model.save(path, zipped=zipped)
    check(kk.models.load_model(path))


def test_weights_of_tokens_are_loaded_as_weights(model, tmp_path):
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    weighed = model.get_layer("weighed")._lookup_layer
    kept, weighed._idf = weighed._idf, weighed._idf * 0
    model.load_weights(path)
    np.testing.assert_array_equal(weighed._idf, kept)


def contents(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
        arrays = {}
        with archive.open("model.weights.h5") as file, h5py.File(file) as hdf5:
            hdf5.visititems(lambda name, item: arrays.update({name: item[()]} if hasattr(item, "shape") else {}))
    return members, arrays


def test_both_files_hold_the_same(model, tmp_path):
    model.save(tmp_path / "ours.keras")
    (ours, our_arrays), (theirs, their_arrays) = contents(tmp_path / "ours.keras"), contents(WRITTEN_BY_KERAS)
    assert set(ours) == set(theirs)
    for name in theirs:
        if name.startswith("assets/"):
            assert ours[name] == theirs[name]
    assert set(our_arrays) == set(their_arrays)
    for name, array in their_arrays.items():
        np.testing.assert_array_equal(our_arrays[name], array)
    configs = [json.loads(files["config.json"])["config"]["layers"] for files in (ours, theirs)]
    for mine, other in zip(*configs, strict=True):
        for config in (mine["config"], other["config"]):
            config.pop("dtype")
        assert mine["config"] == other["config"]


def test_a_token_of_several_lines_is_saved_in_the_config(tmp_path):
    layer = kk.layers.TextVectorization(split="character", standardize=None)
    layer.adapt(["a\nb"])
    model = kk.Sequential([kk.Input((), dtype="string"), layer])
    model.save(tmp_path / "model.keras")
    assert kk.models.load_model(tmp_path / "model.keras").layers[0].get_vocabulary() == layer.get_vocabulary()


def test_a_layer_that_learned_nothing_is_saved(tmp_path):
    model = kk.Sequential([kk.Input((), dtype="string"), kk.layers.TextVectorization()])
    model.save(tmp_path / "model.keras")
    layer = kk.models.load_model(tmp_path / "model.keras").layers[0]
    assert layer.vocabulary_size() == 2
    layer.adapt(["a"])
    assert layer(["a"]).tolist() == [[2]]


def test_a_vocabulary_of_a_file_becomes_a_part_of_the_model(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("a\nb")
    model = kk.Sequential([kk.Input((), dtype="string"), kk.layers.StringLookup(vocabulary=words)])
    model.save(tmp_path / "model.keras")
    words.unlink()
    assert kk.models.load_model(tmp_path / "model.keras")(np.array(["b"])).tolist() == [2]
