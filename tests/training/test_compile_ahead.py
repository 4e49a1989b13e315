"""Programs of a fit that are compiled in a thread before they are needed."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.compiling import Lowered
from kernelkit.training.pace import Pace
from kernelkit.training.step import Program


def model_of(**arguments):
    kk.utils.set_random_seed(3)
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(8, "tanh"), kk.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"], **arguments)
    return model


def data(samples=70):
    x = np.random.default_rng(0).normal(size=(samples, 4)).astype("float32")
    return x, x[:, :1]


@pytest.fixture
def traced(monkeypatch):
    """The programs that `ahead` traced: (kind, samples of a batch)."""
    seen = []
    plain = Program.ahead

    def ahead(self, state, data, order, batch_size):
        job = plain(self, state, data, order, batch_size)
        if job is not None:
            seen.append((self.kind, batch_size))
        return job

    monkeypatch.setattr(Program, "ahead", ahead)
    return seen


def compiles(model):
    return {kind: model._training.program(kind).compiles for kind in ("train", "test")}


def test_all_programs_of_the_first_epoch_are_traced_before_its_first_step(traced, monkeypatch):
    at_first_step = []
    plain = Pace.next

    def begin_a_dispatch(self, left):
        at_first_step.append(list(traced))
        return plain(self, left)

    monkeypatch.setattr(Pace, "next", begin_a_dispatch)
    model = model_of()
    x, y = data()
    stop = kk.callbacks.EarlyStopping(patience=9)
    model.fit(x, y, batch_size=16, epochs=2, validation_data=data(40), verbose=0, callbacks=[stop])
    assert traced == [("train", 6), ("test", 16), ("test", 8)] == at_first_step[0]
    assert compiles(model) == {"train": 2, "test": 2}
    model.fit(x, y, batch_size=16, validation_data=data(40), verbose=0)
    assert len(traced) == 3 and compiles(model) == {"train": 2, "test": 2}


def test_numbers_are_those_of_programs_compiled_when_needed(monkeypatch):
    x, y = data()
    fits = []
    for wanted in (True, False):
        if not wanted:
            monkeypatch.setattr(Program, "ahead", lambda *_: None)
        history = model_of().fit(x, y, batch_size=16, epochs=3, validation_data=data(40), verbose=0)
        fits.append(history.history)
    assert fits[0] == fits[1]


def test_a_thread_compiles_and_a_second_one_waits_for_it():
    import jax

    program = Lowered(jax.jit(lambda x: 2 * x).trace(1.0))
    made = []
    threads = [threading.Thread(target=lambda: made.append(program.executable())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(executable) for executable in made}) == 1 and float(made[0](3.0)) == 6.0


class FailsInValidation(kk.layers.Layer):
    fails = False

    def call(self, x, training=False):
        if self.fails and not training:
            raise ValueError("no validation with me")
        return x


def test_a_mistake_in_the_validation_is_raised_after_the_epoch(traced):
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)])
    layer = FailsInValidation(name="fails")
    model.add(layer)
    model.compile("sgd", "mse")
    layer.fails = True
    x, y = data()
    with pytest.raises(ValueError, match="no validation with me"):
        model.fit(x, y, batch_size=16, validation_data=(x, y), verbose=0)
    assert traced == [("train", 6)] and int(model.optimizer.iterations) == 5


class Times(kk.layers.Layer):
    factor = 1.0

    def call(self, x):
        return x * self.factor


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_epoch_end", "on_test_begin"])
def test_programs_see_what_a_callback_changes_before_them(hook, traced):
    times = Times()

    def change(*_, **__):
        times.factor = 3.0

    class Changes(kk.callbacks.Callback):
        pass

    setattr(Changes, hook, lambda self, *_, **__: change())
    x, y = np.ones((70, 1), "float32"), np.zeros((70, 1), "float32")
    for callback in (
        Changes(),
        kk.callbacks.LambdaCallback(**{hook: change}) if hook != "on_test_begin" else Changes(),
    ):
        times.factor = 1.0
        model = kk.Sequential([kk.Input((1,)), times])
        model.compile("sgd", "mse")
        model.fit(x, y, batch_size=16, validation_data=(x, y), verbose=0, callbacks=[callback])
        expected = 1.0 if hook == "on_epoch_end" else 9.0
        assert model.history.history["val_loss"] == [expected]
        assert traced == []


def test_a_fit_that_ends_early_compiles_no_more(monkeypatch):
    begun, hold = [], threading.Event()
    plain = Lowered.executable

    def executable(self):
        if threading.current_thread().name == "kernelkit: compile ahead":
            begun.append(self)
            hold.wait(60)
        return plain(self)

    monkeypatch.setattr(Lowered, "executable", executable)
    model = model_of()
    x, y = data(64)

    def stop(self, left):
        raise KeyboardInterrupt

    monkeypatch.setattr(Pace, "next", stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=16, validation_data=data(40), verbose=0)
    hold.set()
    for thread in threading.enumerate():
        if thread.name == "kernelkit: compile ahead":
            thread.join()
    assert len(begun) == 1  # of two: the second had not begun when the fit ended
    assert all(not program._lowered for program in model._training.programs.made)


class Own(kk.Model):
    def __init__(self):
        super().__init__()
        self.dense = kk.layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def test_step(self, state, data):
        return super().test_step(state, data)


def test_own_steps_streams_and_eager_steps_are_traced_when_needed(traced):
    x, y = data()
    own = Own()
    own.compile("sgd", "mse")
    own.fit(x, y, batch_size=35, validation_data=(x, y), verbose=0)
    model_of(run_eagerly=True).fit(x, y, batch_size=35, validation_data=(x, y), verbose=0)
    batches = ((x[:35], y[:35]) for _ in range(2))
    model_of().fit(batches, validation_data=[(x, y)].__iter__(), verbose=0)
    assert traced == []


def test_validation_of_a_later_epoch_is_traced_later(traced):
    x, y = data(64)
    model = model_of()
    model.fit(x, y, batch_size=16, epochs=2, validation_data=(x, y), validation_freq=2, verbose=0)
    assert traced == [] and compiles(model) == {"train": 1, "test": 1}


def test_a_fit_in_the_background_and_a_frozen_layer_between(traced):
    x, y = data()
    model = model_of()
    handle = model.fit(x, y, batch_size=16, epochs=2, validation_data=(x, y), verbose=0, background=True)
    handle.wait()
    assert ("test", 6) in traced
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    model.fit(x, y, batch_size=16, validation_data=(x, y), verbose=0)
    assert np.isfinite(model.history.history["val_loss"]).all()
