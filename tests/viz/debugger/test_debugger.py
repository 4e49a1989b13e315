"""Stepping, looking, stopping, forking: every line of the API, on small models."""

import json

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.debugger.compare import Comparison
from kernelkit.viz.debugger.snapshots import Snapshots, nbytes_of
from tests.viz.debugger.models import BATCH, fresh, generator, leaves

pytestmark = pytest.mark.one_in(2, together=True)


@pytest.fixture(scope="module")
def shared():
    model, (x, y) = fresh("small")
    return model.debug(x, y, batch_size=BATCH, snapshot_every=8), x, y


@pytest.fixture
def dbg(shared):
    shared[0].clear()
    shared[0].goto(0)
    shared[0].goto(6)
    return shared[0]


def weight(dbg, path):
    names = [v.path for v in dbg.timeline.steps.variables.trainable]
    return np.asarray(dbg.state_after().trainable[names.index(path)])


# Moving and looking ---------------------------------------------------------------------------------------------------


def test_what_is_shown_is_the_step_done_last(dbg):
    assert (dbg.position, dbg.shown, dbg.epoch) == (6, 5, 1)
    assert dbg.logs == dbg.timeline.records.logs(5)
    assert dbg.batch.step == 5 and dbg.batch.epoch == 1
    dbg.back(100)
    assert (dbg.position, dbg.shown, dbg.logs) == (0, 0, {})
    dbg.look()  # the first step, not done yet
    with pytest.raises(ValueError, match="begins at position 0"):
        dbg.goto(-1)
    with pytest.raises(ValueError, match="at least 1"):
        dbg.step(0)


def test_going_back_runs_few_steps_again(dbg):
    dbg.goto(40)
    before = dbg.timeline.executed
    dbg.back(1)
    assert dbg.timeline.executed - before <= 8  # no further than the snapshot before it
    before = dbg.timeline.executed
    dbg.back(1)
    dbg.table()
    assert dbg.timeline.executed - before <= 1  # what lies right behind was kept on the way


def test_stepping_and_looking_in_turn_runs_no_step_again(dbg):
    dbg.goto(dbg.timeline.head)
    dbg.table()
    replayed, looks, compiles = dbg.timeline.replayed, dbg.taps.looks, dbg.taps.compiles
    for _ in range(5):
        dbg.step()
        dbg.table()
        dbg.activations("hidden")
        dbg.gradients()
        dbg.updates()
    assert dbg.timeline.replayed == replayed
    assert dbg.taps.looks == looks + 5
    assert dbg.taps.compiles <= compiles + 1  # full batches, and the last one of an epoch


def test_activations_gradients_and_updates(dbg):
    before = weight(dbg, "sequential/out/kernel")
    dbg.step()
    hidden = dbg.activations("hidden")
    assert hidden.shape == (len(dbg.batch), 6) and hidden.min() >= 0
    assert dbg.activation_gradients("hidden").shape == hidden.shape
    np.testing.assert_allclose(
        dbg.updates("out")["sequential/out/kernel"], weight(dbg, "sequential/out/kernel") - before, atol=1e-7
    )
    assert set(dbg.gradients("out")) == {"sequential/out/kernel", "sequential/out/bias"}
    probabilities = dbg.activations("out")
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    # The gradient of the last bias, by hand: the mean of probabilities minus one-hot labels.
    expected = (probabilities - np.eye(3)[dbg.batch.y]).mean(0)
    np.testing.assert_allclose(dbg.gradients("out")["sequential/out/bias"], expected, atol=1e-6)
    with pytest.raises(ValueError, match="Did you mean"):
        dbg.activations("hiden")


def test_the_table(dbg):
    table = dbg.table()
    assert [row["layer"] for row in table.rows] == ["hidden", "dropout", "out"]
    row = table.row("hidden")
    hidden = dbg.activations("hidden")
    assert row["shape"] == hidden.shape and row["type"] == "Dense"
    assert row["mean"] == pytest.approx(hidden.mean(), rel=1e-5)
    assert row["zeros"] == pytest.approx((hidden == 0).mean())
    assert row["grad"] == pytest.approx(np.sqrt(sum((g**2).sum() for g in dbg.gradients("hidden").values())), rel=1e-5)
    assert table.row("dropout")["grad"] is None
    json.dumps(table.rows)
    assert "|update|/|weight|" in str(table) and "<table>" in table._repr_html_()
    assert table.to_frame().loc["out", "type"] == "Dense"


def test_sample_losses_make_up_the_loss(dbg):
    np.testing.assert_allclose(dbg.sample_losses().mean(), dbg.losses[dbg.shown], rtol=1e-4)
    assert dbg.sample_losses().shape == (len(dbg.batch),)


