"""A `train_step` that reports no "loss", as that of a GAN: the first log that is called like one stands for it."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.debugger.message import curve_of, state_message
from kernelkit.viz.debugger.picture import Shot

X = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")


class Two(kk.Model):
    """Two losses of one's own, and no "loss"."""

    def __init__(self, *names):
        super().__init__(name="two")
        self.dense = kk.layers.Dense(2)
        self.seen = [kk.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self):
        return self.seen

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        with kk.GradientTape() as tape:
            loss = kk.ops.mean(kk.ops.square(self(data) - 1.0))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        for place, metric in enumerate(self.seen):
            metric.update_state(loss + place)
        return {metric.name: metric.result() for metric in self.seen}


def debugger(*names):
    model = Two(*names)
    model(X[:2])
    model.compile("sgd")
    return model.debug(X, batch_size=8)


@pytest.mark.parametrize(
    ("names", "main"), [(["real", "g_loss", "d_loss"], "g_loss"), (["score", "auc"], "score"), (["b", "loss"], "loss")]
)
def test_a_log_stands_for_the_loss(names, main):
    dbg = debugger(*names)
    dbg.step(3)
    content, _ = state_message(dbg)
    assert content["curve"] == main and list(content["logs"]) == sorted(names, key=lambda name: name != "loss")
    assert np.isfinite(dbg.losses).all() and content["loss"] == pytest.approx(dbg.losses[-1])
    assert curve_of(dbg)[1] == 3
    title = Shot.of(dbg, look=False).picture.charts[0].title
    assert title == ("loss of each batch" if main == "loss" else f"{main} of each step")
    assert dbg.explain().kind == "nothing"
    if main != "loss":
        assert np.isnan(dbg.view().losses).all()  # what the finders know of losses does not hold for it
        dbg.break_on("loss spike", above=0.01)
        dbg.run(epochs=1)
        assert "step" in dbg.stopped


def test_no_log_at_all_is_no_nan():
    dbg = debugger()
    dbg.step(2)
    content, _ = state_message(dbg)
    assert content["curve"] == "" and content["loss"] is None and curve_of(dbg)[1] == 0
    assert Shot.of(dbg, look=False).picture.charts[0].lines == ()


def test_two_branches_are_compared_by_that_log():
    dbg = debugger("d_loss", "g_loss")
    dbg.step(2)
    fork = dbg.fork(learning_rate=0.5)
    fork.step(2), dbg.step(2)
    told = dbg.compare(fork)
    assert "mean d_loss of the last 2 steps" in str(told)
    assert told.picture().charts[0].title == "d_loss of each step"
