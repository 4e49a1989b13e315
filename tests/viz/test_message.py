"""The panel's messages: small, and together they say what a single one would."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelkit.viz.curves import message
from kernelkit.viz.curves.message import BUFFER_LIMIT, encode_curves, json_numbers
from kernelkit.viz.curves.store import CurveStore
from tests.viz.decoder import Decoder


def grow(store: CurveStore, steps: int, metrics: int, epoch: bool, rng: np.random.Generator) -> None:
    logs = {f"metric_{i}": rng.normal(size=steps).astype(np.float32) for i in range(metrics)}
    store.add_steps(store.step_count, logs)
    if epoch:
        store.add_epoch(store.epoch_count + 1, {"loss": rng.normal(), "val_loss": rng.normal()})


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 3), st.booleans()), min_size=1, max_size=12),
    st.integers(0, 2**16),
)
def test_deltas_add_up_to_the_snapshot(growth, seed):
    rng = np.random.default_rng(seed)
    store, cursor, by_deltas, at_once = CurveStore(), None, Decoder(), Decoder()
    for steps, metrics, epoch in growth:
        grow(store, steps, metrics, epoch, rng)
        entries, buffer, cursor = encode_curves(store, cursor)
        assert len(buffer) <= BUFFER_LIMIT
        by_deltas.apply(entries, buffer)
    entries, buffer, _ = encode_curves(store, None)
    at_once.apply(entries, buffer)
    assert by_deltas.curves.keys() == at_once.curves.keys()
    for key, curve in at_once.curves.items():
        other = by_deltas.curves[key]
        while other["stride"] > curve["stride"]:
            pytest.fail("a delta is coarser than the snapshot after it")
        if other["stride"] == curve["stride"]:
            np.testing.assert_array_equal(other["columns"][1:], curve["columns"][1:])
            np.testing.assert_allclose(other["columns"][0], curve["columns"][0], rtol=1e-4, atol=1e-5)


def test_a_delta_is_as_small_as_what_is_new():
    store = CurveStore()
    rng = np.random.default_rng(0)
    grow(store, 100_000, 3, True, rng)
    _, whole, cursor = encode_curves(store, None)
    grow(store, 500, 3, False, rng)
    _, delta, _ = encode_curves(store, cursor)
    assert len(delta) <= 3 * 3 * 4 * (500 // 64 + 2) < len(whole) / 50
    assert encode_curves(store, encode_curves(store, None)[2])[:2] == ([], b"")


def test_a_hundred_curves_of_a_million_values_fit_one_message():
    store = CurveStore()
    logs = {f"output_{i}_a_rather_long_metric_name": np.zeros(10_000, np.float32) for i in range(100)}
    for first in range(0, 1_000_000, 10_000):
        store.add_steps(first, logs)
    entries, buffer, _ = encode_curves(store, None)
    assert len(buffer) + len(json.dumps(entries)) <= 64 << 10
    assert len(entries) == 100


def test_more_curves_than_fit_leave_some_out():
    store = CurveStore()
    store.add_epoch(1, {f"m{i}": 1.0 for i in range(1000)})
    assert len(encode_curves(store, None)[0]) == message.MAX_SERIES


def test_numbers_that_json_lacks_become_words():
    text = json.dumps(json_numbers({"a": float("nan"), "b": -float("inf"), "c": 1.5}), allow_nan=False)
    assert json.loads(text) == {"a": "nan", "b": "-inf", "c": 1.5}
