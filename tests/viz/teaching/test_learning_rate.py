"""The learning-rate finder: what it suggests, and that it leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import viz
from kernelkit.viz.teaching import learning_rate


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 4)).astype("float32")
    return x, (x @ np.array([[1.0], [-2.0], [0.5], [0.0]])).astype("float32")


def compiled(optimizer, *layers):
    model = kk.Sequential([kk.Input((4,)), *layers, kk.layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def everything(model):
    variables = (*model.variables, *model.optimizer.variables, *model.metrics_variables)
    return {v.path + str(i): v.numpy() for i, v in enumerate(variables)}


def same(before, after) -> bool:
    return before.keys() == after.keys() and all(np.array_equal(before[k], after[k]) for k in before)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_all_is_left_as_it_was_to_the_bit(optimizer, data):
    model = compiled(optimizer, kk.layers.BatchNormalization(), kk.layers.Dropout(0.5))
    model.fit(*data, epochs=1, verbose=0)
    before, history = everything(model), model.history
    found = viz.find_learning_rate(model, *data, steps=30)
    assert same(before, everything(model)) and model.history is history
    assert len(found.rates) == len(found.losses) == len(found.smoothed) <= 30


def test_a_model_that_was_never_trained_is_left_untrained(data):
    model = kk.Sequential([kk.layers.Dense(1, kernel_initializer="ones")])
    model.compile("adam", "mse")
    viz.find_learning_rate(model, *data, steps=12)
    assert (model.get_weights()[0] == 1).all()
    assert int(model.optimizer.iterations.numpy()) == 0
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_all_is_left_as_it_was_when_the_test_is_cut_short(error, data):
    model = compiled("adam")
    model.fit(*data, epochs=1, verbose=0)
    before, train, calls = everything(model), model.train_on_batch, []

    def failing(*arguments, **options):
        calls.append(1)
        if len(calls) == 5:
            raise error
        return train(*arguments, **options)

    object.__setattr__(model, "train_on_batch", failing)
    with pytest.raises(error):
        viz.find_learning_rate(model, *data, steps=20)
    assert len(calls) == 5 and same(before, everything(model))


def test_the_suggestion_trains_well(data):
    model = compiled("sgd")
    found = viz.find_learning_rate(model, *data)
    assert 1e-3 < found.suggestion < 1
    model.optimizer.learning_rate = found.suggestion
    losses = model.fit(*data, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
    assert found.plot()._repr_png_().startswith(b"\x89PNG") and f"{found.suggestion:.3g}" in repr(found)
    assert found.plot("plotly").layout.xaxis.type == "log"


def test_a_loss_that_never_falls_gives_no_suggestion():
    rates = np.geomspace(1e-4, 1, 20)
    assert learning_rate.suggest(rates, np.linspace(1, 2, 20)) is None
    assert learning_rate.suggest(rates, np.ones(20)) is None
    found = learning_rate.RangeTest(rates, np.ones(20), np.ones(20), None)
    assert "never fell" in found.plot().axes[0].get_title(loc="left")


def test_the_steepest_place_before_the_least_loss_is_suggested():
    rates = np.geomspace(1e-5, 1, 101)
    losses = 2 / (1 + (rates / 1e-2) ** 2) + rates**4 * 100  # falls fastest, over the logarithm, at 1e-2
    assert learning_rate.suggest(rates, losses) == pytest.approx(1e-2, rel=0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 1.0, "high": 0.1}, "0 < low < high"),
        ({"steps": 3}, "at least 10"),
        ({"y": np.zeros((3, 1))}, "as many samples"),
    ],
)
def test_arguments_are_checked(change, message, data):
    with pytest.raises(ValueError, match=message):
        viz.find_learning_rate(compiled("sgd"), **{"x": data[0], "y": data[1]} | change)


def test_what_cannot_be_tested_says_why(data):
    with pytest.raises(ValueError, match="compile"):
        viz.find_learning_rate(kk.Sequential([kk.layers.Dense(1)]), *data)
    schedule = kk.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model = compiled(kk.optimizers.SGD(schedule))
    model.fit(*data, epochs=1, verbose=0)
    before = everything(model)
    with pytest.raises(ValueError, match="cannot be changed"):
        viz.find_learning_rate(model, *data)
    assert same(before, everything(model))
