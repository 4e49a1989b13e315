"""The stop button leaves a model at a whole step."""

import dis
import functools
import io
import itertools
import os
import signal
import sys
import threading
import time

import h5py
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import interrupts
from kernelkit.saving.weights_file import write_weights
from tests.training import presses


@pytest.fixture(autouse=True)
def pythons_own_handler():
    """A shell may start a program in the background with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def small_model():
    model = kk.Sequential(
        [kk.Input((20,)), kk.layers.Dense(32, activation="relu"), kk.layers.Dense(4, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def press_stop():
    os.kill(os.getpid(), signal.SIGINT)


def test_a_section_holds_an_interrupt_back_until_the_next_safe_point():
    reached = []
    with pytest.raises(KeyboardInterrupt), interrupts.guard():
        with interrupts.whole:
            press_stop()
            press_stop()
            reached.append("whole")
        reached.append("after")
        interrupts.check()
        reached.append("never")
    assert reached == ["whole", "after"]


def test_the_end_of_a_guard_is_a_safe_point():
    reached = []
    with pytest.raises(KeyboardInterrupt), interrupts.guard():
        press_stop()
        reached.append("held")
    assert reached == ["held"]


def test_a_second_press_acts_at_once():
    with pytest.raises(KeyboardInterrupt), interrupts.guard():
        press_stop()
        press_stop()
        pytest.fail("the second press was lost")


def test_in_code_of_the_user_a_press_acts_at_once():
    with pytest.raises(KeyboardInterrupt), interrupts.guard(), interrupts.user_code():
        press_stop()
        pytest.fail("the press was lost")


def spin(seconds):
    """Compute and never wait. CPython 3.13.0 lets the exception of a signal escape such a loop inside a `with`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_code_that_reaches_no_safe_point_is_ended_all_the_same():
    with pytest.raises(KeyboardInterrupt), interrupts.guard():
        press_stop()
        spin(30)
        pytest.fail("nothing has ended the loop")


def test_a_press_that_a_destructor_has_swallowed_is_raised_again(monkeypatch):
    swallowed = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: swallowed.append(unraisable.exc_type))

    class Greedy:
        def __del__(self):
            press_stop()

    with pytest.raises(KeyboardInterrupt), interrupts.guard():
        with interrupts.user_code():
            Greedy()
        assert swallowed == [KeyboardInterrupt]
        interrupts.check()
        pytest.fail("the press was lost")


def test_a_handler_of_the_program_that_does_not_raise_is_called_once():
    called = []
    signal.signal(signal.SIGINT, lambda *_: called.append(1))
    with interrupts.guard():
        press_stop()
        interrupts.check()
        interrupts.check()
    assert called == [1]


def test_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with interrupts.guard():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_guard_may_be_entered_inside_itself():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts.guard(), interrupts.guard(), interrupts.whole:
        press_stop()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_wait_is_ended_by_one_press_and_leaves_no_lock_behind():
    lock = threading.Condition()
    threading.Timer(0.2, press_stop).start()

    def never(seconds):
        with lock:
            return lock.wait(seconds)

    with pytest.raises(KeyboardInterrupt), interrupts.guard():
        interrupts.wait(never)
    assert lock.acquire(blocking=False)


@functools.cache
def where_signals_are_handled(code):
    """Offsets of instructions at which Python looks for signals: the first of a function, and those behind a call."""
    instructions = list(dis.get_instructions(code))
    behind = [b.offset for a, b in itertools.pairwise(instructions) if a.opname.startswith(("CALL", "JUMP_BACK"))]
    return {*behind, *(i.offset for i in instructions if i.opname == "RESUME")}


def pressed_at(place, work):
    """Press the stop button when the interpreter comes to a place in kernelkit.interrupts, counted from 0.

    Returns whether it came so far.
    """
    seen = 0

    def trace(frame, event, arg):
        nonlocal seen
        if frame.f_code.co_filename == interrupts.__file__:
            frame.f_trace_opcodes = True
            if event == "opcode" and frame.f_lasti in where_signals_are_handled(frame.f_code):
                seen += 1
                if seen == place + 1:
                    press_stop()
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return seen > place


@pytest.mark.skipif(sys.version_info < (3, 12), reason="CPython 3.11 may loop for ever in a traced frame (ceval.c)")
def test_a_press_at_any_place_of_a_guard_is_raised_once_and_leaves_nothing_open():
    before = signal.getsignal(signal.SIGINT)

    def work():
        with interrupts.guard(), interrupts.user_code():
            pass
        with interrupts.guard():
            interrupts.check()
        with interrupts.guard(), interrupts.whole, interrupts.lifted():
            pass

    place, raised = 0, 0
    while True:
        try:
            if not pressed_at(place, work):
                break
        except KeyboardInterrupt:
            raised += 1
        else:
            pytest.fail(f"the press at place {place} was lost")
        state = interrupts._button
        assert (state.guards, state.whole, state.in_user_code, state.pending) == (0, 0, False, False), place
        assert signal.getsignal(signal.SIGINT) is before
        place += 1
    assert raised == place > 10


def test_an_evaluation_inside_training_leaves_the_handler_alone():
    before = signal.getsignal(signal.SIGINT)
    model = small_model()
    x, y = np.ones((64, 20), "float32"), np.zeros(64, "int32")
    model.fit(x, y, validation_data=(x, y), verbose=0)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_trains_without_touching_signals():
    model, errors = small_model(), []
    x, y = np.ones((64, 20), "float32"), np.zeros(64, "int32")

    def work():
        try:
            model.fit(x, y, verbose=0)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors and model.history.epoch == [0]


