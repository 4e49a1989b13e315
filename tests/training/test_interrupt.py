"""The stop button leaves a model at a whole step."""

import os
import signal
import threading

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.training.interrupt import InterruptGuard


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


def test_a_section_holds_an_interrupt_back_until_its_end():
    reached = []
    with pytest.raises(KeyboardInterrupt), InterruptGuard() as guard:
        with guard.whole:
            press_stop()
            reached.append("whole")
        reached.append("after")
    assert reached == ["whole"]


def test_outside_of_a_section_an_interrupt_acts_at_once():
    with pytest.raises(KeyboardInterrupt), InterruptGuard():
        press_stop()
        pytest.fail("the interrupt was lost")


def test_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with InterruptGuard():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_guard_may_be_entered_inside_itself():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), InterruptGuard() as guard, guard, guard.whole:
        press_stop()
    assert signal.getsignal(signal.SIGINT) is before


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
