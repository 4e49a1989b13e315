"""Gates of recurrent layers: their values, and saturated ones found in every form that such a layer takes."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as kl
from kernelkit.initializers import Constant, RandomNormal
from tests.viz.debugger.test_planted import IDS, LABELS, WAVES, compiled, explained

BIG = RandomNormal(stddev=60.0, seed=3)


def net(*layers, shape=(8, 1)):
    return compiled(kk.Sequential([kk.Input(shape), *layers, kl.Dense(3, "softmax")]))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_the_gates_of_an_lstm_are_those_of_its_equations():
    dbg = net(kl.LSTM(4, name="reader")).debug(WAVES, LABELS, batch_size=8)
    kernel, recurrent, bias = dbg.timeline.steps.model.get_layer("reader").get_weights()
    dbg.step(1)
    gates, x = dbg.gates("reader"), np.asarray(dbg.batch.x)
    assert set(gates) == {"input", "forget", "output"} and gates["forget"].shape == (8, 8, 4)
    h = c = np.zeros((8, 4))
    for t in range(8):
        i, f, new, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        i, f, o = sigmoid(i), sigmoid(f), sigmoid(o)
        for name, expected in (("input", i), ("forget", f), ("output", o)):
            np.testing.assert_allclose(gates[name][:, t], expected, atol=1e-5)
        c = f * c + i * np.tanh(new)
        h = o * np.tanh(c)
    np.testing.assert_allclose(dbg.activations("reader"), h, atol=1e-5)
    with pytest.raises(ValueError, match="shows no gates"):
        dbg.gates(dbg.timeline.steps.model.layers[-1].name)


@pytest.mark.parametrize("reset_after", [True, False])
def test_the_gates_of_a_gru_are_those_of_its_equations(reset_after):
    layer = kl.GRU(3, reset_after=reset_after, name="reader", go_backwards=True, bias_initializer="uniform")
    dbg = net(layer).debug(WAVES, LABELS, batch_size=8)
    kernel, recurrent, bias = layer.get_weights()
    dbg.step(1)
    gates, x = dbg.gates("reader"), np.asarray(dbg.batch.x)[:, ::-1]
    of_x, of_h = bias if reset_after else (bias, np.zeros(9))
    h = np.zeros((8, 3))
    for t in range(8):
        a, b = x[:, t] @ kernel + of_x, h @ recurrent + of_h
        z, r = sigmoid(a[:, :3] + b[:, :3]), sigmoid(a[:, 3:6] + b[:, 3:6])
        np.testing.assert_allclose(gates["update"][:, t], z, atol=1e-5)
        np.testing.assert_allclose(gates["reset"][:, t], r, atol=1e-5)
        state = r * b[:, 6:] if reset_after else (r * h) @ recurrent[:, 6:]
        h = z * h + (1 - z) * np.tanh(a[:, 6:] + state)
    np.testing.assert_allclose(dbg.activations("reader"), h, atol=1e-5)


GATES = ["input gate", "forget gate", "output gate", "update gate", "reset gate"]
SATURATED = {
    "lstm": (lambda: net(kl.LSTM(6, kernel_initializer=BIG, name="r")), GATES),
    "gru": (lambda: net(kl.GRU(6, kernel_initializer=BIG, name="r")), GATES),
    "closed": (
        lambda: net(kl.LSTM(6, unit_forget_bias=False, bias_initializer=Constant(-9.0), name="r")),
        ["input gate"],
    ),
    "sequences": (
        lambda: net(kl.LSTM(4, kernel_initializer=BIG, return_sequences=True, name="r"), kl.GlobalMaxPooling1D()),
        GATES,
    ),
    "a cell": (lambda: net(kl.RNN(kl.LSTMCell(6, kernel_initializer=BIG), name="r")), GATES),
    "dropout": (lambda: net(kl.LSTM(6, kernel_initializer=BIG, recurrent_dropout=0.2, name="r")), GATES),
    "hard": (
        lambda: net(kl.LSTM(6, recurrent_activation="hard_sigmoid", kernel_initializer=BIG, name="r")),
        GATES,
    ),
    "convolutions": (
        lambda: net(kl.Reshape((8, 1, 1)), kl.ConvLSTM1D(4, 1, kernel_initializer=BIG, name="r"), kl.Flatten()),
        GATES,
    ),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("case", SATURATED)
def test_a_saturated_gate_is_found_and_named(case):
    make, gate = SATURATED[case]
    found, _ = explained(make, WAVES, LABELS, 10)
    assert (found.kind, found.layer) == ("saturated units", "r") and found.op in gate, found
    assert found.op in found.title and "'r'" in found.title and "closed" in found.evidence[0] and found.advice


def test_a_saturated_gate_inside_a_wrapper_is_named_with_it():
    found, dbg = explained(
        lambda: net(kl.Bidirectional(kl.LSTM(4, kernel_initializer=BIG, name="r"), name="both")), WAVES, LABELS, 5
    )
    assert found.kind == "saturated units" and found.layer == "both/forward_r"
    assert dbg.gates(found.layer)["input"].shape == (24, 8, 4)


def keeping(gate):
    """An initializer of biases with which a gate, of three or four, begins wide open."""
    return lambda shape, dtype=None: np.where(np.arange(shape[-1]) // 6 == gate, 6.0, 0.0) * np.ones(shape)


@pytest.mark.parametrize(("cell", "gate", "name"), [(kl.GRU, 0, "update"), (kl.LSTM, 1, "forget")])
def test_a_gate_that_keeps_the_memory_by_its_bias_is_healthy(cell, gate, name):
    options = {"unit_forget_bias": False} if cell is kl.LSTM else {}
    layer = cell(6, bias_initializer=keeping(gate), name="r", **options)
    found, dbg = explained(lambda: net(layer), WAVES, LABELS, 10)
    assert dbg.gates("r")[name].min() > 0.95 and found.kind == "nothing", found


def test_steps_that_the_mask_leaves_out_do_not_count():
    values = np.full((4, 2, 3), 0.5)
    from kernelkit.viz.debugger.finders import gates
    from kernelkit.viz.debugger.observer import SeenLayer

    class Look:
        values = {"gates/0/mask/value": np.array([[1, 1], [0, 1], [0, 0], [0, 0]])}

    seen = SeenLayer("r", None, [], gates={"input": "gates/0/input", "mask": "gates/0/mask"})
    assert gates._unmasked(values, seen, Look).shape == (3, 3)
    layers = [kk.Input((6,)), kl.Embedding(12, 4, mask_zero=True), kl.LSTM(3, name="r"), kl.Dense(3, "softmax")]
    dbg = compiled(kk.Sequential(layers)).debug(IDS, LABELS, batch_size=8)
    dbg.step(1)
    look = dbg.look()
    seen = next(one for one in look.observer.layers if one.name == "r")
    mask = np.asarray(look.values[f"{seen.gates['mask']}/value"])
    np.testing.assert_array_equal(mask.T, np.asarray(dbg.batch.x) != 0)
