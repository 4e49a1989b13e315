"""Errors are part of the interface: who, what was expected, what came, what to do."""

import numpy as np
import pytest

import kernelkit as kk

X, Y = np.random.default_rng(0).random((40, 4), dtype="float32"), np.random.default_rng(1).integers(0, 3, 40)


def classifier(**compiled):
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(8), kk.layers.Dense(3, activation="softmax", name="head")])
    if compiled:
        model.compile(**compiled)
    return model


def said(error):
    return str(error.value) + " ".join(getattr(error.value, "__notes__", []))


def test_fit_before_compile():
    with pytest.raises(ValueError, match="model.compile"):
        classifier().fit(X, Y)


def test_unequal_lengths():
    model = classifier(loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"x has 40, y has 39"):
        model.fit(X, Y[:-1])


def test_a_missing_batch_axis():
    model = classifier(loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"x\[None\]"):
        model(X[0])


def test_wrong_width_names_the_model_and_both_shapes():
    with pytest.raises(ValueError) as error:
        classifier()(np.ones((2, 5), "float32"))
    assert "(2, 5)" in said(error) and "(None, 4)" in said(error)


def test_wrong_width_inside_a_model_names_the_layer_by_its_path():
    class Pair(kk.Model):
        def __init__(self):
            super().__init__(name="pair")
            self.inner = kk.layers.Dense(2, name="inner")

        def call(self, x):
            return self.inner(x)

    model = Pair()
    model(np.ones((2, 5), "float32"))
    with pytest.raises(ValueError) as error:
        model(np.ones((2, 6), "float32"))
    assert "pair/inner" in said(error) and "size 5, got 6" in said(error)


def test_wrong_rank():
    with pytest.raises(ValueError, match="expected 4 dimensions.*got 3"):
        kk.layers.Conv2D(4, 3)(np.ones((8, 28, 28), "float32"))


def test_wrong_dtype():
    with pytest.raises(TypeError, match="object"):
        classifier(loss="mse").fit(np.array([["a", 1.0]] * 4, dtype=object), Y[:4])


def test_a_loss_that_does_not_fit_says_which_one_does():
    model = classifier(loss="categorical_crossentropy")
    with pytest.raises(ValueError) as error:
        model.fit(X, Y, verbose=0)
    assert "sparse_categorical_crossentropy" in said(error)


@pytest.mark.parametrize(
    "compiled, right",
    [
        ({"loss": "sparse_categorical_crossentropi"}, "sparse_categorical_crossentropy"),
        ({"optimizer": "adamm", "loss": "mse"}, "adam"),
        ({"loss": "mse", "metrics": ["acuracy"]}, "accuracy"),
    ],
)
def test_unknown_names_suggest_the_nearest(compiled, right):
    with pytest.raises(ValueError, match=f"(?i)did you mean.*{right}"):
        classifier(**compiled).fit(X, Y, verbose=0)


def test_unknown_arguments_suggest_the_nearest():
    with pytest.raises(TypeError, match="Did you mean 'activation'"):
        kk.layers.Dense(3, activatoin="relu")
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        kk.layers.Dense(3, activation="rellu")
    with pytest.raises(AttributeError, match="Did you mean .*'layers'"):
        kk.layerz


def test_unknown_output_names():
    model = classifier()
    model.compile(loss={"haed": "sparse_categorical_crossentropy", "x": "mse"})
    with pytest.raises(ValueError, match="head"):
        model.fit(X, Y, verbose=0)


def test_nan_in_the_loss_says_at_which_batch():
    x = X.copy()
    x[21] = np.nan
    model = classifier(loss="sparse_categorical_crossentropy")
    with pytest.warns(RuntimeWarning, match="batch 3 of epoch 1"):
        model.fit(x, Y, batch_size=8, shuffle=False, verbose=0)


def test_class_labels_outside_of_the_classes_are_told():
    model = classifier(loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="(?i)label"):
        model.fit(X, Y + 3, verbose=0)


