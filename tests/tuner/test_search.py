"""Searches: what is chosen, how trials are run and judged, and what is left of them."""

from __future__ import annotations

import sys
import threading
import warnings

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.tuner import (
    BayesianOptimization,
    GridSearch,
    Hyperband,
    HyperModel,
    HyperParameters,
    Objective,
    RandomSearch,
    Tuner,
)

X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
Y = X @ np.array([[1.0], [-2.0], [0.5]], "float32")


def build(hp):
    model = kk.Sequential([kk.layers.Dense(1, use_bias=hp.Boolean("bias"))])
    model.compile(kk.optimizers.SGD(hp.Choice("rate", [0.1, 0.01, 1e-5])), "mse")
    return model


def values(tuner):
    return [tuple(result.values.values()) for result in tuner.results]


def states(tuner):
    return [result.state for result in tuner.results]


# Which values ---------------------------------------------------------------------------------------------------------


def test_a_grid_takes_each_combination_once_in_order_and_only_the_names_that_it_has():
    def kind(hp):
        if hp.Choice("model", ["mlp", "cnn"]) == "mlp":
            return hp.Int("units", 1, 2)
        return hp.Int("filters", 1, 5, step=2) + hp.Fixed("bias", 1)

    tuner = GridSearch(kind, "loss")
    tuner.search(verbose=0)
    assert values(tuner) == [("mlp", 1), ("mlp", 2), ("cnn", 1, 1), ("cnn", 3, 1), ("cnn", 5, 1)]
    tuner.search(verbose=0)
    assert len(tuner.results) == 5, "a grid that is finished stays so"
    with pytest.raises(ValueError, match="one trial at a time"):
        tuner.search(parallel=2)


def test_a_grid_goes_on_in_order_after_an_interrupt_and_after_values_given_by_hand():
    broken = [True]

    def product(hp):
        value = hp.Choice("a", [1, 2]) * hp.Choice("b", [1, 2])
        if value == 4 and broken.pop():
            raise KeyboardInterrupt
        return value

    tuner = GridSearch(product, "loss", max_trials=None)
    tuner.enqueue({"a": 2, "b": 1})
    with pytest.raises(KeyboardInterrupt):
        tuner.search(verbose=0)
    broken[:] = [False]
    tuner.search(verbose=0)
    assert values(tuner) == [(2, 1), (1, 1), (1, 2), (2, 1), (2, 2), (2, 2)]
    assert states(tuner) == ["complete"] * 4 + ["cut off", "complete"]


@pytest.mark.parametrize("search", [RandomSearch, BayesianOptimization, Tuner], ids=lambda c: c.__name__)
def test_equal_seeds_choose_equal_values_and_each_kind_of_value_lies_within_its_bounds(search):
    def everything(hp):
        found = [hp.Int("i", 2, 9, step=3), hp.Int("l", 1, 100, sampling="log"), hp.Float("f", -1, 1)]
        found += [hp.Float("s", 0, 1, step=0.3), hp.Float("p", 1e-4, 1, step=10, sampling="log")]
        assert found[0] in (2, 5, 8) and 1 <= found[1] <= 100 and -1 <= found[2] <= 1
        assert min(abs(found[3] - s) for s in (0, 0.3, 0.6, 0.9)) < 1e-9 and found[4] in (1e-4, 1e-3, 1e-2, 0.1, 1.0)
        return sum(found) + hp.Boolean("b")

    first, second, third = (search(everything, "loss", max_trials=12, seed=seed) for seed in (1, 1, 2))
    for tuner in (first, second, third):
        tuner.search(verbose=0)
    assert values(first) == values(second) != values(third)
    assert len(set(values(first))) > 8


def test_bayesian_optimization_comes_nearer_than_chance_and_avoids_what_gave_nan():
    def distance(hp):
        x = hp.Float("x", 0, 1)
        return float("nan") if x > 0.5 else abs(x - 0.2)

    tuner = BayesianOptimization(distance, "loss", max_trials=40, num_initial_points=10, seed=0)
    tuner.search(verbose=0)
    assert tuner.best.value < 0.02
    assert states(tuner)[20:].count("failed") < states(tuner)[:10].count("failed")


