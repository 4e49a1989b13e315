"""Code that reads sizes which are open in the file: each pattern at several batches and lengths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as L
from kernelkit import ops

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("flatbuffers")


def steps(x):
    return ops.shape(x)[1]


def table(rows):
    return ops.convert_to_tensor(np.random.default_rng(1).random((rows, 4), "float32"))


PATTERNS = {
    "repeat the batch": lambda x: ops.repeat(ops.ones((1, 1, 4)), ops.shape(x)[0], axis=0) + x,
    "repeat flat": lambda x: ops.repeat(ops.convert_to_tensor([2.0, 3.0]), steps(x)) + ops.mean(x),
    "tile": lambda x: ops.tile(ops.ones((1, 1, 4)), (ops.shape(x)[0], steps(x), 1)) + x,
    "broadcast": lambda x: ops.broadcast_to(ops.ones((1, 1, 4)), ops.shape(x)) + x,
    "arange": lambda x: ops.cast(ops.arange(steps(x)), "float32")[None, :, None] + x,
    "arange from, by": lambda x: ops.arange(0, 2 * steps(x), 2)[None, :, None] + x,
    "arange backward": lambda x: ops.take(x, ops.arange(steps(x) - 1, -1, -1), axis=1),
    "linspace": lambda x: ops.linspace(0.0, 1.0, steps(x))[None, :, None] + x,
    "table": lambda x: ops.take(table(16), ops.arange(steps(x)), axis=0)[None] + x,
    "one-hot": lambda x: ops.matmul(ops.one_hot(ops.arange(steps(x)), steps(x)), x),
    "causal mask": lambda x: ops.where(ops.arange(steps(x))[:, None] >= ops.arange(steps(x)), 0.0, -9.0) + x[..., :1],
    "causal attention": lambda x: ops.dot_product_attention(
        x[:, :, None], x[:, :, None], x[:, :, None], is_causal=True
    ),
    "triangle": lambda x: ops.matmul(ops.tril(ops.ones((steps(x), steps(x)))), x),
    "meshgrid": lambda x: ops.stack(ops.meshgrid(ops.arange(steps(x)), ops.arange(3)), axis=-1) + ops.mean(x),
    "heads": lambda x: ops.transpose(ops.reshape(x, (ops.shape(x)[0], steps(x), 2, 2)), (0, 2, 1, 3)),
    "half": lambda x: x[:, : steps(x) // 2],
    "largest two": lambda x: ops.top_k(ops.transpose(x, (0, 2, 1)), 2)[0],
    "window": lambda x: ops.conv(x, ops.ones((3, 4, 2)), padding="valid"),
    "mirrored": lambda x: ops.pad(x, ((0, 0), (2, 1), (0, 0)), mode="reflect"),
    "set at 0": lambda x: x.at[:, 0].set(0.0),
    "add at the end": lambda x: x.at[:, -1].add(1.0),
    "set at the largest": lambda x: x.at[jnp.arange(x.shape[0]), jnp.argmax(x[..., 0], axis=1)].set(9.0),
    "set outside": lambda x: x.at[:, jnp.array([1, 99, -99])].set(9.0, mode="drop"),
    "multiply at some": lambda x: x.at[:, jnp.array([0, 1, 0])].multiply(2.0),
    "unique": lambda x: jnp.unique(jnp.round(x[0, :2]), size=8, fill_value=9.0),
    "no axes": lambda x: jnp.any(x > 0, axis=()),
}


@pytest.mark.one_in(6)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_computes_the_same_at_any_size(pattern, tmp_path):
    i = kk.Input((None, 4))
    model = kk.Model(i, L.Lambda(PATTERNS[pattern])(i))
    for format in ("stablehlo", "onnx"):
        options = {"platforms": ["cpu"]} if format == "stablehlo" else {}
        model.export(tmp_path / format, format=format, verbose=False, **options)
    session, program = runtime.InferenceSession(tmp_path / "onnx"), kk.export.load(tmp_path / "stablehlo")
    for batch, length in ((2, 5), (1, 3), (3, 8)):
        x = np.random.default_rng(length).normal(size=(batch, length, 4)).astype("float32")
        want = np.asarray(jax.jit(PATTERNS[pattern])(x))
        for got in (program(x), session.run(None, {session.get_inputs()[0].name: x})[0]):
            assert got.shape == want.shape
            np.testing.assert_allclose(np.asarray(got, "float64"), np.asarray(want, "float64"), atol=1e-5)


def test_pictures_of_any_size(tmp_path):
    i = kk.Input((None, None, 3))
    h = L.MaxPooling2D(2)(L.Conv2D(4, 3, activation="relu")(i))
    h = L.Conv2D(5, 3)(L.BatchNormalization()(h))
    model = kk.Model(i, L.Dense(2)(L.concatenate([L.GlobalAveragePooling2D()(h), L.GlobalMaxPooling2D()(h)])))
    model.export(tmp_path / "model", format="onnx", verbose=False)
    session = runtime.InferenceSession(tmp_path / "model")
    for shape in ((1, 8, 9, 3), (2, 21, 16, 3)):
        x = np.random.default_rng(0).random(shape, "float32")
        (got,) = session.run(None, {session.get_inputs()[0].name: x})
        np.testing.assert_allclose(got, model(x), atol=1e-5)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x[:, steps(x) - 1], "its code needs one of them as a number"),
        (
            lambda x: ops.conv(x, ops.ones((3, 4, 2)), padding="same", strides=2),
            "its code needs one of them as a number",
        ),
        (
            lambda x: ops.pad(x, ((0, 0), (0, steps(x)), (0, 0))),
            "ONNX needs a size as a number that is open here, which",
        ),
        (lambda x: jnp.abs(x + 1j * x), "ONNX has no operations on complex numbers, which .*lambda uses"),
    ],
)
def test_what_does_not_go_is_told_in_words(function, words, tmp_path):
    i = kk.Input((None, 4))
    model = kk.Model(i, L.Lambda(function, name="lambda")(i))
    with pytest.raises((ValueError, NotImplementedError), match=words):
        model.export(tmp_path / "model", format="onnx")
    assert not list(tmp_path.iterdir())


def test_a_size_that_is_too_small_is_told(tmp_path):
    i = kk.Input((None, 4))
    model = kk.Model(i, L.Conv1D(2, 6)(i))
    model.export(tmp_path / "model", format="stablehlo", verbose=False, platforms=["cpu"])
    program = kk.export.load(tmp_path / "model")
    x = np.random.default_rng(0).random((2, 6, 4), "float32")
    np.testing.assert_allclose(program(x), model(x), atol=1e-6)
    with pytest.raises(
        ValueError, match=r"does not take inputs of the shapes .*\(2, 5, 4\)\}: its windows need larger"
    ):
        program(x[:, :5])


def test_names_are_unique():
    from kernelkit.export.signature import unique

    assert unique(["a", "a_1", "a", "b", "a"]) == ["a", "a_1", "a_2", "b", "a_3"]


def test_an_output_has_another_name_than_the_input_it_is(tmp_path):
    i = kk.Input((3,), name="x")
    done = kk.Model(i, [i, L.Dense(2, name="h")(i)]).export(tmp_path / "model", format="onnx", verbose=False)
    session = runtime.InferenceSession(tmp_path / "model")
    assert [s.name for s in done.outputs] == [o.name for o in session.get_outputs()] == ["x_1", "h"]
    assert done.error is not None and done.error < 1e-6
