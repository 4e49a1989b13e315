"""What the curves say is so: ranges, endings, learning rates, speeds and means."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz import unshown
from kernelkit.viz.curves import bundle, earlier
from kernelkit.viz.curves import panel as panel_module
from kernelkit.viz.curves.chart import Picture, charts_of_histories, charts_of_store, smooth
from kernelkit.viz.curves.clock import StepClock
from kernelkit.viz.curves.panel import LivePanel
from kernelkit.viz.curves.plot import plot_history
from kernelkit.viz.curves.store import LEARNING_RATE, CurveStore
from kernelkit.viz.curves.svg import svg
from kernelkit.viz.curves.text import text
from tests.viz.fake import FakeOutput

X = np.linspace(-1, 1, 40, dtype="float32").reshape(40, 1)


@pytest.fixture(autouse=True)
def no_earlier_runs():
    earlier.forget()
    yield
    earlier.forget()


def line(optimizer="sgd", loss="mse", name="line", **options):
    model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1)], name=name)
    model.compile(optimizer, loss, **options)
    return model


def trained(model, epochs=3, y=2 * X, **options):
    """The panel and the facts of its last message after a fit of 5 steps an epoch."""
    output = FakeOutput()
    panel = LivePanel(output, ticks=False)
    model.fit(X, y, batch_size=8, epochs=epochs, verbose=panel, **options)
    return panel, output.messages[-1][0]["facts"]


# Endings --------------------------------------------------------------------------------------------------------------


def test_a_broken_training_ends_in_red_with_one_warning_and_the_way_to_the_debugger():
    model = line(kk.optimizers.SGD(1e30), metrics=["mae"])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        panel, facts = trained(model, 4)
    told = [w for w in seen if "NaN or infinite" in str(w.message)]
    assert len(told) == 1 and "model.debug(x, y)" in str(told[0].message)
    assert "in batch 2 of epoch 1." in str(told[0].message) and told[0].filename == __file__  # not a line of kernelkit
    kind, word, sentence = facts["ending"]
    assert (kind, word) == ("nan", "NaN") and "since step 2" in sentence and "model.debug(x, y)" in sentence
    assert facts["broken"]["loss"] == 2 and facts["best"] == {}
    picture = panel.picture()
    assert picture.facts[0] == "NaN" and picture.charts[0].broken == pytest.approx(0.4)
    assert "since step 2" in text(picture) and "since step 2" in svg(picture)


def test_early_stopping_says_why_and_whose_weights_are_kept():
    rng = np.random.default_rng(0)
    stopping = kk.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    panel, facts = trained(line(kk.optimizers.SGD(1.0)), 60, rng.normal(size=(40, 1)), callbacks=[stopping])
    done, best = len(panel.store.epochs["loss"].read().mean), stopping.best_epoch + 1
    kind, word, sentence = facts["ending"]
    assert (kind, word) == ("early", "stopped early") and done < 60
    assert sentence.startswith(f"Stopped early after epoch {done} of 60: loss did not improve for 2 epochs")
    assert sentence.endswith(f"the weights of epoch {best} are restored.")
    assert facts["done"] < facts["total"]  # the bar is not full


def test_other_endings_have_their_own_words():
    guard = kk.callbacks.TerminateOnNaN()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, broken = trained(line(kk.optimizers.SGD(1e30)), callbacks=[guard])
    assert broken["ending"][0] == "nan" and "Training stopped after 2 steps" in broken["ending"][2]

    stop = kk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(own, "stop_training", True))
    own = line()
    assert trained(own, callbacks=[stop])[1]["ending"][2].endswith("of 3: model.stop_training was set.")

    class Halt(kk.callbacks.Callback):
        def __init__(self, error):
            super().__init__()
            self.error = error

        def on_epoch_end(self, epoch, logs=None):
            raise self.error

    for error, kind, words in [
        (KeyboardInterrupt(), "interrupted", "Interrupted"),
        (OSError("no room"), "failed", "OSError: no room"),
    ]:
        output = FakeOutput()
        with pytest.raises(type(error)):
            line().fit(X, X, verbose=LivePanel(output, ticks=False), callbacks=[Halt(error)])
        ending = output.messages[-1][0]["facts"]["ending"]
        assert ending[0] == kind and ending[2].startswith(words)
    assert trained(line())[1]["ending"] is None


def test_an_epoch_that_was_cut_short_is_not_drawn_as_a_whole_one():
    output = FakeOutput()
    panel = LivePanel(output, ticks=False)
    stop = kk.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: panel._run.history.epoch and batch == 1 and panel._run.control.stop()
    )
    line(metrics=["mae"]).fit(X, 2 * X, batch_size=8, epochs=50, verbose=panel, callbacks=[stop])
    facts, picture = output.messages[-1][0]["facts"], panel.picture()
    assert facts["ending"][2] == "Stopped by the user after 7 steps, in epoch 2 of 50."
    assert (facts["steps"], facts["done"], facts["total"]) == (5, 7, 250)  # the bar is not full
    assert picture.facts[1:3] == ("1 epoch", "7 steps")
    batches = next(one for one in picture.charts[0].lines if one.role == "batch")
    assert batches.x[-1] in (7, pytest.approx(1.4)) and "loss" in facts["best"] and facts["best"]["loss"][0] == 1


# Learning rates -------------------------------------------------------------------------------------------------------


def test_a_schedule_is_seen_step_by_step():
    schedule = kk.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=4)
    model = line(kk.optimizers.SGD(schedule))
    trained(model, 1)
    panel, facts = trained(model, 2)  # it goes on at the sixth step
    assert facts["rate_changes"] and facts["marks"] == []
    assert panel.store.steps[LEARNING_RATE].read().mean == pytest.approx(
        [float(schedule(5 + i)) for i in range(10)], abs=1e-6
    )
    stairs = panel.picture().charts[-1].lines
    assert [one.role for one in stairs] == ["stairs"] and stairs[0].x[-1] == 2


def test_a_rate_set_between_two_batches_is_a_stair_and_a_mark_in_every_chart():
    model = line(metrics=["mae"])

    class Hand(kk.callbacks.Callback):
        batch_hooks = "model"

        def on_train_batch_end(self, batch, logs=None):
            if batch == 2 and self.model.history.epoch == []:
                run.control.set_learning_rate(0.02)

    class Keep(LivePanel):
        def begin(self, told):
            nonlocal run
            run = told
            super().begin(told)

    run, output = None, FakeOutput()
    panel = Keep(output, ticks=False)
    model.fit(X, 2 * X, batch_size=8, epochs=2, verbose=panel, callbacks=[Hand()])
    rates = panel.store.steps[LEARNING_RATE].read().mean
    assert rates == pytest.approx([0.01] * 3 + [0.02] * 7)
    facts = output.messages[-1][0]["facts"]
    assert facts["marks"] == [[3, 0.02]]
    charts = panel.picture().charts
    assert [chart.title for chart in charts] == ["loss", "mae", "learning_rate"]
    assert [chart.marks for chart in charts] == [((pytest.approx(0.6), "lr 0.02"),)] * 3
    drawn = svg(panel.picture())
    assert drawn.count("lr 0.02") == 3 and re.search(r"H[\d.]+V[\d.]+H", drawn)  # stairs


def test_a_rate_that_a_callback_lowers_is_marked_and_one_of_each_epoch_is_only_a_curve():
    lower = kk.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=1e9)
    _, facts = trained(line(), 4, callbacks=[lower])
    assert [step for step, _ in facts["marks"]] == [10, 15, 20] and facts["marks"][0][1] == pytest.approx(1e-3)
    each = kk.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    panel, facts = trained(line(), 9, callbacks=[each])
    assert facts["marks"] == [] and facts["rate_changes"]
    rates = panel.store.steps[LEARNING_RATE].read().mean.reshape(9, 5)
    assert rates == pytest.approx(np.repeat(0.1 / np.arange(1, 10)[:, None], 5, 1))


def test_a_constant_rate_costs_no_message():
    panel, facts = trained(line("adam"))
    assert not facts["rate_changes"] and [c.title for c in panel.picture().charts] == ["loss"]


# Speeds ---------------------------------------------------------------------------------------------------------------


def test_neither_compiling_nor_validation_nor_a_pause_slows_the_steps_down():
    clock = StepClock()
    clock.start(0.0, 1, 5.0)
    clock.see(0.5, 6, 5.0)
    assert clock.rate() is None and clock.left(100, 10) is None  # too few steps
    clock.see(2.0, 21, 5.0)
    assert clock.rate() == 10.0 and clock.left(100, 10) == 10.0
    clock.see(9.0, 21, 12.0)  # compiling
    assert clock.rate() == 10.0
    clock.rest(9.0)
    clock.see(60.0, 21, 12.0)  # a validation of 51 seconds
    assert clock.rate() == 10.0
    clock.go_on(60.0)
    clock.see(61.0, 31, 12.0)
    assert clock.rate() == 10.0


def test_the_time_left_counts_validations_once_they_are_known():
    clock = StepClock()
    clock.start(0.0, 1, 0.0)
    for epoch, end in enumerate([30.0, 34.0, 38.0], 1):  # the first validation is compiled
        clock.epoch(end, 10 * epoch)
    assert clock.left(20, 10) == 8.0


def test_a_run_counts_the_time_it_compiles():
    output = FakeOutput()
    runs = []

    class Keep(LivePanel):
        def begin(self, run):
            runs.append(run)
            super().begin(run)

    model = line()
    model.fit(X, X, batch_size=16, verbose=Keep(output, ticks=False))  # a short last batch: two programs
    model.fit(X, X, batch_size=16, verbose=Keep(output, ticks=False))
    assert runs[0].compile_time() > 10 * runs[1].compile_time() > 0 and runs[0].preparing_since is None


# Means ----------------------------------------------------------------------------------------------------------------


def test_the_mean_of_an_epoch_lies_in_its_middle_and_validation_at_its_end():
    panel, _ = trained(line(), 3, validation_data=(X, X))
    batch, train, validation = panel.picture().charts[0].lines
    assert train.x.tolist() == [0.5, 1.5, 2.5] and validation.x.tolist() == [1, 2, 3]
    assert train.y[0] == pytest.approx(batch.y[:5].mean(), rel=1e-4)
    history = charts_of_histories({"": ([0, 1, 2], {"loss": [3, 2, 1], "val_loss": [3, 2, 1.5]})})[0]
    assert [one.x.tolist() for one in history.lines] == [[0.5, 1.5, 2.5], [1, 2, 3]] and history.best[2].endswith(
        "epoch 3"
    )


def test_smoothing_does_not_lag():
    falling = np.linspace(5, 1, 200)
    np.testing.assert_allclose(smooth(falling, 0.9), falling, rtol=1e-9)  # not at its ends either
    decaying = 100 * np.exp(-np.arange(200) / 7)
    np.testing.assert_allclose(smooth(decaying, 0.9, log=True), decaying, rtol=1e-9)
    near = smooth(np.array([5.0] + [0.0] * 7), 0.9)
    assert near.min() >= 0 and near.max() <= 5  # within the values
    assert np.isnan(smooth(np.array([1.0, -1.0, 1.0]), log=True)).tolist() == [False, True, False]
    assert np.abs(smooth(np.tile([1.0, -1.0], 100), 0.9)).max() < 0.35
    assert smooth(np.array([4.0, np.nan, 2.0]), 0.5).tolist()[1] != 0  # a gap stays a gap
    assert np.isnan(smooth(np.array([4.0, np.nan, 2.0]), 0.5)[1])


# Ranges ---------------------------------------------------------------------------------------------------------------


def earlier_of(model, **options):
    output = FakeOutput()
    model.fit(X, X, batch_size=8, epochs=2, verbose=LivePanel(output, ticks=False), **options)
    return output.messages[-1][0]["earlier"]


def test_earlier_runs_are_told_by_name_and_only_of_the_same_loss():
    earlier_of(line(name="raw_targets"))
    earlier_of(
        kk.Sequential([kk.Input((1,)), kk.layers.Dense(3), kk.layers.Dense(1)], name="deep").compile("sgd", "mse")
        or line(name="twin"),
        name="second try",
    )
    told = earlier_of(line(name="scaled_targets"))
    assert [(run["title"], run["same"]) for run in told] == [("raw_targets", True), ("second try", True)]
    assert earlier_of(line(loss="mae")) == []
    wider = kk.Sequential([kk.Input((1,)), kk.layers.Dense(2), kk.layers.Dense(1)])
    wider.compile("sgd", "mse")
    assert {run["same"] for run in earlier_of(wider)} == {False}


def test_a_metric_that_differs_by_rounding_is_flat_and_tiny_numbers_have_an_axis():
    flat = charts_of_histories({"": (range(4), {"m": [0.01, 0.01 + 2e-9, 0.01, 0.01 - 2e-9]})})
    drawn = svg(Picture("", flat))
    assert "0.00999" not in drawn and ">0.01<" in drawn
    tiny = svg(Picture("", charts_of_histories({"": (range(3), {"m": [1e-12, 1.1e-12, 1.2e-12]})})))
    assert ">1.1e-12<" in tiny


def test_errors_that_fall_by_decades_are_drawn_on_a_logarithmic_scale_and_scores_never():
    logs = {"loss": [90.0, 4.0, 0.6, 0.5], "accuracy": [0.01, 0.3, 0.8, 0.9]}
    loss, accuracy = charts_of_histories({"": (range(4), logs)})
    assert loss.log and not accuracy.log
    assert ">0.4<" in svg(Picture("", (accuracy,))) and ">10<" in svg(Picture("", (loss,)))
    store = CurveStore()
    for epoch, value in enumerate(logs["loss"], 1):
        store.add_epoch(epoch, {"loss": value}, epoch)
    assert store.log_metrics() == ["loss"] and charts_of_store(store)[0].log
    axes = plot_history(logs, log=True, metrics=["accuracy"], smoothing=0.5).axes
    assert [a.get_yscale() for a in axes] == ["log"]
    with pytest.raises(ValueError, match="no metric 'accuracies'; there are"):
        plot_history(logs, metrics=["accuracies"])
    with pytest.raises(ValueError, match="smoothing"):
        plot_history(logs, smoothing=1.0)


def test_charts_follow_the_order_of_compile():
    panel, facts = trained(line(metrics=["mse", "mae", kk.metrics.RootMeanSquaredError(name="a")]))
    assert facts["metrics"] == ["loss", "mse", "mae", "a"] == [chart.title for chart in panel.picture().charts]


def test_lines_are_lighter_on_dark_pages():
    from kernelkit.viz.curves.bundle import html

    page = html(Picture("t", charts_of_histories({"": (range(2), {"loss": [2, 1]})})))
    assert "var(--kk-0072B2,#0072B2)" in page and "--kk-0072B2:#56B4E9" in page


# Runs -----------------------------------------------------------------------------------------------------------------


def test_a_kernel_remembers_its_runs_by_name(tmp_path):
    table = kk.viz.runs()
    table.records.clear()
    trained(line(kk.optimizers.SGD(0.001), name="slow"))
    trained(line(kk.optimizers.SGD(0.3)), name="fast", callbacks=[kk.callbacks.EarlyStopping("loss", min_delta=1e9)])
    assert table.names() == ["slow", "fast"] and [r.ended for r in table] == ["done", "stopped early"]
    assert table["fast"].config["loss"] == "mse" and "0.3" in table["fast"].config["optimizer"]
    assert table.sort("loss").names() == ["fast", "slow"] and table.sort("name").names() == ["fast", "slow"]
    assert table.to_frame().loc[1, "best loss"] == table["slow"].best["loss"]
    assert "fast" in table._repr_html_() and "best loss" in repr(table)
    assert list(table.compare("slow", 2).runs) == ["slow", "fast"]
    table.save(tmp_path / "runs.json")
    table.drop("slow")
    assert table.load(tmp_path / "runs.json").names() == ["fast", "slow", "fast"]
    assert table.records[2].history == table.records[0].history and table.records[1].number == 3
    for wrong in (lambda: table.sort("val_auc"), lambda: table["none"], lambda: table.drop("none")):
        with pytest.raises(KeyError, match="there are"):
            wrong()
    (tmp_path / "other.json").write_text('[{"name": 3}]')
    with pytest.raises(ValueError, match="does not contain runs"):
        table.load(tmp_path / "other.json")


def test_curves_of_a_training_in_the_background_are_shown_in_a_later_cell(monkeypatch):
    cell = [7]
    for module in (bundle, panel_module):
        monkeypatch.setattr(module, "execution_count", lambda: cell[0])
    panel = LivePanel(FakeOutput(), ticks=False)
    run = line().fit(X, X, epochs=2, verbose=panel, background=True)
    cell[0] = 8
    history = run.wait()
    assert "text/html" in bundle.history_bundle(history)
    cell[0] = 7
    assert bundle.history_bundle(history).keys() == {"text/plain"}


def test_the_picture_of_a_range_test_is_not_shown_again_after_the_cell(monkeypatch):
    monkeypatch.setattr(unshown, "after_cell", lambda function: True)
    rates = np.geomspace(1e-3, 1, 10)
    assert kk.viz.RangeTest(rates, rates, rates, 0.1)._repr_png_()
    assert [figure.shown for figure in unshown._waiting] == [True]
    unshown._waiting.clear()
