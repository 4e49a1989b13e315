"""Steps, batches and epochs count from 1 in every sentence: panel, warnings and debugger name the same step."""

from __future__ import annotations

import re

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.curves.panel import LivePanel
from kernelkit.viz.debugger.picture import Shot
from tests.viz.fake import FakeOutput

X = np.ones((16, 2), "float32")
Y = np.arange(16, dtype="float32")[:, None]


class BreaksInThe(kk.losses.Loss):
    """A loss that is infinite for the target 13."""

    def call(self, y, p):
        return (p - y) ** 2 / kk.ops.abs(y - 13.0)


def model():
    made = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    made.compile("sgd", BreaksInThe())
    return made


def test_all_name_the_fourth_batch_of_the_first_epoch(capsys):
    output, options = FakeOutput(), {"batch_size": 4, "shuffle": False}
    guard = kk.callbacks.TerminateOnNaN()
    with pytest.warns(RuntimeWarning, match=r"NaN or infinite in batch 4 of epoch 1\."):
        broken = model()
        broken.fit(X, Y, verbose=LivePanel(output, ticks=False), callbacks=[guard], **options)
    assert "in batch 4 of epoch 1, so training stops" in capsys.readouterr().out
    assert guard.stop_reason.endswith("in batch 4 of epoch 1")
    assert "since step 4." in output.messages[-1][0]["facts"]["ending"][2]

    last = broken.debug_last()
    dbg = model().debug(X, Y, **options)
    dbg.break_on("nan")
    dbg.run(steps=8)
    assert dbg.stopped == "loss became inf in step 4."
    for one in (last, dbg):
        found = one.explain()
        assert found.title.startswith("Step 4: div in loss") and (found.step, found.epoch) == (3, 0)
        assert repr(one).startswith("<StepDebugger 'main': step 4 of 4 done, epoch 1: ")
        assert repr(one.batch).startswith("<Batch of 4 samples, step 4, in epoch 1: ")
        shot = Shot.of(one, look=False)
        assert shot.picture.facts[:2] == ("step 4", "epoch 1")
        assert shot.picture.charts[0].lines[0].x.tolist() == [1, 2, 3, 4]
        one.goto(found.step + 1)  # the number in the sentence is that of `goto`
        assert one.position == 4


def test_a_fork_leaves_after_a_step_and_differs_from_the_next_one_on():
    dbg = model().debug(X, Y, batch_size=4, shuffle=False)
    dbg.step(2)
    fork = dbg.fork(learning_rate=0.5)
    dbg.step()
    fork.step()
    told = dbg.compare(fork)
    assert "part after 2 steps; compared after 3." in str(told) and "differ from step 3 on" in str(told)
    assert told.picture().charts[0].marks == ((2.0, "apart after step 2"),)
    assert [line.x.tolist() for line in told.picture().charts[0].lines] == [[1, 2, 3]] * 2
    axes = told.plot().axes[0]
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3] and axes.lines[-1].get_xdata()[0] == 2


def test_batches_of_a_source_that_cannot_rewind_are_counted_alike():
    dbg = model().debug(((X[i : i + 4], Y[i : i + 4]) for i in range(0, 12, 4)), memory=1)
    dbg.step(2)
    with pytest.raises(ValueError, match=re.compile("[Bb]atch 1 of epoch 1|from batch 2 of epoch 1")):
        dbg.goto(0)
        dbg.step()