def test_a_model_survives_interrupts_at_random_moments():
    rng = np.random.default_rng(1)
    x, y = rng.random((4000, 20), dtype="float32"), rng.integers(0, 4, 4000)
    model = small_model()
    model.fit(x, y, verbose=0)
    landed = 0
    for _ in range(15):
        timer = threading.Timer(rng.uniform(0.005, 0.08), press_stop)
        timer.start()
        try:
            model.fit(x, y, epochs=10**6, verbose=0)
        except KeyboardInterrupt:
            landed += 1
        timer.join()
        assert np.isfinite(model.evaluate(x[:64], y[:64], verbose=0))
        assert all(np.isfinite(w).all() for w in model.get_weights())
        epochs = len(model.history.epoch)
        model.fit(x[:64], y[:64], initial_epoch=epochs, epochs=epochs + 1, verbose=0)
        assert model.history.epoch == [epochs]
    assert landed == 15


def test_a_press_between_the_parts_of_a_call_on_one_batch_waits_for_its_end():
    """Python's own handler would raise anywhere, in a destructor too, where an exception is dropped."""
    model = small_model()
    x, y = np.ones((4, 20), "float32"), np.zeros(4, "int32")
    reached = []

    class Pressing:
        def __array__(self, dtype=None, copy=None):
            press_stop()
            reached.append("on")
            return x

    for call in (model.train_on_batch, model.test_on_batch, model.predict_on_batch):
        reached.clear()
        with pytest.raises(KeyboardInterrupt):
            call(Pressing(), *(() if call == model.predict_on_batch else (y,)))
        assert reached == ["on"]


def test_presses_while_h5py_writes_wait_for_its_end():
    """h5py calls the file's methods from C: an exception there would end as a SystemError."""

    class Pressed(io.BytesIO):
        presses = 0

        def write(self, data):
            Pressed.presses += 1
            press_stop()
            return super().write(data)

    model, file = small_model(), Pressed()
    with pytest.raises(KeyboardInterrupt), interrupts.guard():
        write_weights(model, file)
        assert Pressed.presses > 1
    again = small_model()
    with h5py.File(file, "r") as hdf5:
        assert len(hdf5["layers"]) == len(again.layers)


@pytest.mark.one_in(2)
def test_no_press_is_lost_whatever_is_under_way(tmp_path):
    works = presses.works(str(tmp_path))
    threads = set(threading.enumerate())
    lost = {name: presses.storm(work, presses=8, longest=0.1) for name, work in works.items()}
    assert lost == dict.fromkeys(works, 0)
    deadline = time.monotonic() + 3 * interrupts.PATIENCE
    while not set(threading.enumerate()) <= threads and time.monotonic() < deadline:
        time.sleep(0.05)  # the thread that repeats a press looks once a second whether it still must
    assert set(threading.enumerate()) <= threads


def test_a_generator_that_blocks_is_left_by_one_press():
    blocked = threading.Event()

    def batches():
        yield np.ones((4, 20), "float32"), np.zeros(4, "int32")
        blocked.wait(60)

    threading.Timer(0.5, press_stop).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        small_model().fit(batches(), verbose=0)
    assert time.monotonic() - began < 50
    blocked.set()


def test_a_callback_that_sleeps_is_left_by_one_press():
    class Sleeps(kk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            threading.Timer(0.2, press_stop).start()
            time.sleep(60)
            pytest.fail("the press was lost")

    with pytest.raises(KeyboardInterrupt):
        small_model().fit(np.ones((4, 20), "float32"), np.zeros(4), verbose=0, callbacks=[Sleeps()])


@pytest.mark.parametrize("work", ["fit", "evaluate", "predict", "train_on_batch", "predict_on_batch"])
def test_a_step_that_runs_op_by_op_is_left_in_its_middle(work):
    reached = []

    class Pressed(kk.layers.Layer):
        def call(self, x):
            reached.append("before")
            if len(reached) > 4:
                press_stop()
                reached.append("never")
            return x

    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1), Pressed()])
    model.compile("sgd", "mse", run_eagerly=True)
    x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
    arguments = {"x": x} if work.startswith("predict") else {"x": x, "y": y}
    options = {} if work.endswith("on_batch") else {"batch_size": 2, "verbose": 0}
    model.predict(x, verbose=0)
    reached.clear()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(9):
            getattr(model, work)(**arguments, **options)
    assert "never" not in reached
    steps = int(model.optimizer.iterations)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    reached.clear()
    model.train_on_batch(x, y)
    assert int(model.optimizer.iterations) == steps + 1
    assert interrupts._button.whole == 0


def test_an_interrupted_fit_keeps_its_history():
    class StopInThirdEpoch(kk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                press_stop()

    model = small_model()
    x, y = np.ones((64, 20), "float32"), np.zeros(64, "int32")
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=9, verbose=0, callbacks=[StopInThirdEpoch()])
    assert model.history.epoch == [0, 1] and len(model.history.history["loss"]) == 2
    model.fit(x, y, initial_epoch=2, epochs=4, verbose=0)
    assert model.history.epoch == [2, 3]
