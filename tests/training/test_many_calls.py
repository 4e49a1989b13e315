"""Ten thousand calls in one process: nothing is compiled again, and memory stays flat."""

import gc
import resource

import jax
import numpy as np
import pytest

import kernelkit as kk


@pytest.fixture
def compiled(monkeypatch):
    """The names of what jax compiles from here on."""
    names = []

    def note(name, seconds, **about):
        if name == "/jax/core/compile/backend_compile_duration":
            names.append(about.get("fun_name", name))

    jax.monitoring.register_event_duration_secs_listener(note)
    yield names
    jax.monitoring.unregister_event_duration_listener(note)


def small_model():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(8, activation="relu"), kk.layers.Dropout(0.5)])
    model.add(kk.layers.Dense(3, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.one_in(4)
def test_ten_thousand_calls(compiled):
    x, y = np.random.default_rng(0).random((40, 4), dtype="float32"), np.arange(40) % 3
    model = small_model()

    def calls(times):
        for _ in range(times):
            model.fit(x, y, verbose=0)
            model.predict(x, verbose=0)
            model.predict(x[:1], verbose=0)
            model.evaluate(x, y, verbose=0)
            model.train_on_batch(x[:8], y[:8])

    calls(100)
    gc.collect()
    compiled.clear()
    arrays = len(jax.live_arrays())
    grown = []
    for _ in range(4):
        before = resident_bytes()
        calls(500)
        gc.collect()
        grown.append(resident_bytes() - before)
    assert compiled == []
    assert len(jax.live_arrays()) == arrays
    assert min(grown) < 2**20  # what is kept at each call is kept in each of the four


def test_the_second_epoch_compiles_nothing(compiled):
    x, y = np.random.default_rng(0).random((50, 4), dtype="float32"), np.arange(50) % 3
    model = small_model()
    after_epoch = kk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: compiled.append(f"epoch {epoch}"))
    model.fit(x, y, batch_size=16, epochs=4, validation_split=0.2, verbose=0, callbacks=[after_epoch])
    assert compiled[compiled.index("epoch 0") + 1 :] == ["epoch 1", "epoch 2", "epoch 3"]


def test_batches_of_many_sizes_are_one_warning(monkeypatch):
    monkeypatch.setattr("kernelkit.training.step.MANY_SHAPES", 3)
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    with pytest.warns(UserWarning, match="predict step .* was compiled 3 times.* 3 samples of shape") as seen:
        for size in range(1, 6):
            model.predict_on_batch(np.ones((size, 2), "float32"))
    assert len(seen) == 1


def test_other_lengths_compile_nothing_but_the_last_batch(compiled):
    rng = np.random.default_rng(0)
    model = small_model()
    x, y = rng.random((320, 4), dtype="float32"), np.arange(320) % 3
    model.fit(x, y, verbose=0)
    compiled.clear()
    for samples in (64, 160, 288):
        model.fit(x[:samples], y[:samples], verbose=0)
    assert compiled == []
    model.fit(x[:100], y[:100], verbose=0)
    assert len(compiled) == 1
