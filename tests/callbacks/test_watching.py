"""Callbacks that watch a metric, beside Keras's."""

import math
import re

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import callbacks, optimizers
from kernelkit.callbacks import monitor


def logs(*values, name="val_loss"):
    return [{name: value} for value in values]


STOPPING = [
    ({"patience": 2, "restore_best_weights": True}, logs(3, 2, 2.5, 2.6, 1)),
    ({"patience": 2, "restore_best_weights": True}, logs(3, 2, 1)),
    ({"patience": 0}, logs(3, 4)),
    ({"patience": 0, "baseline": 2.5}, logs(3, 2, 1, 1)),
    ({"patience": 2, "baseline": 0.5, "restore_best_weights": True}, logs(3, 2, 1, 4)),
    ({"patience": 1, "start_from_epoch": 2, "restore_best_weights": True}, logs(3, 4, 5, 6, 7)),
    ({"patience": 1, "min_delta": 0.5}, logs(3, 2.8, 2.6, 2.4)),
    ({"patience": 1, "mode": "max", "monitor": "acc", "min_delta": 0.15}, logs(0.1, 0.3, 0.4, 0.5, name="acc")),
    ({"patience": 2}, logs(3, math.nan, math.nan, math.nan)),
]


@pytest.mark.parametrize(("settings", "values"), STOPPING, ids=range(len(STOPPING)))
def test_early_stopping_equals_keras(both, settings, values):
    (own, model, history), (theirs, expected, expected_history) = both(
        lambda family: family.EarlyStopping(**settings), values
    )
    assert len(history) == len(expected_history)
    assert model.stop_training == expected.stop_training
    assert float(model.weight.numpy()) == float(expected.weight.numpy())
    assert (own.best, own.best_epoch, own.stopped_epoch) == (theirs.best, theirs.best_epoch, theirs.stopped_epoch)


PLATEAUS = [
    ({"patience": 1}, logs(3, 3, 3, 3, 3)),
    ({"patience": 2, "cooldown": 2, "factor": 0.5, "min_lr": 0.04}, logs(*[3] * 9)),
    ({"patience": 1, "min_delta": 0.5, "monitor": "acc", "mode": "max"}, logs(0.1, 0.2, 0.9, 0.9, name="acc")),
    ({"patience": 3}, logs(3, 3, 3, 2, 2, 2, 2)),
]


@pytest.mark.parametrize(("settings", "values"), PLATEAUS, ids=range(len(PLATEAUS)))
def test_reduce_lr_on_plateau_equals_keras(both, settings, values):
    (_, _, history), (_, _, expected) = both(lambda family: family.ReduceLROnPlateau(**settings), values)
    assert [rate for rate, _ in history] == [rate for rate, _ in expected]
    for (_, own), (_, theirs) in zip(history, expected, strict=True):
        assert own == pytest.approx(theirs)


def test_a_first_nan_is_neither_the_best_value_nor_a_wait(both):
    """Keras keeps it as the best value, which no later one improves on."""
    first_nan = logs(math.nan, 3, 2, 2)
    (own, _, history), (theirs, _, expected) = both(lambda family: family.EarlyStopping(patience=1), first_nan)
    assert (len(history), own.best, own.best_epoch, own.stopped_epoch) == (4, 2, 2, 3)
    assert len(expected) == 2 and math.isnan(theirs.best)
    (_, _, history), (_, _, expected) = both(lambda family: family.EarlyStopping(patience=1), logs(*[math.nan] * 4))
    assert len(history) == len(expected) == 2
    (own, _, history), _ = both(lambda family: family.ReduceLROnPlateau(patience=1), first_nan)
    assert own.best == 2
    assert history[0][0] == history[2][0] > history[3][0]


@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate * 0.5, lambda epoch: 0.5 / (epoch + 1)])
def test_learning_rate_scheduler_equals_keras(both, schedule):
    (_, _, history), (_, _, expected) = both(lambda family: family.LearningRateScheduler(schedule), logs(1, 1, 1))
    assert [rate for rate, _ in history] == [rate for rate, _ in expected]
    assert history[-1][1] == pytest.approx(expected[-1][1])


def test_what_happens_is_said(pretend, capsys):
    for callback, said in (
        (callbacks.EarlyStopping(verbose=1, restore_best_weights=True), "Epoch 2: stopped early"),
        (callbacks.ReduceLROnPlateau(patience=1, verbose=1), "Epoch 2: val_loss no longer improves. .*: 0.01"),
        (callbacks.LearningRateScheduler(lambda epoch: 0.25, verbose=1), "Epoch 2: the learning rate is 0.25"),
    ):
        pretend.run(callback, logs(1, 2), pretend.model())
        assert re.search(said, capsys.readouterr().out)


def test_a_missing_metric_is_said_with_the_nearest_name(pretend):
    for callback in (callbacks.EarlyStopping("val_los"), callbacks.ReduceLROnPlateau("val_los")):
        with pytest.warns(UserWarning, match="no metric 'val_los', only val_loss.* Did you mean 'val_loss'"):
            pretend.run(callback, logs(1), pretend.model())