def test_nothing_is_trained_when_data_do_not_fit():
    model = classifier(loss="sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError):
        model.fit(X, np.ones((40, 7)), verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(X, Y, verbose=0)


def test_a_forgotten_super_init():
    class Bare(kk.layers.Layer):
        def __init__(self):
            self.units = 3

        def call(self, x):
            return x

    with pytest.raises(RuntimeError, match="super"):
        Bare()(X)


def test_an_exhausted_generator():
    def batches():
        yield X[:8], Y[:8]

    model = classifier(loss="sparse_categorical_crossentropy")
    source = batches()
    with pytest.warns(UserWarning, match="ended"):
        model.fit(source, epochs=2, verbose=0)
    with pytest.raises(ValueError, match="only once"):
        model.fit(source, verbose=0)


SAID = {
    "validation_split='a'": ({"validation_split": "a"}, "validation_split must lie between 0 and 1, got 'a'"),
    "validation_freq=0": ({"validation_data": (X, Y), "validation_freq": 0}, "validation_freq must be a whole number"),
    "validation_freq='a'": ({"validation_data": (X, Y), "validation_freq": "a"}, "or a list of numbers of epochs"),
    "validation lengths": ({"validation_data": (X, Y[:3])}, r"^fit\(validation_data\): all data .* y has 3"),
    "initial_epoch=-1": ({"initial_epoch": -1}, "initial_epoch must be at least 0, got -1"),
    "a class of callbacks": ({"callbacks": [kk.callbacks.History]}, r"make an object of it, History\(\.\.\.\)"),
    "a sample_weight of text": ({"sample_weight": "a"}, "sample_weight is a single string; data need"),
    "a number as class_weight": ({"class_weight": 2.0}, r"must be a dict \{class: weight\}"),
    "too few class weights": ({"class_weight": [1.0, 2.0]}, "weights for 2 classes, but y holds the class 2"),
    "a class weight of NaN": ({"class_weight": {0: np.nan}}, "weights are finite numbers, got nan for the class 0"),
}


@pytest.mark.parametrize("case", SAID)
def test_wrong_arguments_of_fit(case):
    arguments, message = SAID[case]
    model = classifier(loss="sparse_categorical_crossentropy")
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(X, Y, verbose=0, **arguments)


def test_epochs_to_validate_in():
    for frequency, epochs in ((2, [2, 4]), ([1, 4], [1, 4]), (np.array([3]), [3]), (np.int64(3), [3])):
        done = []
        told = kk.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, done=done: done.append(epoch + 1) if "val_loss" in logs else None
        )
        model = classifier(loss="sparse_categorical_crossentropy")
        model.fit(X, Y, verbose=0, epochs=4, callbacks=[told], validation_data=(X, Y), validation_freq=frequency)
        assert done == epochs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "mse", "loss_weights": "a"}, "`loss_weights` must be a number, or a list or dict of numbers"),
        ({"loss": "mse", "metrics": [None]}, r"compile\(metrics=...\) holds None"),
        ({"loss": "mse", "optimizer": None}, "compiled without an optimizer.*model.compile"),
        ({"loss": {"haed": "mse"}}, r"\('haed',\) in the `loss` argument.*Expected keys: \['head'\]"),
        ({"loss": "mse", "metrics": {"haed": "mae"}}, r"\('haed',\) in the `metrics` argument"),
        ({"loss": lambda y_true, y_pred: {"loss": y_pred}}, "returned a dict: let it return a tensor"),
        ({"loss": lambda y_true, y_pred: "loss"}, "returned a str: let it return a tensor"),
    ],
)
def test_wrong_arguments_of_compile(arguments, message):
    targets = np.zeros((40, 3), "float32")
    with pytest.raises(ValueError) as error:
        classifier(**{"optimizer": "sgd", **arguments}).fit(X, targets, verbose=0)
    error.match(message)
    model = classifier(optimizer=None, loss="mse")
    assert model.evaluate(X, targets, verbose=0) > 0 and model.predict(X).shape == (40, 3)


def test_targets_in_a_list_for_one_output():
    model = classifier(loss="mse")
    with pytest.raises(ValueError) as error:
        model.fit(X, [np.zeros((40, 3)), np.zeros((40, 3))], verbose=0)
    assert "y is a list of 2 arrays, but the model has one output" in said(error)