def test_hyperparameters_given_to_the_search_replace_those_that_are_asked_for():
    hp = HyperParameters()
    hp.Fixed("rate", 0.5)

    def total(hp):
        return hp.Float("rate", 0, 1) + hp.Int("units", 1, 9, default=4)

    tuner = RandomSearch(total, "loss", max_trials=3, hyperparameters=hp, tune_new_entries=False)
    tuner.search(verbose=0)
    assert [result.value for result in tuner.results] == [4.5] * 3
    assert tuner.hypermodel.build(tuner.get_best_hyperparameters()[0]) == 4.5
    tuner = RandomSearch(total, "loss", hyperparameters=hp, allow_new_entries=False, max_consecutive_failed_trials=1)
    with pytest.raises(RuntimeError, match="'units' is not one of those given to the search"):
        tuner.search(verbose=0)


def test_values_given_by_hand_come_next_and_wrong_ones_fail_in_their_trial_alone():
    tuner = RandomSearch(lambda hp: hp.Int("units", 1, 4) + hp.Choice("c", [1, 2]), "loss", max_trials=4, seed=0)
    for given in ({"units": 3}, {"units": 10**9}, {"c": "evil"}):
        tuner.enqueue(given)
    tuner.search(verbose=0)
    assert states(tuner) == ["complete", "failed", "failed", "complete"] and tuner.results[0].values["units"] == 3
    assert (
        tuner.results[1].ended
        == "ValueError: Hyperparameter 'units': 1000000000 is not one of its values: 1 to 4, integers."
    )
    assert tuner.results[2].ended == "ValueError: Hyperparameter 'c': 'evil' is not one of its values: 1, 2."


def test_hyperband_sets_the_epochs_and_ends_most_trials_early(capsys):
    seen = []

    class Model(HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, x, epochs, callbacks, level=0.0):
            """A training that costs nothing: its loss is its hyperparameter."""
            seen.append(epochs)
            for callback in callbacks:
                callback.set_model(model)
            model.stop_training = False
            loss = hp.Float("loss", 0, 1)
            for epoch in range(epochs):
                for callback in callbacks:
                    callback.on_epoch_end(epoch, {"loss": loss})
                if model.stop_training:
                    break

    tuner = Hyperband(Model(), "loss", max_epochs=9, seed=0, keep=0)
    tuner.search(X, epochs=50, verbose=0)
    assert tuner.max_trials == len(tuner.results) == 17 and set(seen) == {9}
    early = [r for r in tuner.results if r.state == "pruned"]
    assert len(early) >= 5 and {r.epochs for r in early} <= {1, 3, 9} and "pruned after epoch" in early[0].ended
    assert all(r.epochs == len(r.curve) == 9 for r in tuner.results if r.state == "complete")


# How trials are run ---------------------------------------------------------------------------------------------------


def test_a_model_is_trained_judged_by_its_best_epoch_and_given_back_with_that_epochs_weights(tmp_path):
    tuner = GridSearch(build, "val_loss", keep=2, directory=tmp_path)
    stopping = kk.callbacks.EarlyStopping("val_loss", patience=1, min_delta=100.0)
    tuner.search(X, Y, epochs=3, validation_split=0.25, batch_size=8, callbacks=[stopping], verbose=0)
    assert states(tuner) == ["complete"] * 6
    assert {r.epochs for r in tuner.results} == {2}, "each trial has a callback of its own"
    assert all(r.value == min(r.curve) and len(r.curve) == 2 for r in tuner.results)
    assert tuner.best.value == min(r.value for r in tuner.results)
    ranked = sorted(tuner.results, key=lambda r: r.value)[:2]
    for model, result in zip(tuner.get_best_models(2), ranked, strict=True):
        assert model.evaluate(X[24:], Y[24:], verbose=0) == pytest.approx(result.value, rel=1e-4)
        assert len(model.weights) == 1 + result.values["bias"]
    assert len(list((tmp_path / "search").glob("*.weights.h5"))) == 2
    with pytest.raises(ValueError, match="keep=6"):
        tuner.get_best_models(6)
    best = tuner.get_best_hyperparameters()[0]
    assert best.get("rate") == tuner.best.values["rate"]
    assert isinstance(tuner.hypermodel.build(best), kk.Sequential)


def test_a_trial_of_several_executions_is_worth_their_mean():
    numbers = iter([1.0, 3.0, 10.0, 20.0])
    tuner = RandomSearch(lambda hp: next(numbers), "loss", max_trials=2, executions_per_trial=2)
    tuner.search(verbose=0)
    assert [r.value for r in tuner.results] == [2.0, 15.0] and tuner.best.number == 0


