"""Losses, metrics, targets and weights for nested outputs, lined up as Keras lines them up."""

import collections

import keras
import numpy as np
import pytest

import kernelkit as kk

Pair = collections.namedtuple("Pair", ["left", "right"])
NESTS = {
    "list": lambda t: [t[0], t[1]],
    "dict": lambda t: {"b": t[0], "a": t[1]},
    "nest": lambda t: {"a": (t[0], t[1]), "b": t[2]},
    "lists": lambda t: [[t[0], t[1]], t[2]],
    "pair": lambda t: Pair(t[0], t[1]),
}
X = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
Y = [np.full((8, 1), value, "float32") for value in (0.5, -1.0, 2.0)]


def wired(package, nest):
    x = package.Input((3,))
    outputs = [
        package.layers.Dense(1, name=f"y{i}", kernel_initializer=package.initializers.Constant(0.1 * (i + 1)))(x)
        for i in range(3)
    ]
    return package.Model(x, NESTS[nest](outputs))


def history(package, nest, y, **settings):
    model = wired(package, nest)
    model.compile("sgd", **settings)
    return model.fit(X, y, batch_size=4, shuffle=False, verbose=0).history


@pytest.mark.parametrize(
    ("nest", "settings"),
    [
        ("list", {"loss": ["mse", ["mae"]], "loss_weights": [1.0, 2.0]}),
        ("dict", {"loss": {"a": "mse"}, "metrics": {"a": "mae", "b": ["mse"]}}),
        ("nest", {"loss": "mse"}),
        ("nest", {"loss": {"a": ("mse", None), "b": "mae"}, "metrics": {"a": ("mae", ["mse"]), "b": "mae"}}),
        ("lists", {"loss": [["mse", "mae"], "mse"], "weighted_metrics": [["mae", "mse"], "mae"]}),
        ("pair", {"loss": Pair("mse", "mae")}),
    ],
)
def test_histories_are_those_of_keras(nest, settings):
    y = NESTS[nest](Y)
    mine, theirs = history(kk, nest, y, **settings), history(keras, nest, y, **settings)
    assert set(mine) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(mine[name], values, rtol=1e-5, err_msg=name)


def test_a_loss_for_a_nest_is_given_the_nest():
    def distance(y_true, y_pred):
        assert type(y_true) is type(y_pred) is tuple and len(y_pred) == 2
        return kk.ops.mean(kk.ops.abs(y_true[0] - y_pred[0]) + kk.ops.abs(y_true[1] - y_pred[1]), axis=-1)

    told = history(kk, "nest", NESTS["nest"](Y), loss={"a": [distance, (None, "mse")], "b": "mae"})
    assert set(told) == {"loss", "a_loss", "a/y1_loss", "b_loss"}
    np.testing.assert_allclose(told["loss"], np.sum([told[k] for k in told if k != "loss"], axis=0), rtol=1e-6)


def test_targets_may_be_nested_otherwise_or_left_out_where_there_is_no_loss():
    whole = history(kk, "nest", NESTS["nest"](Y), loss="mse")
    np.testing.assert_array_equal(whole["loss"], history(kk, "nest", Y, loss="mse")["loss"])
    some = history(kk, "list", Y[1], loss={"y1": "mse"})
    np.testing.assert_allclose(some["loss"], whole["a/y1_loss"], rtol=1e-6)


def test_outputs_without_names():
    class Two(kk.Model):
        def __init__(self):
            super().__init__()
            self.one, self.other = kk.layers.Dense(1), kk.layers.Dense(1)

        def call(self, x):
            return [self.one(x), self.other(x)]

    model = Two()
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mae"]])
    assert set(model.fit(X, Y[:2], verbose=0).history) == {"loss", "mse_loss", "mae_loss", "mae", "mae_1"}


def test_compute_loss_may_hand_on_more_outputs_than_the_model_has():
    class Twice(kk.Model):
        def compute_loss(self, x, y, y_pred, sample_weight=None, **more):
            return super().compute_loss(x, y, [y_pred, y_pred], sample_weight, **more)

    x = kk.Input((3,))
    model = Twice(x, kk.layers.Dense(1)(x))
    assert isinstance(model, kk.models.Functional)
    model.compile("sgd", ["mse", "mae"])
    assert set(model.fit(X, Y[:2], verbose=0).history) == {"loss", "mse_loss", "mae_loss"}


def test_crossentropy_goes_by_the_shapes():
    labels = np.arange(8) % 3
    rows = []
    for loss in ("crossentropy", "sparse_categorical_crossentropy"):
        inputs = kk.Input((3,))
        layer = kk.layers.Dense(3, activation="softmax", kernel_initializer="ones")
        model = kk.Model(inputs, layer(inputs))
        model.compile("sgd", loss)
        rows.append(model.evaluate(X, labels, verbose=0))
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("nest", "settings", "message"),
    [
        ("list", {"loss": {"y0": "mse", "y7": "mae"}}, "'y7'.* can't be found in .*Expected keys: .*'y1'"),
        ("nest", {"loss": {"a": "mse", "b": {"d": "mae"}}}, r"\('b', 'd'\) .* can't be found in the model's output"),
        ("list", {"loss": ["mse", "mae", "mae"]}, "3 entries for 2 output"),
        ("list", {"loss": ["mse", "mae"], "loss_weights": [1.0]}, "must match the number of losses"),
        ("list", {"loss": "mse", "metrics": {"y7": "mae"}}, "Invalid `metrics`.*'y7'"),
        ("list", {"loss": "mse", "metrics": ["mae"]}, "Invalid `metrics`: it has 1 entries for 2 output"),
    ],
)
def test_errors_name_the_output(nest, settings, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        history(kk, nest, NESTS[nest](Y), **settings)


def test_targets_of_another_number():
    with pytest.raises(ValueError, match="y_true and y_pred have different structures"):
        history(kk, "list", Y, loss="mse")


def test_predict_goes_on_with_the_seeds():
    class Noise(kk.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = kk.random.SeedGenerator(7)

        def call(self, x):
            return x + kk.random.uniform(kk.ops.shape(x), seed=self.seeds)

    x = kk.Input((3,))
    model = kk.Model(x, Noise()(x))
    first = model.predict(X, batch_size=4)
    assert np.abs(first[:4] - X[:4] - (first[4:] - X[4:])).mean() > 0.01  # batches differ
    assert np.abs(first - model.predict(X, batch_size=4)).mean() > 0.01
    assert np.abs(model.predict_on_batch(X) - model.predict_on_batch(X)).mean() > 0.01


def test_an_array_of_two_numbers_is_no_loss_weight():
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    with pytest.raises(ValueError, match="must be a number"):
        model.compile("sgd", "mse", loss_weights=np.array([1.0, 2.0]))