@pytest.mark.parametrize("kind", ["several", "pure_style", "recurrent"])
def test_sample_losses_of_other_models(kind):
    model, (x, y) = fresh(kind)
    dbg = model.debug(x, y, batch_size=BATCH)
    dbg.step()
    np.testing.assert_allclose(dbg.sample_losses().mean(), dbg.losses[0], rtol=0.5 if kind == "pure_style" else 1e-4)
    assert dbg.explain().kind == "nothing"
    assert len(dbg.table()) >= 2


def test_the_gradients_of_a_scaled_loss_are_unscaled():
    model, (x, y) = fresh("mixed")
    dbg = model.debug(x, y, batch_size=BATCH)
    dbg.step()
    assert dbg.activations("dense").dtype == "float16"
    expected = (dbg.activations("dense_1").astype("float32") - np.eye(3)[dbg.batch.y]).mean(0)
    np.testing.assert_allclose(dbg.gradients("dense_1")["sequential/dense_1/bias"], expected, atol=2e-3)
    assert dbg.explain().kind == "nothing"


def test_the_state_is_plain(dbg):
    dbg.break_on("nan")
    state = json.loads(json.dumps(dbg.state()))
    assert (state["position"], state["head"] >= 6, state["epoch"], state["step_in_epoch"]) == (6, True, 1, 2)
    assert state["breakpoints"][0]["kind"] == "nan" and state["branches"][0]["name"] == "main"
    assert "main" in repr(dbg)


def test_listeners_are_told(dbg):
    heard = []
    dbg.subscribe(heard.append)
    dbg.step()
    point = dbg.break_on("nan")
    dbg.run(steps=2)
    dbg.clear(point)
    assert heard[0] == "moved" and {"breakpoints", "running"} <= set(heard)


# Stopping -------------------------------------------------------------------------------------------------------------


def test_running_to_a_condition(dbg):
    dbg.run(until=lambda s: s.epoch == 2 and s.step_in_epoch == 1)
    assert dbg.position == 8 and dbg.stopped == "condition after step 8."
    dbg.run(epochs=1)
    assert dbg.position == 9
    dbg.run(steps=3)
    assert dbg.position == 12
    dbg.run(until=lambda s: s.gradient_norm > 0 and max(s.dead_units.values()) <= 1)
    assert dbg.position == 13  # both were computed because they were asked for


def test_what_is_watched_is_what_a_look_shows(dbg):
    norms = []
    dbg.run(until=lambda s: norms.append(s.gradient_norm), steps=2)
    shown = np.sqrt(sum((g**2).sum() for g in dbg.gradients().values()))
    np.testing.assert_allclose(norms[-1], shown, rtol=1e-4)


def test_a_gradient_norm_stops(dbg):
    dbg.break_on("gradient norm", above=1e-6)
    dbg.run(epochs=1)
    assert dbg.position == 7 and dbg.stopped.startswith("The norm of the gradients is")


def test_a_condition_that_turns_out_to_need_gradients_does_not_shorten_the_run():
    """The steps before it was known are run again: they count once towards the epochs."""
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    dbg = model.debug(np.ones((8, 2), "float32"), np.zeros((8, 1), "float32"), batch_size=8)  # epochs of one step
    dbg.run(until=lambda s: s.gradient_norm < 0, epochs=3)
    assert (dbg.position, dbg.stopped) == (3, "The epochs asked for are done.")


def test_a_run_can_be_stopped_between_dispatches(dbg):
    run = dbg.running(epochs=10)
    next(run)
    dbg.stop()
    assert list(run) == [] and dbg.stopped == "Stopped."


def test_unknown_breakpoints(dbg):
    with pytest.raises(ValueError, match="loss spike"):
        dbg.break_on("loss spikes")
    with pytest.raises(ValueError, match="no threshold"):
        dbg.break_on("nan", above=3)


# Other futures --------------------------------------------------------------------------------------------------------


def test_a_fork_of_nothing_is_the_same_future(dbg):
    fork = dbg.fork(name="twin")
    fork.step(4)
    dbg.step(4)
    for a, b in zip(leaves(fork.state_after()), leaves(dbg.state_after()), strict=True):
        np.testing.assert_array_equal(a, b)
    assert dbg.compare(fork).first_step is None


