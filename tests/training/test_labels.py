"""Labels that no class stands for are an error wherever they come from, and never a wrong number."""

import warnings

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import losses

X = np.random.default_rng(0).random((8, 3)).astype("float32")
GOOD = np.array([0, 1, 2, 3, 3, 2, 1, 0])
BAD = np.array([0, 1, 2, 3, 3, 2, 1, 9])
RANGE = "class labels from [01] to 9, but the model's output has 4 classes: labels must lie from 0 to 3"


def classifier(loss="sparse_categorical_crossentropy", units=4, activation="softmax"):
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(units, activation=activation)])
    model.compile("sgd", loss)
    return model


def stream(y, cast=np.asarray):
    return ((cast(X[i : i + 4]), cast(y[i : i + 4])) for i in (0, 4))


class Numbered(kk.utils.PyDataset):
    def __init__(self, y):
        super().__init__()
        self.y = y

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[index * 4 : index * 4 + 4], self.y[index * 4 : index * 4 + 4]


WAYS = {
    "fit": lambda m, y: m.fit(X, y, verbose=0),
    "fit on jax arrays": lambda m, y: m.fit(jax.numpy.asarray(X), jax.numpy.asarray(y), verbose=0),
    "fit on a column": lambda m, y: m.fit(X, y[:, None], verbose=0),
    "fit on floats": lambda m, y: m.fit(X, y.astype("float64"), verbose=0),
    "fit on a list": lambda m, y: m.fit(X, y.tolist(), verbose=0),
    "fit on a generator": lambda m, y: m.fit(stream(y), verbose=0),
    "fit on batches of jax": lambda m, y: m.fit(stream(y, jax.numpy.asarray), verbose=0),
    "fit on a PyDataset": lambda m, y: m.fit(Numbered(y), verbose=0),
    "validation_data": lambda m, y: m.fit(X, GOOD, validation_data=(X, y), verbose=0),
    "validation_data of batches": lambda m, y: m.fit(X, GOOD, validation_data=Numbered(y), verbose=0),
    "validation_split": lambda m, y: m.fit(X, y, validation_split=0.25, verbose=0),
    "evaluate": lambda m, y: m.evaluate(X, y, verbose=0),
    "evaluate on a generator": lambda m, y: m.evaluate(stream(y), verbose=0),
    "train_on_batch": lambda m, y: m.train_on_batch(X, y),
    "test_on_batch": lambda m, y: m.test_on_batch(X, y),
    "debug": lambda m, y: m.debug(X, y),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_label_outside_of_the_classes(way):
    WAYS[way](classifier(), GOOD)
    with pytest.raises(ValueError, match=RANGE):
        WAYS[way](classifier(), BAD)


def test_labels_of_a_memory_map(tmp_path):
    for name, y in (("good", GOOD), ("bad", BAD)):
        np.save(tmp_path / f"{name}.npy", y)
    classifier().fit(X, np.load(tmp_path / "good.npy", mmap_mode="r"), batch_size=2, verbose=0)
    with pytest.raises(ValueError, match="to 9, but the model's output has 4 classes"):
        classifier().fit(X, np.load(tmp_path / "bad.npy", mmap_mode="r"), batch_size=2, verbose=0)


@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        ([0, 1, 2, -1], r"-1 often marks positions to ignore: use SparseCategoricalCrossentropy\(ignore_class=-1\)"),
        ([0, 1, 2, 255], r"255 often marks positions to ignore: .*ignore_class=255"),
        ([0, 1, 2, -100], "ignore_class=-100"),
        ([1, 2, 3, 4], "if the lowest of all is 1, give y - 1"),
        ([0, 1, 2, 6], "Begin labels at 0, or give the last layer 7 units"),
        ([-1, -2, 0, 1], "Number the classes 0, 1, 2"),
        ([0, 1, 2, float("nan")], "NaN"),
    ],
)
def test_what_to_do_about_labels(labels, advice):
    with pytest.raises(ValueError, match=advice):
        classifier().evaluate(X[:4], np.array(labels), verbose=0)
    with pytest.raises(ValueError, match=advice):
        losses.SparseCategoricalCrossentropy()(np.array(labels), np.full((4, 4), 0.25))


def test_a_label_that_is_ignored_or_weighs_nothing_may_be_anything():
    y = np.array([0, 1, 2, 255, 255, 2, 1, 0])
    weights = np.where(y == 255, 0.0, 1.0)
    ignoring = losses.SparseCategoricalCrossentropy(ignore_class=255)
    one = classifier(ignoring).evaluate(X, y, verbose=0)
    two = classifier().evaluate(X, y, sample_weight=weights, verbose=0)
    assert np.isfinite([one, two]).all()
    classifier().fit(X, y, sample_weight=weights, verbose=0)
    classifier().train_on_batch(X, y, sample_weight=weights)
    classifier().fit(X, np.array([0, 1, 2, 3, 4, 2, 1, 0]), class_weight={4: 0.0}, verbose=0)
    assert float(losses.SparseCategoricalCrossentropy()(y, np.full((8, 4), 0.25), sample_weight=weights)) > 0
    with pytest.raises(ValueError, match="from [01] to 3, but the model's output has 3 classes"):
        classifier(ignoring, units=3).evaluate(X, np.where(y == 0, 3, y), verbose=0)


def test_positions_that_a_mask_leaves_out_may_hold_any_label():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Embedding(5, 3, mask_zero=True), kk.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.array([[1, 2, 0, 0]]), np.array([[0, 2, -1, -1]]), verbose=0)


