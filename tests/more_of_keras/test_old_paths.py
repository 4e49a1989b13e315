"""`preprocessing`, `utils.Config`, `utils.legacy`, `optimizers.legacy`, `config`: beside Keras where it runs."""

import copy
import json
import pickle
import random

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing import sequence as keras_sequence
from keras.src.legacy.preprocessing import text as keras_text

import kernelkit as kk

TEXTS = ["The cat sat on the mat.", "The dog! the log? the DOG", "one-two, three", ""]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_words": 4},
        {"num_words": 5, "oov_token": "<?>"},
        {"char_level": True},
        {"char_level": True, "lower": False},
        {"lower": False, "filters": "!"},
        {"split": "t"},
    ],
    ids=str,
)
def test_a_tokenizer_has_the_numbers_of_keras(options):
    own, theirs = kk.preprocessing.text.Tokenizer(**options), keras_text.Tokenizer(**options)
    for tokenizer in (own, theirs):
        tokenizer.fit_on_texts(TEXTS[:2])
        tokenizer.fit_on_texts(TEXTS[2:])
    new = [*TEXTS, "a cat and a bird"]
    assert own.texts_to_sequences(new) == theirs.texts_to_sequences(new)
    assert own.word_index == theirs.word_index and dict(own.index_docs) == dict(theirs.index_docs)
    numbers = own.texts_to_sequences(new)
    assert own.sequences_to_texts(numbers) == theirs.sequences_to_texts(numbers)
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(own.texts_to_matrix(new, mode), theirs.texts_to_matrix(new, mode))
    assert json.loads(own.to_json()) == json.loads(theirs.to_json())
    again = kk.preprocessing.text.tokenizer_from_json(theirs.to_json())
    assert again.texts_to_sequences(new) == numbers and dict(again.index_docs) == dict(own.index_docs)


def test_words_and_hashes_are_those_of_keras():
    for text in TEXTS:
        assert kk.preprocessing.text.text_to_word_sequence(text) == keras_text.text_to_word_sequence(text)
        assert kk.preprocessing.text.one_hot(text, 7) == keras_text.one_hot(text, 7)
        assert kk.preprocessing.text.hashing_trick(text, 9, "md5") == keras_text.hashing_trick(text, 9, "md5")


@pytest.mark.parametrize(
    "options",
    [{}, {"sampling_rate": 2}, {"stride": 3}, {"reverse": True, "start_index": 2}, {"end_index": 12, "batch_size": 2}],
    ids=str,
)
def test_windows_over_a_series_are_those_of_keras(options):
    data, targets = np.arange(40).reshape(20, 2), np.arange(20)
    options = {"length": 4, "batch_size": 3, **options}
    own = kk.preprocessing.sequence.TimeseriesGenerator(data, targets, **options)
    theirs = keras_sequence.TimeseriesGenerator(data, targets, **options)
    assert len(own) == len(theirs)
    for i in range(len(own)):
        for a, b in zip(own[i], theirs[i]):
            np.testing.assert_array_equal(a, b)
    config = own.get_config()
    assert json.loads(config["data"]) == data.tolist() and config["length"] == 4
    with pytest.raises(ValueError, match="disallowed"):
        kk.preprocessing.sequence.TimeseriesGenerator(data, targets, length=30)


def test_skipgrams_are_those_of_keras():
    table = kk.preprocessing.sequence.make_sampling_table(50)
    np.testing.assert_allclose(table, keras_sequence.make_sampling_table(50), rtol=1e-9)
    words = [1, 2, 0, 3, 4, 9, 2]
    for options in ({}, {"categorical": True, "window_size": 2}, {"negative_samples": 0, "seed": 3}):
        results = []
        for module in (kk.preprocessing.sequence, keras_sequence):
            random.seed(5)
            pairs, labels = module.skipgrams(words, 10, **options)
            results.append(sorted(zip(map(tuple, pairs), map(str, labels)), key=str))
        positives = [[p for p in r if p[1] in ("1", "[0, 1]")] for r in results]
        assert positives[0] == positives[1] and len(results[0]) == len(results[1])


@pytest.mark.parametrize("size", [(4, 4), (3, 9), (12, 5)])
def test_smart_resize_is_that_of_keras(size):
    x = np.random.default_rng(0).uniform(size=(2, 8, 12, 3)).astype("float32")
    own, theirs = (p.preprocessing.image.smart_resize(x, size) for p in (kk, keras))
    assert isinstance(own, np.ndarray)
    np.testing.assert_allclose(own, theirs, atol=1e-5)
    with pytest.raises(ValueError, match="tuple of 2 integers"):
        kk.preprocessing.image.smart_resize(x, 4)
    with pytest.raises(ValueError, match="incorrect rank"):
        kk.preprocessing.image.smart_resize(x[0, 0], (4, 4))