def test_early_stopping_may_watch_a_number_of_its_own(pretend):
    class Sum(callbacks.EarlyStopping):
        def get_monitor_value(self, logs):
            return logs["a"] + logs["b"]

    model = pretend.model()
    pretend.run(Sum(mode="min"), [{"a": 1, "b": 1}, {"a": 0, "b": 3}], model)
    assert model.stop_training


def test_an_unsettable_rate_is_said(pretend):
    model = pretend.model(rate=optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    for callback in (callbacks.ReduceLROnPlateau(patience=1), callbacks.LearningRateScheduler(lambda epoch: 0.1)):
        callback.set_model(model)
        callback.on_train_begin()
        with pytest.raises(TypeError, match="cannot be set to a number"):
            for epoch in range(3):
                callback.on_epoch_begin(epoch)
                callback.on_epoch_end(epoch, {"val_loss": 1.0})
    model.optimizer = object()
    with pytest.raises(ValueError, match="LearningRateScheduler needs an optimizer with a learning_rate"):
        callback.on_epoch_begin(0)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: callbacks.ReduceLROnPlateau(factor=1.0), ValueError, "factor must be below 1"),
        (lambda: callbacks.ReduceLROnPlateau(foo=1), TypeError, "unknown arguments"),
    ],
)
def test_wrong_settings(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_a_schedule_must_return_a_number(pretend):
    with pytest.raises(ValueError, match="must return a float, got 'fast'"):
        pretend.run(callbacks.LearningRateScheduler(lambda epoch: "fast"), logs(1), pretend.model())


def test_old_and_unknown_words():
    with pytest.warns(UserWarning, match="write min_delta"):
        assert callbacks.ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
    with pytest.warns(UserWarning, match="mode 'up' is unknown"):
        assert callbacks.EarlyStopping(mode="up").mode == "auto"


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("loss", "min"),
        ("val_head_loss", "min"),
        ("mean_absolute_error", "min"),
        ("val_sparse_categorical_crossentropy", "min"),
        ("acc", "max"),
        ("val_sparse_categorical_accuracy", "max"),
        ("auc_1", "max"),
        ("false_positives", "min"),
        ("cosine_similarity", "max"),
    ],
)
def test_direction_from_the_name(name, way):
    assert monitor.direction(name, "auto", None, "X") == way


def test_direction_from_the_metric():
    class Model:
        metrics = (kk.Variable(0.0, name="zork"),)

    with pytest.raises(ValueError, match="X cannot tell whether 'val_zork'"):
        monitor.direction("val_zork", "auto", Model(), "X")
    Model.metrics[0]._direction = "up"
    assert monitor.direction("val_zork", "auto", Model(), "X") == "max"
    assert monitor.direction("val_zork", "min", Model(), "X") == "min"


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("val_sparse_categorical_accuracy", "max"),
        ("MyAccuracy", "max"),
        ("auc_1", "max"),
        ("f1_score", "max"),
        ("head_true_positives", "max"),
        ("terror_recall", "max"),
        ("cosine_similarity", "max"),
        ("val_loss", "min"),
        ("head_a_loss", "min"),
        ("MeanSquaredError", "min"),
        ("val_binary_crossentropy", "min"),
        ("kl_divergence", "min"),
    ],
)
def test_direction_from_whole_words_of_a_name(name, way):
    assert monitor.direction(name, "auto", None, "X") == way


@pytest.mark.parametrize("name", ["val_accumulated_regret", "vaccine_effect", "sauce_score", "terroir", "glossary"])
def test_a_part_of_a_word_says_nothing(name):
    with pytest.raises(ValueError, match="pass mode='min' or mode='max'"):
        monitor.direction(name, "auto", None, "X")


def test_compiled_metrics_are_asked_by_their_names_in_the_logs():
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])

    class Regret(kk.metrics.Mean):
        direction = "down"

        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_pred)

    model.compile("sgd", "mse", metrics=[Regret(name="best_score"), kk.metrics.AUC(name="surface")])
    stop = callbacks.EarlyStopping("val_best_score")
    assert stop.monitor_op is None
    x = np.ones((4, 2))
    model.fit(x, np.ones(4), validation_data=(x, np.ones(4)), verbose=0, callbacks=[stop])
    assert stop.monitor_op is np.less
    assert monitor.direction("surface", "auto", model, "X") == "max"
    for kind in (callbacks.ModelCheckpoint("x.keras", "loss"), callbacks.ReduceLROnPlateau("loss")):
        assert kind.monitor_op is np.less


def test_each_optimizer_of_a_multi_optimizer_is_slowed(pretend):
    model = pretend.model()
    slow, fast = optimizers.SGD(0.25, name="slow"), optimizers.SGD(0.5, name="fast")
    model.optimizer = optimizers.MultiOptimizer(optimizers.OptimizerMap(slow, {"head/.*": fast}))
    callback = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    callback.set_model(model)
    callback.on_epoch_begin(0)
    logs = {}
    callback.on_epoch_end(0, logs)
    assert logs == {"learning_rate_slow": 0.125, "learning_rate_fast": 0.25}
    callback = callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(2):
        callback.on_epoch_end(epoch, {"loss": 1.0})
    assert (float(slow.learning_rate), float(fast.learning_rate)) == (0.0625, 0.125)
