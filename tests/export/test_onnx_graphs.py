"""What ONNX's graphs hold: its own recurrences, and one operation where several would say the same."""

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as L
from kernelkit import ops
from kernelkit.export import onnx as writer
from kernelkit.export import program, report
from tests.export import zoo

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def operations(model, opset=None, batches=(1, 3), tolerance=2e-5):
    """The operations of a model's graph, once it was found to compute what the model computes."""
    traced = program.trace(model)
    graph = writer.make_model(traced, opset)
    onnx.checker.check_model(graph, full_check=True)
    session = runtime.InferenceSession(graph.SerializeToString())
    for batch in batches:
        inputs = report.sample(traced.signature.inputs, seed=batch, batch=batch)
        got = session.run(None, dict(zip([s.name for s in traced.signature.inputs], inputs, strict=True)))
        want = [np.asarray(y) for y in jax.tree.leaves(model(traced.signature.nest(inputs), training=False))]
        assert report.largest_difference(got, want) < tolerance
    return [node.op_type for node in graph.graph.node if node.op_type != "Identity"]


def of(function, *shape):
    """A model of one input whose call is a function."""
    i = kk.Input(shape)
    return kk.Model(i, function(i))


RECURRENT = {
    "LSTM": lambda i: L.LSTM(3)(i),
    "LSTM backward": lambda i: L.LSTM(3, go_backwards=True, return_sequences=True)(i),
    "LSTM with its states": lambda i: L.LSTM(3, return_sequences=True, return_state=True)(i),
    "LSTM without bias": lambda i: L.LSTM(3, use_bias=False)(i),
    "LSTM from a state": lambda i: L.LSTM(4)(i, initial_state=[i[:, 0], i[:, 1] * 2]),
    "LSTM both ways": lambda i: L.Bidirectional(L.LSTM(3, return_sequences=True))(i),
    "GRU": lambda i: L.GRU(3, return_sequences=True)(i),
    "GRU without bias": lambda i: L.GRU(3, use_bias=False)(i),
    "GRU from a state": lambda i: L.GRU(4)(i, initial_state=i[:, 0]),
    "RNN": lambda i: L.SimpleRNN(3)(i),
    "RNN of relu": lambda i: L.SimpleRNN(3, activation="relu", return_sequences=True)(i),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_a_recurrence_is_onnxs_own(name):
    kk.utils.set_random_seed(0)
    model = of(RECURRENT[name], 5, 4)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    found = operations(model)
    assert name.split()[0] in found and "Loop" not in found


LOOPS = {
    "a mask": lambda i: L.LSTM(3)(L.Masking()(i)),
    "another activation": lambda i: L.LSTM(3, activation="softsign")(i),
    "a reset before the product": lambda i: L.GRU(3, reset_after=False)(i),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_recurrence_that_onnx_does_not_have_is_a_loop(name):
    found = operations(of(LOOPS[name], 5, 4))
    assert "Loop" in found and not {"LSTM", "GRU", "RNN"} & set(found)


def test_the_body_of_a_loop_holds_nothing_that_nobody_reads():
    traced = program.trace(of(LOOPS["a mask"], 5, 4))
    (loop,) = (node for node in writer.make_model(traced).graph.node if node.op_type == "Loop")
    body = loop.attribute[0].g
    read = {name for node in body.node for name in node.input} | {o.name for o in body.output}
    assert all(read & set(node.output) for node in body.node)
    assert len(body.node) < 45


def test_a_classifier_is_five_operations():
    model = of(lambda i: L.Dense(3, activation="softmax")(L.Dense(8, activation="relu")(i)), 5)
    assert operations(model) == ["Gemm", "Relu", "Gemm", "Softmax"]


def test_a_transformer_has_normalizations_and_products_without_einsum():
    found = operations(zoo.build("transformer"))
    assert {"LayerNormalization", "Softmax"} <= set(found) and "Einsum" not in found
    assert len(found) <= 35
    assert "Gelu" in operations(zoo.build("transformer"), opset=20)


def test_a_bias_is_part_of_its_convolution():
    found = operations(of(lambda i: L.Conv2D(4, 3, activation="relu")(i), 8, 8, 3))
    assert found == ["Transpose", "Conv", "Transpose", "Relu"]


LOOKALIKES = {
    "the sum of another axis": lambda x: ops.exp(x - ops.max(x, 1, keepdims=True)) / ops.sum(
        ops.exp(x - ops.max(x, 1, keepdims=True)), 2, keepdims=True
    ),
    "the sum as a row": lambda x: ops.exp(x - ops.max(x, 2, keepdims=True)) / ops.sum(
        ops.exp(x - ops.max(x, 2, keepdims=True)), 2
    )[:, None, :],
    "the mean as a row": lambda x: (x - ops.mean(x, 2)[:, None, :]) * ops.rsqrt(
        ops.mean(ops.square(x - ops.mean(x, 2)[:, None, :]), 2)[:, None, :] + 0.01
    ) * np.arange(4, dtype="float32") + np.ones(4, "float32"),
    "a bias of rows": lambda x: (x[:, 0] @ np.eye(4, dtype="float32") * 2)[:, :, None] + np.ones((4, 1), "float32"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_only_looks_like_an_operation_stays_what_it_is(name):
    class Own(L.Layer):
        def call(self, x):
            return LOOKALIKES[name](x)

    found = operations(of(Own(), 4, 4))
    assert not {"Softmax", "LayerNormalization"} & set(found)


PIECES = {
    "dense": lambda a, b, rng: L.Dense(8, activation="gelu")(a),
    "normal": lambda a, b, rng: L.LayerNormalization()(a + b),
    "rms": lambda a, b, rng: L.RMSNormalization()(a),
    "attention": lambda a, b, rng: L.MultiHeadAttention(2, 4)(a, b, use_causal_mask=bool(rng.integers(2))),
    "conv": lambda a, b, rng: L.Conv1D(8, 3, padding="same", dilation_rate=int(rng.integers(1, 3)))(a),
    "depthwise": lambda a, b, rng: L.DepthwiseConv1D(3, padding="same", activation="silu")(a),
    "pool": lambda a, b, rng: L.UpSampling1D(2)(L.MaxPooling1D(2)(a)),
    "lstm": lambda a, b, rng: L.LSTM(8, return_sequences=True, go_backwards=bool(rng.integers(2)))(a),
    "gru": lambda a, b, rng: L.GRU(8, return_sequences=True)(a),
    "softmax": lambda a, b, rng: ops.softmax(a, axis=int(rng.integers(1, 3))),
    "product": lambda a, b, rng: ops.matmul(ops.matmul(a, ops.transpose(b, (0, 2, 1))) * 0.1, b),
    "einsum": lambda a, b, rng: ops.einsum("btf,bsf->bts", a, b)[:, :, :1] * a,
    "pick": lambda a, b, rng: ops.take(a, np.array([5, 0, 3, 3, 1, 2]), axis=1),
    "sort": lambda a, b, rng: ops.sort(a, axis=-1) + ops.cumsum(b, axis=1) * 0.1,
    "bend": lambda a, b, rng: ops.reshape(ops.transpose(ops.reshape(a, (-1, 6, 2, 4)), (0, 1, 3, 2)), (-1, 6, 8)),
    "where": lambda a, b, rng: ops.where(a > b, a, ops.flip(b, axis=1)) * 0.5,
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed", range(12))
def test_networks_drawn_at_random_equal_their_files(seed):
    rng = np.random.default_rng(seed)
    kk.utils.set_random_seed(seed)
    i = kk.Input((6, 8))
    pool = [i]
    for _ in range(8):
        a, b = (pool[rng.integers(max(0, len(pool) - 3), len(pool))] for _ in range(2))
        pool.append(PIECES[str(rng.choice(list(PIECES)))](a, b, rng))
    operations(kk.Model(i, pool[-1] + pool[-2]), int(rng.choice([17, 18, 20, 23])), tolerance=1e-4)
