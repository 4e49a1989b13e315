"""Trainings as data in a notebook."""

import base64
import json

import numpy as np

from kernelkit.viz.curves import steering
from kernelkit.viz.curves.message import encode_curves, history_message
from kernelkit.viz.curves.saved import saved
from kernelkit.viz.curves.store import CurveStore


def test_short_curves_are_kept_as_they_are():
    found = saved("net", [history_message(0, 1, "net", [0, 1, 2], {"loss": [3.0, float("nan"), 1.0]})])
    json.dumps(found, allow_nan=False)
    [run] = found["runs"]
    assert [(c["name"], c["count"], c["stride"]) for c in run["curves"]] == [("", 3, 1), ("loss", 3, 1)]
    values = np.frombuffer(base64.b64decode(run["values"]), "<f4")
    np.testing.assert_array_equal(values, [1, 2, 3, 3, np.nan, 1])
    assert run["facts"]["best"] == {"loss": [3, 1.0]}


def test_long_curves_get_fewer_buckets_with_the_same_extremes():
    store = CurveStore()
    values = np.sin(np.arange(5000) / 50).astype("float32")
    store.add_steps(0, {"loss": values})
    curves, buffer, _ = encode_curves(store, None)
    content = {"curves": curves, "facts": {"name": "net", "can": ["pause"], "answered": ["x"]}}
    found = saved("net", [(content, buffer)], limit=4096)
    [run] = found["runs"]
    assert run["facts"] == {"name": "net"}
    table = np.frombuffer(base64.b64decode(run["values"]), "<f4")
    assert table.nbytes <= 4096
    [entry] = [c for c in run["curves"] if c["name"] == "loss"]
    mean, low, high = table[-3 * -(-entry["count"] // entry["stride"]) :].reshape(3, -1)
    assert entry["count"] == 5000 and low.min() == values.min() and high.max() == values.max()
    assert abs(mean.mean() - values.mean()) < 0.05


def test_a_message_reaches_the_training_that_it_is_for_and_no_other():
    heard: list = []
    kept = steering.steer_by("a", heard.append)
    for data in (
        {"training": "a", "content": {"kind": "stop"}},
        {"training": "b", "content": 1},
        {"training": []},
        None,
        5,
    ):
        steering.pass_on(data)
    assert heard == [{"kind": "stop"}]
    del kept
    steering.pass_on({"training": "a", "content": {"kind": "stop"}})
    assert len(heard) == 1
