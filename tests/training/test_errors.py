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