def test_another_learning_rate(dbg):
    fork = dbg.fork(learning_rate=0.5)
    assert fork.position == 6 and fork.timeline.steps is dbg.timeline.steps  # nothing was compiled
    fork.step(4)
    dbg.step(4)
    told = dbg.compare(fork)
    assert (told.begin, told.first_step) == (6, 6)
    assert len(told.weights) > 0 and told.weights[0]["distance"] > 0.1
    assert set(told.losses) == {"main", fork.timeline.name}
    np.testing.assert_array_equal(told.losses["main"][:6], told.losses[fork.timeline.name][:6])
    assert "step 7" in str(told) and told.plot() is not None
    back = {row["path"]: row["distance"] for row in fork.compare(dbg).weights}
    assert back == {row["path"]: row["distance"] for row in told.weights}  # whichever is named first
    assert all(0 < distance <= 2 for distance in back.values())
    page = told._repr_html_()
    (chart,) = told.picture().charts
    assert [line.label for line in chart.lines] == ["main", fork.timeline.name] and chart.marks[0][0] == 6
    np.testing.assert_array_equal(chart.lines[1].y, told.losses[fork.timeline.name])
    assert "<svg" in page and "differ from step 7 on" in page and page.count("<tr>") == 1 + min(12, len(told.weights))
    deeper = fork.fork(learning_rate=0.1)
    deeper.step(2)
    assert dbg.compare(deeper).begin == 6 and dbg.compare(deeper).first_step == 6


def test_a_long_comparison_keeps_its_spikes():
    losses = np.ones(5000, "float32")
    losses[1234], losses[2000:2020] = 9, np.nan
    told = Comparison(("a", "b"), 0, 5000, {"a": losses, "b": losses[:3]}, None, [])
    line, other = told.picture().charts[0].lines
    assert len(line.x) <= 1024 and line.y.max() == 9 and line.x[line.y.argmax()] == 1235 and len(other.x) == 3
    assert "The weights are the same." in told._repr_html_() and len(told._repr_html_()) < 60_000


def test_frozen_layers(dbg):
    fork = dbg.fork(freeze="hidden")
    fork.step(2)
    assert all((u == 0).all() for u in fork.updates("hidden").values())
    assert any((u != 0).any() for u in fork.updates("out").values())
    with pytest.raises(ValueError, match="Did you mean 'hidden'"):
        dbg.fork(freeze="hiden")


def test_dropped_samples(dbg):
    dbg.step()  # one step into its epoch
    met = set(dbg.batch.indices.tolist())
    gone = [0, 5, 23]
    fork = dbg.fork(drop_samples=gone)
    seen = []
    for _ in range(5):
        fork.step()
        seen.append((fork.epoch, fork.batch.indices.tolist()))
    rest = sorted(row for epoch, rows in seen if epoch == 2 for row in rows)
    assert rest == sorted(set(range(24)) - met - set(gone))
    assert sorted(row for epoch, rows in seen if epoch == 3 for row in rows) == sorted(set(range(24)) - set(gone))
    with pytest.raises(ValueError, match="from 0 to 23"):
        dbg.fork(drop_samples=[24])


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
@pytest.mark.parametrize("steps_before", [0, 1, 9])
def test_a_fork_without_samples_is_given_the_rows_that_its_indices_name(shuffle, steps_before):
    x = np.arange(1.0, 201.0, dtype="float32")[:, None]
    model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1)])
    model.compile(kk.optimizers.SGD(0.0), "mse")
    dbg = model.debug(x, x, batch_size=8, shuffle=shuffle)
    if steps_before:
        dbg.step(steps_before)
    fork = dbg.fork(drop_samples=[0, 1, 2, 100])
    for _ in range(40):
        fork.step()
        np.testing.assert_array_equal(fork.batch.x, x[fork.batch.indices])


def test_an_edited_weight(dbg):
    path = "sequential/out/bias"
    fork = dbg.fork(weights={path: lambda bias: bias + 1})
    np.testing.assert_allclose(weight(fork, path), weight(dbg, path) + 1)
    with pytest.raises(ValueError, match="no weight"):
        dbg.fork(weights={"sequential/out/bia": 0})


def test_another_optimizer_and_dtype(dbg):
    other = dbg.fork(optimizer="adam", dtype="mixed_bfloat16")
    other.step(2)
    assert other.activations("hidden").dtype == "bfloat16"
    model = other.to_model()
    assert model is not dbg.timeline.steps.model and type(model.optimizer).__name__ == "Adam"
    assert dbg.timeline.steps.model.optimizer.name == "sgd"
    model.fit(*fresh_data(), verbose=0)


def fresh_data():
    return fresh("small")[1]


