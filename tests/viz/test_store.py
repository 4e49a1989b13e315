"""The store of curves: bounded memory, and no spike lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelkit.viz.curves.series import Series
from kernelkit.viz.curves.store import CurveStore, higher_is_better

FLOATS = st.floats(-1e6, 1e6, width=32)


@given(st.lists(st.lists(FLOATS, max_size=40), max_size=12), st.sampled_from([2, 4, 16, 64]))
def test_every_bucket_keeps_the_extremes_and_the_mean_of_its_values(chunks, capacity):
    series = Series(capacity)
    for chunk in chunks:
        series.append(np.array(chunk))
    values = np.array([v for chunk in chunks for v in chunk], np.float32)
    assert series.count == len(values)
    buckets = series.read()
    assert len(buckets) == -(-len(values) // buckets.stride) <= capacity + 1
    for i in range(len(buckets)):
        covered = values[i * buckets.stride : (i + 1) * buckets.stride]
        assert buckets.low[i] == covered.min() and buckets.high[i] == covered.max()
        np.testing.assert_allclose(buckets.mean[i], covered.mean(dtype=np.float64), rtol=1e-4, atol=1)


@given(st.integers(0, 300), st.integers(0, 320), st.integers(1, 100))
def test_reading_the_end_equals_the_end_of_reading_all(count, start, stride):
    series = Series(64)
    series.append(np.random.default_rng(count).normal(size=count))
    everything, tail = series.read(0, stride), series.read(start, stride)
    assert tail.stride == everything.stride >= stride
    assert tail.start <= max(start, 0) and tail.start % tail.stride == 0
    np.testing.assert_array_equal(tail.high, everything.high[tail.start // tail.stride :])
    np.testing.assert_array_equal(tail.mean, everything.mean[tail.start // tail.stride :])


def test_a_single_spike_in_a_million_steps_stays():
    series = Series()
    values = np.zeros(1_000_000, np.float32)
    values[654_321] = 7.0
    for chunk in np.array_split(values, 1000):
        series.append(chunk)
    coarse = series.read(stride=4096)
    assert len(coarse) <= 250
    assert coarse.high.max() == 7.0 and np.argmax(coarse.high) == 654_321 // coarse.stride


def test_nan_is_a_gap_not_a_value():
    series = Series(4)
    series.append(np.array([1.0, np.nan, np.nan, np.nan, 5.0, 6.0]))
    buckets = series.read()
    assert buckets.stride == 2
    np.testing.assert_array_equal(buckets.low, [1.0, np.nan, 5.0])
    np.testing.assert_array_equal(buckets.mean, [np.nan, np.nan, 5.5])


def test_an_odd_capacity_is_refused():
    with pytest.raises(ValueError, match="even capacity"):
        Series(5)


def test_a_million_steps_of_six_metrics_take_little_memory():
    store = CurveStore()
    rng = np.random.default_rng(0)
    for first in range(0, 1_000_000, 10_000):
        store.add_steps(first, {f"metric_{i}": rng.normal(size=10_000).astype(np.float32) for i in range(6)})
    assert store.step_count == 1_000_000
    assert store.nbytes <= 6 << 20


def test_a_metric_that_comes_late_or_leaves_keeps_its_place():
    store = CurveStore()
    store.add_steps(0, {"loss": np.ones(3)})
    store.add_steps(3, {"loss": np.ones(2), "auc": np.full(2, 0.5)})
    store.add_steps(5, {"loss": np.ones(1)})
    np.testing.assert_array_equal(store.steps["auc"].read().mean, [np.nan] * 3 + [0.5, 0.5, np.nan])


def test_steps_that_were_never_told_of_are_gaps_and_old_ones_are_ignored():
    store = CurveStore()
    store.add_steps(2, {"loss": np.ones(2)})
    store.add_steps(0, {"loss": np.ones(2)})
    np.testing.assert_array_equal(store.steps["loss"].read().mean, [np.nan, np.nan, 1, 1])


def test_best_follows_the_metrics_direction():
    store = CurveStore()
    for epoch, (loss, accuracy) in enumerate([(3.0, 0.1), (1.0, 0.9), (2.0, 0.5), (float("nan"), 0.2)]):
        store.add_epoch(epoch + 1, {"val_loss": loss, "accuracy": accuracy})
    assert store.best == {"val_loss": (2, 1.0), "accuracy": (2, 0.9)}
    assert store.metrics() == ["loss", "accuracy"]


@pytest.mark.parametrize(
    ("name", "higher"),
    [
        ("loss", False),
        ("val_loss", False),
        ("accuracy_loss", False),
        ("mae", False),
        ("root_mean_squared_error", False),
        ("categorical_accuracy", True),
        ("AUC", True),
        ("val_precision_1", True),
        ("r2_score", True),
        ("mean_io_u", True),
    ],
)
def test_direction_by_name(name, higher):
    assert higher_is_better(name) is higher


def test_learning_rate_is_a_curve_of_its_own_once_it_changes():
    store = CurveStore()
    store.add_epoch(1, {"loss": 1.0, "lr": 0.1})
    assert not store.rate_changes() and store.metrics() == ["loss"]
    store.add_epoch(2, {"loss": 1.0, "lr": 0.05})
    assert store.rate_changes()
    np.testing.assert_allclose(store.epochs["learning_rate"].read().mean, [0.1, 0.05], rtol=1e-6)
