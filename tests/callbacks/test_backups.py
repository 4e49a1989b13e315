"""A training that is cut off at any moment, and goes on from its backup, ends with the same numbers to the bit."""

from __future__ import annotations

import random
import signal

import numpy as np
import pytest

import kernelkit as kk
from tests.callbacks.storm import differences, storm
from tests.callbacks.storm import unbroken as unbroken_result
from tests.dying import Death, Grim


@pytest.fixture(scope="module")
def grim():
    hook = Grim()
    yield hook
    hook.rest()


X = np.random.default_rng(0).random((36, 3), dtype="float32")
Y = X.sum(1, keepdims=True)


def model_of(seed=1):
    kk.utils.set_random_seed(seed)
    layers = [kk.Input((3,)), kk.layers.Dense(4, activation="relu"), kk.layers.BatchNormalization()]
    model = kk.Sequential([*layers, kk.layers.Dropout(0.3), kk.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def batches():
    rng = np.random.default_rng(5)
    while True:
        x = rng.random((4, 3), dtype="float32")
        yield x, x.sum(1, keepdims=True)


class Numbered(kk.utils.PyDataset):
    def __len__(self):
        return 9

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


class Round:
    def __iter__(self):
        return (Numbered()[i] for i in range(9))


DATA = {
    "arrays": lambda: {"x": X, "y": Y, "batch_size": 4},
    "a generator": lambda: {"x": batches(), "steps_per_epoch": 9},
    "numbered batches": lambda: {"x": Numbered()},
    "a list that goes round": lambda: {"x": Round(), "steps_per_epoch": 7},
}


def train(data, *callbacks, seed=1, epochs=3):
    model = model_of(seed)
    model.fit(**DATA[data](), epochs=epochs, verbose=0, validation_data=(X, Y), callbacks=list(callbacks))
    return model


def result(model):
    """Weights and the optimizer's state, and the last epoch's logs."""
    state = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    return state, {name: values[-1] for name, values in model.history.history.items()}


def assert_same(model, expected):
    state, logs = result(model)
    for a, b in zip(state, expected[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert logs in (expected[1], {})  # nothing, if the backup was that of the last epoch's end


class DiesAt(kk.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise Death


@pytest.mark.one_in(5)
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("save_freq", "deaths"), [("epoch", [10, 3, 12]), (1, [3, 8, 2]), (4, [6, 9, 2])])
def test_it_goes_on_at_the_very_batch(data, save_freq, deaths, tmp_path):
    folder = tmp_path / "backup"
    expected = result(train(data))
    for lives, step in enumerate(deaths):
        with pytest.raises(Death):
            backup = kk.callbacks.BackupAndRestore(folder, save_freq=save_freq)
            # In later lives nothing but the backup knows the seed of the data's order.
            train(data, backup, DiesAt(step), seed=1 + 10 * lives)
    assert_same(train(data, kk.callbacks.BackupAndRestore(folder, save_freq=save_freq), seed=99), expected)
    assert not folder.exists()


SETTINGS = [{"save_freq": 7}, {"save_freq": 7, "double_checkpoint": True}]


@pytest.mark.one_in(16)
@pytest.mark.parametrize("phase", range(4))
@pytest.mark.parametrize("settings", SETTINGS, ids=["single", "double"])
def test_a_death_at_any_file_operation_changes_nothing(settings, phase, tmp_path, grim):
    expected = result(train("arrays", epochs=2))
    for operations in range(phase, 1000, 4):
        folder = tmp_path / str(operations)
        folder.mkdir()
        died = 0
        for _ in range(2):  # it dies, and its next life dies as soon
            grim.watch(folder, operations)
            try:
                train("arrays", kk.callbacks.BackupAndRestore(folder, delete_checkpoint=False, **settings), epochs=2)
            except Death:
                died += 1
            finally:
                grim.rest()
        assert_same(
            train("arrays", kk.callbacks.BackupAndRestore(folder, delete_checkpoint=False, **settings), epochs=2),
            expected,
        )
        names = {p.name.removesuffix(".bkp") for p in folder.iterdir()}
        assert names == {"latest.weights.h5", "training_metadata.json"}, operations
        if not died:
            break
    assert 12 < operations < 100


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are killed by a signal")
@pytest.mark.parametrize("settings", SETTINGS, ids=["single", "double"])
def test_processes_that_are_killed_at_random_times_go_on_as_if_nothing_had_been(settings, tmp_path, unbroken):
    died, got = storm(tmp_path, 2, settings, random.Random(0))
    assert differences(unbroken, got) == 0
    assert died


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    return unbroken_result(tmp_path_factory.mktemp("unbroken"))
