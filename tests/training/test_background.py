"""A training in a thread: the same numbers, steered and read from outside while it runs."""

import threading
import time

import jax
import numpy as np
import pytest

import kernelkit as kk


def data(samples=256):
    rng = np.random.default_rng(0)
    return rng.random((samples, 6), dtype="float32"), rng.integers(0, 3, samples)


def model_of():
    kk.utils.set_random_seed(3)
    model = kk.Sequential([kk.Input((6,)), kk.layers.Dense(16, activation="relu"), kk.layers.Dense(3)])
    model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def state_of(model):
    return [np.asarray(v) for v in jax.tree.leaves(model._training.variables("train").peek())]


def test_the_same_numbers_as_in_the_foreground():
    x, y = data()
    front = model_of()
    there = front.fit(x, y, epochs=4, verbose=0, validation_split=0.2)
    back = model_of()  # begins with the same seed
    handle = back.fit(x, y, epochs=4, verbose=0, validation_split=0.2, background=True)
    assert handle.wait(120) is handle.history is back.history
    assert handle.history.history == there.history
    assert handle.status.state == "done" and handle.status.epochs == 4 and handle.exception is None
    for a, b in zip(state_of(front), state_of(back), strict=True):
        np.testing.assert_array_equal(a, b)


def test_paused_stepped_and_stopped_from_outside():
    x, y = data()
    model = model_of()
    program = model._training.program
    handle = model.fit(x, y, epochs=100_000, verbose=0, background=True)
    until(lambda: handle.status.epochs > 0)
    assert "running, " in repr(handle) and "loss: " in repr(handle)
    handle.pause()
    until(lambda: handle.status.state == "paused")
    steps = int(model.optimizer.iterations)
    handle.step(3)
    until(lambda: int(model.optimizer.iterations) == steps + 3)
    handle.resume()
    until(lambda: int(model.optimizer.iterations) > steps + 3)
    handle.set_learning_rate(0.5)
    until(lambda: float(model.optimizer.learning_rate) == 0.5)
    handle.stop()
    handle.wait(60)
    assert handle.status.state == "stopped"
    assert program("train").compiles == 1


def test_weights_and_predictions_are_read_while_it_trains():
    x, y = data()
    model = model_of()
    handle = model.fit(x, y, epochs=100_000, verbose=0, background=True)
    for _ in range(50):
        assert all(np.isfinite(w).all() for w in model.get_weights())
        assert np.isfinite(model.predict(x[:40], verbose=0)).all()
        assert np.isfinite(np.asarray(model(x[:2]))).all()
        np.asarray(model.layers[0].kernel.value)
    assert handle.status.state == "running"
    handle.stop()
    handle.wait(60)


def test_single_predictions_and_profiles_never_meet_an_array_that_a_step_has_taken():
    x, y = data()
    model = model_of()
    model.profile(x[:8], y[:8], repeats=1)
    handle = model.fit(x, y, batch_size=8, epochs=10**6, verbose=0, background=True)
    found = []

    def predict():
        try:
            found.append(all(np.isfinite(model.predict_on_batch(x[:40])).all() for _ in range(150)))
        except BaseException as error:
            found.append(error)

    threads = [threading.Thread(target=predict) for _ in range(2)]
    for thread in threads:
        thread.start()
    model.profile(x[:8], y[:8], repeats=1)
    for thread in threads:
        thread.join(60)
    assert found == [True, True] and handle.status.state == "running"
    handle.stop()
    handle.wait(60)


def test_nothing_else_may_write_meanwhile():
    x, y = data()
    model = model_of()
    handle = model.fit(x, y, epochs=100_000, verbose=0, background=True)
    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(RuntimeError, match=r"trained in the background. Call wait\(\) or stop\(\)"):
            call(x, y)
    with pytest.raises(RuntimeError, match=r"^compile\(\): .* trained in the background"):
        model.compile("sgd", "mse")
    with pytest.raises(TimeoutError, match="still runs after 0"):
        handle.wait(0)
    handle.stop("epoch")
    handle.wait(60)
    model.fit(x, y, verbose=0)


def test_an_error_in_the_thread_reaches_wait():
    x, y = data()

    class Fails(kk.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise ValueError("the disk is full")

    model = model_of()
    handle = model.fit(x, y, epochs=5, verbose=0, callbacks=[Fails()], background=True)
    with pytest.raises(ValueError, match="the disk is full"):
        handle.wait(60)
    assert handle.status.state == "failed" and handle.status.epochs == 2
    assert isinstance(handle.exception, ValueError)
    model.fit(x, y, initial_epoch=2, epochs=3, verbose=0)


def test_two_trainings_at_once_and_no_thread_stays():
    x, y = data()
    before = threading.active_count()
    alone, models = model_of(), [model_of(), model_of()]
    alone.fit(x, y, epochs=5, verbose=0)
    for handle in [m.fit(x, y, epochs=5, verbose=0, background=True) for m in models]:
        handle.wait(120)
    for model in models:
        assert all(np.isfinite(w).all() for w in state_of(model))
    deadline = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)  # memory is given back in a thread of its own
    assert threading.active_count() == before
