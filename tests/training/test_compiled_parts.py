"""A compiled model inside of another one: each reports the loss and the metrics of its own training."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers

RNG = np.random.default_rng(0)
X = RNG.random((32, 4), dtype="float32")
Y = RNG.integers(0, 2, 32)


def part():
    inputs = kk.Input((4,))
    model = kk.Model(inputs, layers.Dense(1, activation="sigmoid")(inputs), name="part")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    return model


class Around(kk.Model):
    def __init__(self, model):
        super().__init__()
        self.part = model

    def call(self, x):
        return self.part(x)


def functional(model):
    inputs = kk.Input((4,))
    return kk.Model(inputs, model(layers.Rescaling(2.0)(inputs)))


MODELS = {
    "functional": functional,
    "Sequential": lambda model: kk.Sequential([model]),
    "Sequential with an input": lambda model: kk.Sequential([kk.Input((4,)), layers.Dropout(0.5), model]),
    "subclass": Around,
    "twice nested": lambda model: kk.Sequential([functional(model)]),
    "in a layer": lambda model: kk.Sequential([layers.TimeDistributed(model), layers.Flatten()]),
}


@pytest.mark.one_in(2)
@pytest.mark.parametrize("kind", MODELS)
def test_the_loss_is_that_of_the_outer_model(kind):
    inner = part()
    model, x = MODELS[kind](inner), X
    if kind == "in a layer":
        x = X[:, None]
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    found = model.evaluate(x, Y, verbose=0, return_dict=True)
    p = np.asarray(model.predict(x, verbose=0)).ravel()
    expected = -np.mean(np.where(Y == 1, np.log(p), np.log(1 - p)))
    assert found["loss"] == pytest.approx(expected, rel=1e-4)
    assert found["accuracy"] == np.mean((p > 0.5) == Y)
    assert [m.name for m in model.metrics] == ["loss", "compile_metrics"]
    history = model.fit(x, Y, validation_data=(x, Y), verbose=0).history
    assert 0.1 < history["loss"][0] < 5 and 0.1 < history["val_loss"][0] < 5
    assert model.train_on_batch(x, Y)[0] > 0.1 and model.test_on_batch(x, Y)[0] > 0.1
    assert [m.name for m in inner.metrics] == ["loss", "compile_metrics"]


def test_metrics_of_layers_inside_of_a_part_are_reported_and_those_of_the_part_are_not():
    class Watching(layers.Layer):
        def __init__(self):
            super().__init__()
            self.mean = kk.metrics.Mean(name="mean_of_inputs")

        def call(self, x):
            self.mean.update_state(x)
            return x

    class Own(kk.Model):
        def __init__(self):
            super().__init__()
            self.watching, self.dense = Watching(), layers.Dense(1)
            self.own = kk.metrics.Mean(name="own")

        def call(self, x):
            return self.dense(self.watching(x))

    inner = Own()
    inner.compile("sgd", "mse", metrics=["mae"])
    inner.fit(X, Y, verbose=0)
    model = kk.Sequential([kk.Input((4,)), inner])
    model.compile("sgd", "mse")
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert set(found) == {"loss", "mean_of_inputs"}
    assert found["mean_of_inputs"] == pytest.approx(X.mean(), rel=1e-5)


def test_a_gan_that_is_trained_in_turns():
    generator = kk.Sequential([kk.Input((2,)), layers.Dense(4)])
    judge = kk.Sequential([kk.Input((4,)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")])
    judge.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    judge.trainable = False
    both = kk.Sequential([kk.Input((2,)), generator, judge])
    both.compile("adam", "binary_crossentropy")
    noise = RNG.random((16, 2), dtype="float32")
    for _ in range(2):
        real = judge.train_on_batch(X[:16], np.ones(16))
        before = [np.array(w) for w in judge.get_weights()]
        fooled = both.train_on_batch(noise, np.ones(16))
        assert real[0] > 0.1 and fooled > 0.1
        assert all(np.array_equal(a, b) for a, b in zip(before, judge.get_weights(), strict=True))