def test_a_schedule_gives_way_to_a_rate():
    model, (x, y) = fresh("small")
    model.compile(kk.optimizers.SGD(kk.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5)), model.loss)
    dbg = model.debug(x, y, batch_size=BATCH)
    dbg.step()
    fork = dbg.fork(learning_rate=0.0)
    fork.step()
    assert all((u == 0).all() for u in fork.updates("out").values())


# Memory and sources ---------------------------------------------------------------------------------------------------


def test_the_budget_is_kept():
    model, (x, y) = fresh("small")
    dbg = model.debug(x, y, batch_size=BATCH, memory=4000, snapshot_every=1)
    dbg.run(epochs=10)
    kept = dbg.timeline.snapshots
    size = nbytes_of(dbg.state_after())
    assert kept.budget - size < kept.nbytes <= kept.budget
    assert kept.steps("main")[0] == 0 and len(kept.steps("main")) == kept.nbytes // size < 30
    before = dbg.timeline.replayed
    dbg.back(1)
    assert dbg.timeline.replayed - before <= 3


def test_states_larger_than_the_memory_go_to_files():
    model, (x, y) = fresh("small")
    dbg = model.debug(x, y, batch_size=BATCH, memory=400, snapshot_every=4)
    dbg.run(epochs=7)
    late = leaves(dbg.state_after())
    kept = dbg.timeline.snapshots
    assert kept.nbytes == 0 and 0 in kept.steps("main") and len(kept.steps("main")) <= 4
    dbg.goto(3)
    dbg.goto(21)
    for a, b in zip(leaves(dbg.state_after()), late, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("memory", ["512 elephants", -1, 0, "0MB"])
def test_memory_is_a_number_of_bytes(memory):
    with pytest.raises(ValueError, match="512MB"):
        Snapshots(memory)


class Batches:
    """A source that can be read again, with the same batches or with others."""

    def __init__(self, x, y, shuffle=False):
        self.x, self.y, self.shuffle, self.passes = x, y, shuffle, 0

    def __iter__(self):
        self.passes += 1
        order = np.random.default_rng(self.passes if self.shuffle else 0).permutation(len(self.x))
        for first in range(0, len(self.x), BATCH):
            yield self.x[order[first : first + BATCH]], self.y[order[first : first + BATCH]]


def small(source, **options):
    model, (x, y) = fresh("mlp")
    dbg = model.debug(source(x, y), memory=8000, snapshot_every=64, **options)
    dbg.run(epochs=2)
    for key in sorted(dbg.timeline.source._kept)[:-2]:  # as if they had been large
        dbg.timeline.source._drop(key)
    return dbg


def test_batches_are_read_again():
    dbg = small(Batches)
    state = leaves(dbg.state_after())
    dbg.goto(2)
    dbg.goto(8)
    for a, b in zip(leaves(dbg.state_after()), state, strict=True):
        np.testing.assert_array_equal(a, b)
    assert "read again" in dbg.timeline.source.rewinds


def test_a_source_that_cannot_rewind_says_so():
    with pytest.raises(ValueError, match="other data than the first time"):
        small(lambda x, y: Batches(x, y, shuffle=True)).goto(2)
    dbg = small(generator, steps_per_epoch=4)
    assert "Older ones are gone" in dbg.timeline.source.rewinds
    with pytest.raises(ValueError, match="can be read only once"):
        dbg.goto(2)
    assert dbg.position == 8 and dbg.batch is not None  # and it stands where it stood
    with pytest.raises(ValueError, match="needs data as arrays"):
        dbg.fork(drop_samples=[1])


def test_data_that_end():
    model, (x, y) = fresh("small")
    dbg = model.debug((x[i : i + 8], y[i : i + 8]) for i in (0, 8, 16))
    dbg.run(epochs=5)
    assert dbg.position == 3 and dbg.stopped == "The data have ended."
    with pytest.raises(ValueError, match="end after 3 steps"):
        dbg.goto(5)
    dbg.back(2)
    assert dbg.position == 1


def test_a_model_that_begins_with_text():
    text = ["a b c", "b c d", "a d", "c c a"] * 2
    words = kk.layers.TextVectorization(output_sequence_length=3)
    words.adapt(text)
    model = kk.Sequential([kk.Input((), dtype="string"), words, kk.layers.Embedding(8, 2), kk.layers.Flatten()])
    model.add(kk.layers.Dense(1))
    model.compile("sgd", "mse")
    dbg = model.debug(np.array(text, dtype=object), np.ones((8, 1), "float32"), batch_size=4)
    dbg.step(2)
    dbg.back(1)
    assert dbg.position == 1
    assert [row["layer"] for row in dbg.table().rows][-1] == model.layers[-1].name
