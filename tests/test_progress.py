"""Long work says how far it is, short work says nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import progress


class Told:
    def __init__(self):
        self.lines, self.removed = [], 0

    def show(self, text):
        self.lines.append(text)

    def remove(self):
        self.removed += 1


@pytest.fixture
def told(monkeypatch):
    """What is shown where each look at the clock takes a second."""
    line, ticks = Told(), itertools.count()
    monkeypatch.setattr(progress, "new_line", lambda: line)
    monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (None, "batches", None, lambda: float(next(ticks))))
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


def test_a_bar_knows_the_rest(told):
    kk.layers.TextVectorization().adapt(["a b", "c d", "e"], batch_size=1)
    assert told.lines[-1].startswith("adapt ▕") and " 3/3 batches" in told.lines[-1]


def test_nothing_is_shown_of_short_or_silent_work(told, monkeypatch):
    model().predict(X, verbose=0)
    model().evaluate(X, Y, verbose=0)
    assert told.lines == [] and told.removed == 0
    monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (None, "batches", None, lambda: 0.0))
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