def test_each_output_of_several_is_named():
    inputs = kk.Input((3,))
    outputs = {name: kk.layers.Dense(n, "softmax", name=name)(inputs) for name, n in (("a", 4), ("b", 10))}
    model = kk.Model(inputs, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, {"a": GOOD, "b": BAD}, verbose=0)
    with pytest.raises(ValueError, match="y for output 'a' holds class labels from 0 to 9"):
        model.evaluate(X, {"a": BAD, "b": BAD}, verbose=0)


def test_the_check_goes_by_what_a_loss_declares_and_not_by_its_name():
    class SparseRanking(losses.Loss):
        def call(self, y_true, y_pred):
            return kk.ops.mean(y_pred, axis=-1) * 0

    class Indexed(SparseRanking):
        takes_class_indices = True

    classifier(SparseRanking()).fit(X, BAD, verbose=0)
    with pytest.raises(ValueError, match=RANGE):
        classifier(Indexed()).fit(X, BAD, verbose=0)


def test_a_step_or_a_loss_of_the_users_own_is_not_judged():
    class Own(kk.Model):
        def __init__(self):
            super().__init__()
            self.dense = kk.layers.Dense(4, "softmax")

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return super().compute_loss(x, y % 4, y_pred, sample_weight)

    model = Own()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, BAD, verbose=0)


@pytest.mark.parametrize("loss", ["binary_crossentropy", losses.BinaryFocalCrossentropy(), "BinaryCrossentropy"])
@pytest.mark.parametrize(
    ("labels", "advice"),
    [([1, 2], "y - 1"), ([-1, 1], r"\(y \+ 1\) / 2"), ([0, 255], "y / 255"), ([0, 1, 2], "sparse_categorical")],
)
def test_labels_of_a_binary_loss(loss, labels, advice):
    y = np.resize(np.array(labels), 8).astype("float32")
    for way in ("fit", "fit on a generator", "evaluate", "train_on_batch", "validation_data"):
        model = classifier(loss, 1, "sigmoid")
        if way == "validation_data":
            with pytest.raises(ValueError, match=advice):
                model.fit(X, np.ones(8), validation_data=(X, y), verbose=0)
        else:
            with pytest.raises(ValueError, match=advice):
                WAYS[way](model, y)
    with pytest.raises(ValueError, match=advice):
        losses.BinaryCrossentropy()(y[:, None], np.full((8, 1), 0.5))


def test_probabilities_are_labels_of_a_binary_loss_and_noise_around_them_is_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier("binary_crossentropy", 1, "sigmoid").fit(X, np.linspace(0, 1, 8), verbose=0)
        losses.BinaryCrossentropy()(np.array([[1.04]]), np.array([[0.5]]))
    with pytest.warns(UserWarning, match="targets from 0 to 1.05"):
        classifier("binary_crossentropy", 1, "sigmoid").fit(X, np.linspace(0, 1.05, 8), verbose=0)


def test_the_values_of_single_samples_are_left_to_their_user():
    values = losses.SparseCategoricalCrossentropy(reduction="none")(np.array([0, 9]), np.full((2, 4), 0.25))
    np.testing.assert_allclose(values, [np.log(4), 0], rtol=1e-6)


def test_the_check_waits_for_no_batch(monkeypatch):
    from kernelkit.losses import labels

    model, read = classifier(), []
    original = labels.check_class_indices
    monkeypatch.setattr(
        "kernelkit.training.labels.check_class_indices",
        lambda y, *args: (read.append(type(y).__name__), original(y, *args)),
    )
    model.fit(X, GOOD, batch_size=2, epochs=3, verbose=0)
    assert read == ["ndarray"]  # once for all data
    read.clear()
    model.fit(Numbered(GOOD), epochs=3, verbose=0)
    assert read == ["ndarray"] * 6


@pytest.mark.parametrize("way", WAYS)
def test_a_label_that_is_no_whole_number(way):
    half = np.where(BAD == 9, 0.5, BAD)
    if way == "fit on floats":
        half = half.astype("float32")
    with pytest.raises(
        ValueError, match="holds 0.5, which is no class: labels of classes are whole numbers from 0 to 3"
    ):
        WAYS[way](classifier(), half)


def test_an_infinite_label():
    with pytest.raises(ValueError, match="Some labels are infinite"):
        classifier().fit(X, np.where(BAD == 9, np.inf, BAD), verbose=0)
    classifier().fit(X, GOOD.astype("float16"), verbose=0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_labels_of_every_kind_of_float_are_checked(dtype):
    model = classifier("sparse_categorical_crossentropy", 4, "softmax")
    loss = losses.SparseCategoricalCrossentropy()
    for value, error in ((1.5, "holds 1.5, which is no class"), (9, "holds class labels from 0 to 9")):
        y = np.array([value, *[0.0] * 7]).astype(jax.numpy.dtype(dtype))
        for check in (
            lambda y=y: model.fit(X, y, verbose=0),
            lambda y=y: model.evaluate(X, jax.numpy.asarray(y), verbose=0),
            lambda y=y: loss(y, np.full((8, 4), 0.25, "float32")),
        ):
            with pytest.raises(ValueError, match=error):
                check()
    with pytest.raises(ValueError, match="targets from 0 to 9"):
        losses.BinaryCrossentropy()(y[:, None], np.full((8, 1), 0.5))
    model.fit(X, np.arange(8).astype(jax.numpy.dtype(dtype)) % 4, verbose=0)