@pytest.mark.parametrize(
    ("returned", "value"),
    [(3, 3.0), (np.float32(2), 2.0), ({"score": [1.0, 4.0, 2.0]}, 4.0), ({"score": 5, "loss": 0}, 5.0)],
    ids=["int", "float32", "dict of epochs", "dict"],
)
def test_a_function_that_trains_by_itself_returns_the_objective(returned, value):
    tuner = Tuner(lambda hp: returned, Objective("score", "max"), max_trials=1)
    tuner.search(verbose=0)
    assert tuner.best.value == value


def test_an_error_is_kept_with_its_trial_and_the_search_goes_on():
    def sometimes(hp):
        x = hp.Choice("x", [1, 2, 3, 4])
        if x in (1, 2):
            raise MemoryError(f"x is {x}")
        return x

    tuner = GridSearch(sometimes, "loss")
    tuner.search(verbose=0)
    assert states(tuner) == ["failed", "failed", "complete", "complete"] and tuner.best.value == 3
    assert tuner.results[1].ended == "MemoryError: x is 2" and "in sometimes" in tuner.results[1].traceback


def test_three_errors_in_a_row_end_the_search_with_the_last_one_as_the_cause():
    def always(hp):
        raise KeyError(hp.Int("x", 1, 9))

    tuner = RandomSearch(always, "loss", seed=0)
    with pytest.raises(RuntimeError, match="3 trials failed in a row, the last one with KeyError") as caught:
        tuner.search(verbose=0)
    assert isinstance(caught.value.__cause__, KeyError) and states(tuner) == ["failed"] * 3
    tuner = RandomSearch(always, "loss", max_trials=5, max_consecutive_failed_trials=None)
    tuner.search(verbose=0)
    assert states(tuner) == ["failed"] * 5 and tuner.best is None and tuner.get_best_models() == []


