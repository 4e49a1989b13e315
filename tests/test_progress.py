"""Long work says how far it is, short work says nothing."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import progress
from kernelkit.saving import archive, hdf5
from kernelkit.training import display


class Told:
    def __init__(self):
        self.lines, self.removed, self.heard = [], 0, None

    def show(self, text):
        self.lines.append(text)
        if self.heard is not None:
            self.heard.set()

    def remove(self):
        self.removed += 1


@pytest.fixture
def told(monkeypatch):
    """What is shown where each look at the clock takes a second."""
    line, ticks = Told(), itertools.count()
    monkeypatch.setattr(progress, "new_line", lambda: line)
    monkeypatch.setattr(
        progress.Progress.__init__, "__defaults__", (None, "batches", None, lambda: float(next(ticks)), False)
    )
    return line


def model():
    made = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


X, Y = np.ones((40, 2), "float32"), np.ones((40, 1), "float32")
WORK = {
    "evaluate": lambda: model().evaluate(X, Y, batch_size=8, verbose=1),
    "predict": lambda: model().predict(X, batch_size=8),
    "adapt": lambda: kk.layers.Normalization().adapt(X[i : i + 8] for i in range(0, 40, 8)),
    "find_learning_rate": lambda: kk.viz.find_learning_rate(model(), X, Y, steps=10),
    "debug.run": lambda: model().debug(X, Y, batch_size=8).run(steps=4),
}


@pytest.mark.parametrize("what", WORK)
def test_long_work_shows_a_line_that_goes_away(what, told):
    WORK[what]()
    assert told.lines and all(text.startswith(what) for text in told.lines) and told.removed == 1


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_bytes_that_are_saved_and_loaded_are_counted_to_the_end(told, monkeypatch, tmp_path, dtype):
    monkeypatch.setattr(hdf5, "_BLOCK", 96)  # an array is written in several parts
    monkeypatch.setattr(archive, "_BLOCK", 4096)
    layers = [kk.Input((20,)), kk.layers.Dense(30, dtype=dtype, name="a"), kk.layers.Dense(1, name="b")]
    made = kk.Sequential(layers)
    made.compile("adam", "mse")
    made.fit(np.ones((4, 20)), np.ones((4, 1)), verbose=0)
    for name, ways in {
        "m.keras": (made.save, kk.models.load_model),
        "m.h5": (made.save, kk.models.load_model),
        "m.weights.h5": (made.save_weights, made.load_weights),
        "m.weights.json": (lambda path: made.save_weights(path, max_shard_size=1e-6), made.load_weights),
    }.items():
        before = [np.asarray(v.value) for v in made.variables]
        for way in ways:
            told.lines.clear()
            got = way(str(tmp_path / name))
            what, _, rest = told.lines[-1].partition(" ")
            assert what.rstrip(":") in ("save", "load", "save_weights", "load_weights") and "MB" in rest, told.lines
            if what.startswith("save"):  # a small file is mostly headers, which a load does not count
                assert "█" * 20 in rest, told.lines[-1]
        loaded = got if got is not None else made
        for old, new in zip(before, loaded.variables, strict=True):
            np.testing.assert_array_equal(old, np.asarray(new.value))
    assert told.removed == 8


class Slow(kk.layers.Layer):
    """A layer whose tracing waits until the line tells of it."""

    def __init__(self, line):
        super().__init__()
        self.line, self.traced = line, 0

    def call(self, x):
        self.traced += 1
        if self.line.heard is not None:
            assert self.line.heard.wait(60)
        return x * 1.0


ON_BATCH = ["train_on_batch", "test_on_batch", "predict_on_batch"]


@pytest.mark.parametrize("what", ["evaluate", "predict", "debug.run", "debugger", *ON_BATCH])
def test_compiling_is_told_with_its_seconds(what, told, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.01)
    told.heard = None
    made = kk.Sequential([kk.Input((2,)), Slow(told), kk.layers.Dense(1)])
    made.compile("sgd", "mse")
    told.heard = threading.Event()
    work = {
        "evaluate": lambda: made.evaluate(X, Y, verbose=1),
        "predict": lambda: made.predict(X),
        "debug.run": lambda: made.debug(X, Y).run(steps=2),
        "debugger": lambda: made.debug(X, Y).table(),
        "train_on_batch": lambda: made.train_on_batch(X, Y),
        "test_on_batch": lambda: made.test_on_batch(X, Y),
        "predict_on_batch": lambda: made.predict_on_batch(X),
    }
    work[what]()
    assert told.lines[0].startswith(f"{what}: compiling … ") and told.lines[0].endswith(" s"), told.lines
    assert told.removed == 1


@pytest.mark.parametrize("what", ["evaluate", "predict"])
def test_no_thread_waits_where_nothing_is_compiled(what, told, monkeypatch):
    made = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    made.compile("sgd", "mse")
    work = {"evaluate": lambda: made.evaluate(X, Y, verbose=1), "predict": lambda: made.predict(X)}[what]
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: (started.append(self), start(self))[1])
    work()
    assert started
    started.clear()
    work()
    assert started == []


def test_the_rate_leaves_waiting_out(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 10.0)
    line, now = Told(), [0.0]
    with progress.Progress("predict", 100, line=line, clock=lambda: now[0]) as own:
        with progress.waiting("compiling"):
            now[0] = 30.0
        now[0] = 40.0
        own(50)
    assert line.lines == ["predict ▕██████████          ▏ 50/100 batches · 5.0/s · 10 s left"]


def test_a_terminals_bar_tells_of_compiling_and_of_validation(monkeypatch):
    from rich.console import Console
    from rich.progress import Progress as Bar

    bar = display.BarDisplay()
    run = display.Run(None, "m", 3, 0, 20, 32, None)
    bar.begin(run)
    try:
        bar.epoch_begin(0)

        def drawn():
            console = Console(width=160)
            with console.capture() as text:
                console.print(Bar.get_renderable(bar._progress))
            return text.get()

        with run.preparing():
            assert "compiling … 0 s" in drawn()
            assert progress.new_line() is None  # a second line would break the bar
        assert "compiling" not in drawn()
        bar.validating(4, 16)
        assert "validation 4/16" in drawn()
    finally:
        bar.end("done")


def test_no_line_where_logging_is_switched_off(monkeypatch):
    monkeypatch.setattr(progress, "_makers", [Told])
    assert isinstance(progress.new_line(), Told)
    kk.config.disable_interactive_logging()
    try:
        assert progress.new_line() is None
    finally:
        kk.config.enable_interactive_logging()


def test_a_bar_knows_the_rest(told):
    kk.layers.TextVectorization().adapt(["a b", "c d", "e"], batch_size=1)
    assert told.lines[-1].startswith("adapt ▕") and " 3/3 batches" in told.lines[-1]


def test_nothing_is_shown_of_short_or_silent_work(told, monkeypatch):
    model().predict(X, verbose=0)
    model().evaluate(X, Y, verbose=0)
    assert told.lines == [] and told.removed == 0
    monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (None, "batches", None, lambda: 0.0, False))
    model().predict(X)
    assert told.lines == []


def test_a_line_goes_away_although_the_work_fails(told):
    def batches():
        yield X
        raise OSError("the disk is gone")

    with pytest.raises(OSError):
        kk.layers.Normalization().adapt(batches())
    assert told.removed == 1


def test_a_notebooks_line_is_one_output(monkeypatch):
    from kernelkit.viz.host import line

    sent = []
    monkeypatch.setattr(
        line, "publish", lambda bundle, metadata, key, update: sent.append((bundle["text/plain"], key, update))
    )
    monkeypatch.setattr(line, "environment", lambda: "jupyter")
    own = line.notebook_line()
    own.show("predict <1>")
    own.show("predict <2>")
    own.remove()
    assert [text for text, _, _ in sent] == ["predict <1>", "predict <2>", ""]
    assert len({key for _, key, _ in sent}) == 1 and [update for _, _, update in sent] == [False, True, True]
    monkeypatch.setattr(line, "environment", lambda: "headless")
    assert line.notebook_line() is None
