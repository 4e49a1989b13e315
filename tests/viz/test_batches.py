"""The values of single batches, found from the running means that training reports."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.curves.batches import BatchValues, means_of


def running(values: np.ndarray) -> np.ndarray:
    """What a Mean reports after each batch: float32 sums and counts of 32 samples a batch."""
    sums = np.cumsum(values.astype(np.float32) * np.float32(32), dtype=np.float32)
    return sums / (np.arange(1, len(values) + 1) * 32).astype(np.float32)


@pytest.mark.parametrize("steps, off", [(1_000, 2e-4), (30_000, 6e-3)])
def test_a_batch_is_told_from_its_neighbours(steps, off):
    values = 1 + 0.3 * np.random.default_rng(0).normal(size=steps)
    found = BatchValues({"loss"}).split(0, {"loss": running(values)})["loss"]
    assert np.abs(found - values).max() < off


def test_late_in_a_long_epoch_it_is_a_few_batches_at_once():
    values = 1 + 0.3 * np.random.default_rng(0).normal(size=400_000)
    found = BatchValues({"loss"}).split(0, {"loss": running(values)})["loss"]
    mean_of_13 = np.convolve(values, np.ones(13) / 13)[: len(values)]
    assert np.abs(found - mean_of_13)[-100_000:].max() < 0.02  # single steps would be off by 0.1


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_blocks_of_any_size_give_the_same(size):
    means = running(np.random.default_rng(0).random(1000))
    whole = BatchValues({"loss"}).split(0, {"loss": means})["loss"]
    values = BatchValues({"loss"})
    parts = [values.split(i, {"loss": means[i : i + size]})["loss"] for i in range(0, 1000, size)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_each_epoch_begins_anew_and_a_gap_is_no_value():
    values = BatchValues({"loss"})
    for _ in range(2):
        np.testing.assert_allclose(values.split(0, {"loss": np.array([4.0, 3.0])})["loss"], [4, 2])
    np.testing.assert_array_equal(values.split(7, {"loss": np.array([3.0, 3.0])})["loss"], [np.nan, 3.0])


def test_what_is_no_mean_and_what_is_no_number_pass():
    values = BatchValues({"loss"})
    found = values.split(0, {"loss": np.array([1.0, np.nan, np.nan]), "auc": np.array([0.5, 0.6, 0.7])})
    np.testing.assert_array_equal(found["loss"], [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(found["auc"], [0.5, 0.6, 0.7])


def test_it_is_the_loss_of_each_batch_of_a_real_fit():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 4)).astype("float32"), rng.integers(0, 2, 200)
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(2, "softmax")])
    model.compile(kk.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=16, shuffle=False, verbose=0)
    assert means_of(model) == {"loss", "accuracy"}
    found = BatchValues(means_of(model)).split(0, history.batches)
    alone = [model.evaluate(x[i : i + 16], y[i : i + 16], verbose=0) for i in range(0, 192, 16)]
    np.testing.assert_allclose(np.stack([found["loss"], found["accuracy"]], 1)[:12], alone, atol=3e-6)
    last = [model.evaluate(x[192:], y[192:], verbose=0)[0], history.batches["loss"][11]]
    assert min(last) < found["loss"][12] < max(last)  # eight samples: nearer to the mean than they were


def test_a_step_of_ones_own_may_report_anything():
    class Own(kk.Sequential):
        def train_step(self, state, data):
            return super().train_step(state, data)

    model = Own([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[kk.metrics.MeanSquaredError()])
    assert means_of(model) == frozenset()