def test_a_trial_whose_loss_becomes_nan_ends_there_and_says_so():
    def diverging(hp):
        model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
        model.compile(kk.optimizers.SGD(hp.Choice("rate", [1e30, 0.01])), "mse")
        return model

    tuner = GridSearch(diverging, "loss", max_consecutive_failed_trials=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # the trial says it
        tuner.search(X, Y, epochs=4, batch_size=8, verbose=0)
    assert states(tuner) == ["failed", "complete"] and tuner.results[0].epochs == 1
    assert tuner.results[0].ended in ("loss is NaN after epoch 1", "loss is infinite after epoch 1")


@pytest.mark.parametrize(
    ("make", "args", "words"),
    [
        (lambda hp: None, (), "must return a compiled model, or the objective.* It returned None"),
        (lambda hp: "best", (), "It returned a str"),
        (lambda hp: {"accuracy": 1.0}, (), r"objective 'val_loss' is not in the returned logs: \['accuracy'\]"),
        (lambda hp: 1.0, (X, Y), "search\\(\\) was given data, but build\\(hp\\) returned a float"),
        (build, (X, Y), "'val_loss' is not in the logs of training, which have \\['loss'\\].*Pass validation data"),
    ],
    ids=["none", "text", "other dict", "data for a value", "no validation"],
)
def test_a_mistake_that_every_trial_would_make_ends_the_search_at_the_first(make, args, words):
    tuner = RandomSearch(make, "val_loss", max_trials=4)
    with pytest.raises(ValueError, match=words):
        tuner.search(*args, verbose=0)
    assert "complete" not in states(tuner) and "failed" not in states(tuner)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"hypermodel": None}, "function of hyperparameters that builds a new model, got None"),
        ({"hypermodel": kk.Sequential}, "builds a new model"),
        ({"objective": "val_quality"}, r"Objective\('val_quality', 'min'\)"),
        ({"objective": ["loss", "val_loss"]}, "one metric or an Objective"),
        ({"max_trials": 0}, "positive integer for max_trials, got 0"),
        ({"executions_per_trial": None}, "positive integer for executions_per_trial"),
        ({"sampler": "grid search"}, "sampler must be one of"),
        ({"pruner": "all"}, "pruner must be one of"),
        ({"project_name": "../elsewhere"}, "must be the name of a folder"),
        ({"storage": "sqlite://"}, "needs a project_name"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_argument_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        Tuner(**{"hypermodel": build, "objective": "loss"} | arguments)


def test_data_that_can_be_read_only_once_are_refused():
    with pytest.raises(ValueError, match="can be read only once"):
        RandomSearch(build, "loss").search(iter([(X, Y)]))


# Stopping -------------------------------------------------------------------------------------------------------------


class _At(kk.callbacks.Callback):
    """Does something once, in an epoch of a trial."""

    def __init__(self, epoch, do):
        super().__init__()
        self.epoch, self.do = epoch, do

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            self.do()


def test_one_trial_or_the_search_is_stopped_and_what_was_cut_off_is_run_again():
    tuner = GridSearch(build, "loss", max_trials=2)
    plan = iter([tuner.stop_trial, tuner.stop])

    def callbacks(hp):
        return _At(2, next(plan, lambda: None))

    tuner.search(X, Y, epochs=4, verbose=0, callbacks=callbacks)
    assert states(tuner) == ["complete", "cut off", "waiting"]
    assert (tuner.results[0].epochs, tuner.results[0].ended) == (2, "stopped by the user")
    assert tuner.results[0].value == min(tuner.results[0].curve)
    tuner.search(X, Y, epochs=4, verbose=0, callbacks=callbacks)
    assert states(tuner) == ["complete", "cut off", "complete"] and tuner.results[2].epochs == 4
    assert tuner.results[1].values == tuner.results[2].values


def test_a_function_that_was_told_of_no_stop_and_returns_is_complete():
    tuner = RandomSearch(lambda hp: tuner.stop() or 1.0, "loss", max_trials=5)
    tuner.search(verbose=0)
    assert states(tuner) == ["complete"]


def test_pages_that_send_nonsense_stop_nothing():
    tuner = RandomSearch(lambda hp: 1.0, "loss", max_trials=1)
    for content in (None, 3, [], {}, {"kind": "stop_trial"}, {"kind": "stop_trial", "trial": "0"}, {"kind": ["stop"]}):
        tuner._receive(content)
    tuner.search(verbose=0)
    assert states(tuner) == ["complete"]


def test_trials_in_parallel_are_as_many_as_asked_for_and_run_at_the_same_time():
    together = threading.Barrier(2, timeout=60)

    def meet(hp):
        together.wait()
        return hp.Float("x", 0, 1)

    tuner = RandomSearch(meet, "loss", max_trials=6)
    tuner.search(parallel=2, verbose=0)
    assert states(tuner) == ["complete"] * 6


def test_a_search_goes_on_from_max_trials_when_it_is_raised_and_ends_at_its_timeout():
    tuner = RandomSearch(lambda hp: hp.Float("x", 0, 1), "loss", max_trials=2)
    tuner.search(verbose=0)
    tuner.max_trials = 5
    tuner.search(verbose=0, timeout=0)
    assert len(tuner.results) == 2
    tuner.search(verbose=0)
    assert len(tuner.results) == 5 and len(set(values(tuner))) == 5


# What is told ---------------------------------------------------------------------------------------------------------


def test_a_line_tells_each_trial_and_tables_tell_the_search(capsys):
    def sometimes(hp):
        if hp.Choice("x", [0.5, 0.123456, 2.0]) == 2.0:
            raise OSError("two\nlines")
        return hp.get("x")

    tuner = GridSearch(sometimes, "loss")
    tuner.search()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("trial 0: loss 0.5 · 0 epochs") and lines[0].endswith("x 0.5 (best 0.5, trial 0)")
    assert lines[2].endswith("x 2 · OSError: two lines (best 0.1235, trial 1)")
    assert lines[3] == "Search done · 3 trials · 1 failed · best loss 0.1235 (trial 1)"
    tuner.results_summary(1)
    tuner.search_space_summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["trial", "loss", "state", "epochs", "seconds", "x"] and len(lines) == 3
    assert lines[2] == "x  0.5, 0.123456, 2.0"
    assert repr(tuner) == "<GridSearch for loss (min): 3 trials, best 0.1235 (trial 1)>"
    frame = tuner.frame()
    assert list(frame["hp.x"]) == [0.5, 0.123456, 2.0] and list(frame["state"]) == ["complete", "complete", "failed"]


def test_optuna_is_named_where_it_is_missing_and_not_imported_before(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    hp = kk.tuner.HyperParameters()
    assert hp.Int("units", 1, 2) == 1
    with pytest.raises(ImportError, match=r"pip install 'kernelkit\[tuner\]'"):
        Tuner(build, "loss")
    with pytest.raises(ImportError, match=r"pip install 'kernelkit\[tuner\]'"):
        Hyperband(build, "loss")