@pytest.mark.parametrize("package", [kk, keras])
def test_config(package):
    config = package.utils.Config(a=1, b="x")
    config.c = 2
    config["d"] = 3
    assert config.as_dict() == {"a": 1, "b": "x", "c": 2, "d": 3} == json.loads(config.to_json())
    assert list(config) == ["a", "b", "c", "d"] and len(config) == 4 and "a" in config
    assert config.pop("a") == 1 and config.pop("zz", 7) == 7 and config.get("q") is None
    config.update({"e": 4}, f=5)
    config.freeze()
    assert config.frozen
    for change in (
        lambda: setattr(config, "c", 9),
        lambda: config.__setitem__("c", 9),
        lambda: config.pop("c"),
        lambda: config.update(c=9),
        lambda: config.__delitem__("c"),
    ):
        with pytest.raises(ValueError, match="frozen"):
            change()
    with pytest.raises(AttributeError, match="Unknown attribute: 'nothing'"):
        config.nothing
    with pytest.raises(KeyError):
        config["nothing"]
    config.unfreeze()
    del config["f"]
    assert str(config) == "<Config {'b': 'x', 'c': 2, 'd': 3, 'e': 4}>"


def test_a_config_is_copied_whole_and_nested_ones_are_written():
    config = kk.utils.Config(inner=kk.utils.Config(x=1))
    config.freeze()
    for twin in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert twin.frozen and twin.inner.x == 1 and twin.inner is not config.inner
    assert json.loads(config.to_json()) == {"inner": {"x": 1}}


def test_old_configs_are_those_of_keras():
    for make in (
        lambda p: p.regularizers.L1L2(0.1, 0.2),
        lambda p: p.layers.Dense(3, activation="relu", name="d"),
        lambda p: p.optimizers.SGD(0.1),
        lambda p: p.activations.relu,
        lambda p: None,
    ):
        own, theirs = (p.utils.legacy.serialize_keras_object(make(p)) for p in (kk, keras))
        if isinstance(own, dict):
            assert own["class_name"] == theirs["class_name"]
            assert set(own["config"]) <= set(theirs["config"])
            assert json.dumps(own)
        else:
            assert own == theirs
    with pytest.raises(ValueError, match="get_config"):
        kk.utils.legacy.serialize_keras_object(3)


def test_old_configs_become_objects():
    class Mine:
        def get_config(self):
            return {}

    read = kk.utils.legacy.deserialize_keras_object
    dense = kk.layers.Dense(3, kernel_regularizer=kk.regularizers.L2(0.5), name="d")
    again = read(kk.utils.legacy.serialize_keras_object(dense), vars(kk.layers))
    assert (again.units, float(again.kernel_regularizer.l2), again.name) == (3, 0.5, "d")
    assert isinstance(read("Mine", custom_objects={"Mine": Mine}), Mine)
    assert read("f", {"f": len}) is len and read(None) is None
    with kk.utils.custom_object_scope({"Mine": Mine}):
        assert isinstance(read("Mine"), Mine)
    with pytest.raises(ValueError, match="Unknown layer: 'Dens'.*'Dense'"):
        read("Dens", vars(kk.layers), printable_module_name="layer")
    with pytest.raises(ValueError, match="Improper config"):
        read({"config": {}})
    assert kk.legacy.saving.deserialize_keras_object is read


def test_optimizers_of_keras_2_have_its_arguments():
    legacy = kk.optimizers.legacy
    optimizer = legacy.SGD(lr=0.5, decay=0.25, momentum=0.9)
    assert isinstance(optimizer, kk.optimizers.SGD) and isinstance(optimizer, legacy.Optimizer)
    model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1)])
    model.compile(optimizer, "mse")
    rates = []
    for _ in range(3):
        rates.append(float(optimizer.learning_rate))
        model.train_on_batch(np.ones((2, 1)), np.ones((2, 1)))
    np.testing.assert_allclose(rates, [0.5 / (1 + 0.25 * i) for i in range(3)], rtol=1e-6)
    assert float(legacy.Adam(0.01).learning_rate) == pytest.approx(0.01)


def test_the_engine_is_jax():
    kk.config.set_backend("jax")
    assert kk.config.is_nnx_enabled() is False
    with pytest.raises(ValueError, match="jax only"):
        kk.config.set_backend("tensorflow")
