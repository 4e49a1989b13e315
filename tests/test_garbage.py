"""Garbage collection pauses while a program is traced, and only then."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.garbage import collection_paused


@pytest.fixture(autouse=True)
def as_before():
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with collection_paused():
        pass
    assert not gc.isenabled()


def test_contexts_overlap_in_threads():
    gc.enable()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with collection_paused():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with collection_paused():
        thread.start()
        inside.wait(10)
    assert not gc.isenabled()  # the other context is still open
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_an_error_ends_the_pause():
    gc.enable()
    with pytest.raises(ValueError, match="mine"), collection_paused():
        raise ValueError("mine")
    assert gc.isenabled()


def test_steps_are_traced_without_the_collector_and_run_with_it():
    gc.enable()
    seen = []

    class Watching(kk.layers.Layer):
        def call(self, inputs):
            seen.append(gc.isenabled())
            return inputs

    model = kk.Sequential([kk.Input((2,)), Watching(), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    seen.clear()  # building the model
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert seen and not any(seen)
    assert gc.isenabled()
