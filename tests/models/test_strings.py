"""Models that begin with strings: a host stage in Python before the compiled step."""

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.feeds import make
from kernelkit.feeds.arrays import ArrayFeed
from kernelkit.feeds.row_batches import RowBatches
from kernelkit.models.host_stage import HostStage

layers = kk.layers
TEXTS = ["good film", "bad film", "very good", "so bad", "good good", "bad bad"]
LABELS = np.array([1, 0, 1, 0, 1, 0])


def vectorizer():
    layer = layers.TextVectorization()
    layer.adapt(TEXTS)
    return layer


def classifier(*first):
    model = kk.Sequential(
        [*first, layers.Embedding(10, 4), layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid")]
    )
    model.compile(kk.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def model():
    return classifier(kk.Input((), dtype="string"), vectorizer())


def test_a_model_of_texts_learns(model):
    history = model.fit(TEXTS, LABELS, epochs=15, batch_size=4, verbose=0, validation_data=(np.array(TEXTS), LABELS))
    assert history.history["val_accuracy"][-1] == 1
    assert model.evaluate(np.array(TEXTS), LABELS, verbose=0, return_dict=True)["accuracy"] == 1


def test_predictions_are_those_of_the_parts(model):
    ids = model.layers[0](TEXTS)
    rest = kk.Sequential(model.layers[1:])
    expected = rest.predict(ids)
    for texts in (TEXTS, np.array(TEXTS), np.array(TEXTS, dtype=object)[:, None], (text for text in [TEXTS])):
        np.testing.assert_allclose(model.predict(texts), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(TEXTS), expected, rtol=1e-5)
    np.testing.assert_allclose(model(np.array(TEXTS)), expected, rtol=1e-5)
    np.testing.assert_allclose(model(TEXTS), expected, rtol=1e-5)


def test_streams_of_texts(model):
    class Batches(kk.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return TEXTS[2 * i : 2 * i + 2], LABELS[2 * i : 2 * i + 2]

    batches = Batches()
    model.fit((batches[i] for i in range(3)), verbose=0)
    model.fit(batches, epochs=2, verbose=0, class_weight={0: 2.0})
    model.train_on_batch(TEXTS, LABELS)
    assert np.isfinite(model.test_on_batch(TEXTS, LABELS)).all()


def test_a_model_is_built_when_strings_come():
    model = classifier(vectorizer())
    model.fit(np.array(TEXTS), LABELS, verbose=0)
    assert model.input_shape == (None,)
    assert model.layers[0].output.dtype == "int32"


def test_one_program_for_fits_of_one_shape(model):
    model.predict(TEXTS)
    before = model._training.programs.made
    model.predict(TEXTS[::-1])
    assert model._training.programs.made == before
    assert hash(HostStage(model._graph)) == hash(HostStage(model._graph))


def test_models_inside_of_models():
    inner = classifier(kk.Input((), dtype="string"), vectorizer())
    outer = kk.Sequential([inner, layers.Dense(2)])
    outer.compile("sgd", "mse")
    before = np.array(inner.layers[-1].kernel.value)
    outer.fit(np.array(TEXTS), np.zeros((6, 2)), verbose=0)
    assert np.abs(inner.layers[-1].kernel.value - before).max() > 0
    np.testing.assert_allclose(outer.predict(TEXTS), outer(np.array(TEXTS)), rtol=1e-5)


def test_a_model_of_lookups_is_run_whole_before_the_step():
    text = kk.Input((1,), dtype="string")
    prepare = kk.Model(text, layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")(text))
    raw = kk.Input((1,), dtype="string")
    model = kk.Model(raw, layers.Dense(1)(prepare(raw)))
    assert model.predict(np.array(["x", "z"])).shape == (2, 1)


def test_strings_beside_numbers():
    kind, size = kk.Input((1,), dtype="string", name="kind"), kk.Input((1,), name="size")
    where = kk.Input((1,), dtype="int32", name="where")
    crossed = layers.HashedCrossing(8, output_mode="one_hot")([kind, where])
    encoded = layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")(kind)
    hashed = layers.Hashing(4, output_mode="one_hot")(where)
    joined = layers.Concatenate()([crossed, encoded, hashed, layers.Normalization(mean=1.0, variance=4.0)(size)])
    model = kk.Model({"kind": kind, "size": size, "where": where}, layers.Dense(1)(joined))
    model.compile("sgd", "mse")
    data = {"kind": np.array(["x", "y", "z"]), "size": np.array([1.0, 2, 3]), "where": np.array([7, 8, 9])}
    model.fit(data, np.ones(3), verbose=0)
    np.testing.assert_allclose(model.predict(data), model(data), rtol=1e-5)
    pandas = pytest.importorskip("pandas")
    assert model.predict(dict(pandas.DataFrame(data).items())).shape == (3, 1)


def test_integers_beyond_32_bits_come_before_the_step():
    large = layers.IntegerLookup(vocabulary=[5 * 10**9, 3])
    model = kk.Sequential([kk.Input((1,), dtype="int64"), large, layers.Embedding(4, 1)])
    ids = np.array([[5 * 10**9], [3], [705032704]])
    expected = np.array(model.layers[1].embeddings.value)[[1, 2, 0]][:, None]
    np.testing.assert_array_equal(model.predict(ids), expected)
    np.testing.assert_array_equal(model(ids), expected)
    small = kk.Sequential([kk.Input((1,), dtype="int64"), layers.IntegerLookup(vocabulary=[4, 3])])
    assert HostStage(small._graph).is_empty


def test_texts_that_are_large_as_vectors_are_prepared_batch_by_batch(monkeypatch):
    counter = layers.TextVectorization(output_mode="count")
    counter.adapt(TEXTS)
    model = kk.Sequential([kk.Input((), dtype="string"), counter, layers.Dense(1)])
    model.compile("sgd", "mse")
    expected = model.predict(TEXTS)
    monkeypatch.setattr(make, "CONVERTED_BYTES", 1)
    np.testing.assert_allclose(model.predict(TEXTS, batch_size=4), expected, rtol=1e-5)
    history = model.fit(np.array(TEXTS), LABELS, epochs=2, batch_size=4, verbose=0)
    assert len(history.history["loss"]) == 2


def test_shuffled_batches_have_each_row_once_in_another_order():
    batches = RowBatches((np.arange(10), np.arange(10) * 2), 3, shuffle=True, seed=1)
    first, second = (np.concatenate([x for x, _ in batches.open(number, 0)]) for number in range(2))
    assert batches.length == 4
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist()
    assert all((y == 2 * x).all() for x, y in batches.open(0, 0))


def test_what_cannot_be_is_told(model):
    with pytest.raises(TypeError, match="y holds strings"):
        model.fit(np.array(TEXTS), np.array(TEXTS))

    class Subclass(kk.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = vectorizer(), layers.Embedding(10, 2)

        def call(self, inputs):
            return self.second(self.first(inputs))

    subclassed = Subclass()
    assert subclassed(np.array(TEXTS)).shape == (6, 2, 2)
    with pytest.raises(TypeError, match="before they come to the model"):
        subclassed.predict(np.array(TEXTS))
    names = kk.Sequential([kk.Input((2,)), layers.Dense(1), layers.StringLookup(vocabulary=["a"], invert=True)])
    assert names(np.ones((1, 2))).shape == (1, 1)
    with pytest.raises(TypeError, match="makes strings from the outputs of layer"):
        names.predict(np.ones((1, 2)))
    echo = kk.Sequential([kk.Input((1,), dtype="int32"), layers.StringLookup(vocabulary=["a"], invert=True)])
    with pytest.raises(TypeError, match="gives strings"):
        echo.predict(np.ones((1, 1), "int32"))
    with pytest.raises(TypeError, match="Strings cannot be trained on"):
        next(ArrayFeed(np.array(TEXTS, dtype=object), 2).epoch(0))
