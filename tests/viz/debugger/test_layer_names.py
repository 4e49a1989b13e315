"""The names of layers in the debugger: one for each, with its owner's name where the name alone says little."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as kl
from kernelkit.viz.debugger.naming import layer_named, names_of
from tests.viz.debugger.test_planted import IDS, LABELS, TABLE, compiled


def transformer():
    ids = kk.Input((6,), dtype="int32")
    x = kl.Embedding(12, 8)(ids)
    for name in ("first", "second"):
        x = kl.LayerNormalization(name=f"norm_{name}")(x + kl.MultiHeadAttention(2, 4, name=name)(x, x))
    return compiled(kk.Model(ids, kl.Dense(3, "softmax", name="head")(kl.GlobalAveragePooling1D(name="mean")(x))))


def test_layers_inside_attention_are_named_with_it_and_each_can_be_looked_into():
    model = transformer()
    dbg = model.debug(IDS, LABELS, batch_size=24)
    dbg.step(1)
    rows = [row["layer"] for row in dbg.table().rows]
    parts = ["query", "key", "value", "attention_output"]
    assert [name for name in rows if "/" in name] == [
        f"{owner}/{part}" for owner in ("first", "second") for part in parts
    ]
    assert len(set(rows)) == len(rows)
    for owner in ("first", "second"):
        own = dbg.weights(f"{owner}/query")
        assert set(own) == {f"{owner}/query/kernel", f"{owner}/query/bias"}
        assert np.array_equal(own[f"{owner}/query/kernel"], dbg.weights(owner)[f"{owner}/query/kernel"])
    assert not np.array_equal(dbg.activations("first/query"), dbg.activations("second/query"))
    assert np.array_equal(dbg.activations("query"), dbg.activations("first/query"))  # the first of the name
    with pytest.raises(ValueError, match="Did you mean 'second/query'"):
        dbg.activations("second/qery")
    fork = dbg.fork(freeze=["second/query"])
    fork.step(1)
    moved = {path.split("/kernel")[0]: np.abs(u).max() > 0 for path, u in fork.updates().items() if "kernel" in path}
    assert not moved["second/query"] and moved["first/query"] and moved["second/key"]


def test_names_that_several_layers_share_are_told_apart_by_their_owners():
    class Twice(kk.Model):
        def __init__(self):
            super().__init__()
            self.left = kk.Sequential([kl.Dense(4, name="dense")], name="left")
            self.right = kk.Sequential([kl.Dense(4, name="dense"), kl.Dense(4, name="last")], name="right")
            self.pair = [kl.Dense(3, name="same"), kl.Dense(3, name="same")]

        def call(self, x):
            return self.pair[1](self.pair[0](self.left(x) + self.right(x)))

    model = compiled(Twice(), "mse")
    dbg = model.debug(TABLE, np.eye(3)[LABELS], batch_size=24)
    dbg.step(1)
    names = [row["layer"] for row in dbg.table().rows]
    assert names == ["left/dense", "left", "right/dense", "last", "right", "same", "same#2"]
    assert layer_named(model, "right/dense") is model.right.layers[0]
    assert layer_named(model, "dense") is model.left.layers[0] and layer_named(model, "nothing") is None


def test_a_shared_layer_has_one_name_and_parts_may_hold_each_other():
    shared = kl.Dense(2, name="d")
    first, second = kk.Sequential([shared], name="a"), kk.Sequential([shared], name="b")
    x = kk.Input((2,))
    model = kk.Model(x, [first(x), second(x)])
    assert list(names_of(model).values()).count("d") == 1

    class Ring(kl.Layer):
        other = None

    one, two = Ring(name="one"), Ring(name="two")
    one.other, two.other = two, one
    holder = kl.Layer(name="holder")
    holder.part = one
    assert sorted(names_of(holder).values()) == ["one", "two"]
