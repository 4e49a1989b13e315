"""ONNX files: of the models of the zoo, of sizes that are open, of what a file holds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops
from kernelkit.export import onnx as writer
from kernelkit.export import program, report
from kernelkit.export.walk import Missing
from tests.export import zoo

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def run(model, inputs, **options):
    """The outputs of a model's ONNX graph, and the graph."""
    traced = program.trace(model, options.pop("input_signature", None))
    graph = writer.make_model(traced, **options)
    onnx.checker.check_model(graph, full_check=True)
    session = runtime.InferenceSession(graph.SerializeToString())
    names = [spec.name for spec in traced.signature.inputs]
    flat = [np.asarray(x) for x in traced.signature.flatten(inputs)]
    return session.run(None, dict(zip(names, flat, strict=True))), graph


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_model_of_the_zoo_runs_in_onnxruntime_at_any_batch_size(name, tmp_path):
    model = zoo.build(name)
    path = str(tmp_path / "model.onnx")
    done = model.export(path, format="onnx", verbose=False)
    assert done.error is not None and done.error < 1e-5 and done.checked_by == "onnxruntime"
    session = runtime.InferenceSession(path)
    assert all(i.shape[0] == "batch" for i in session.get_inputs())
    for batch in (1, 2, 5):
        x = zoo.draw(model, batch)
        given = x if isinstance(x, dict) else {session.get_inputs()[0].name: x}
        got = dict(zip([o.name for o in session.get_outputs()], session.run(None, given), strict=True))
        want = zoo.outputs(model, x)
        want = want if isinstance(want, dict) else {next(iter(got)): want}
        for key, value in want.items():
            np.testing.assert_allclose(got[key], value, atol=1e-5)


def test_lengths_may_be_open_too():
    i = kk.Input((None, 4))
    model = kk.Model(i, kk.layers.Dense(2)(kk.layers.LSTM(3, return_sequences=True)(i)))
    for shape in ((2, 7, 4), (3, 5, 4)):
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        (got,), _ = run(model, x)
        np.testing.assert_allclose(got, model(x), atol=1e-5)


def test_weights_carry_the_paths_of_their_variables():
    i = kk.Input((3,))
    model = kk.Model(i, kk.layers.Dense(2, name="head")(i))
    _, graph = run(model, np.ones((1, 3), "float32"))
    assert {t.name for t in graph.graph.initializer} == {"head/kernel", "head/bias"}


@pytest.mark.parametrize("opset", [17, 18, 20, 21, 23])
def test_each_opset_gives_the_same_numbers(opset):
    model = zoo.build("transformer")
    x = zoo.draw(model, 2)
    (got,), graph = run(model, x, opset=opset)
    assert graph.opset_import[0].version == opset
    np.testing.assert_allclose(got, model(x), atol=1e-5)


def test_an_opset_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(ValueError, match="opset_version must lie from 17 to 23, got 5"):
        zoo.build("mlp").export(tmp_path / "m.onnx", format="onnx", opset_version=5)
    assert list(tmp_path.iterdir()) == []


def test_a_layer_of_the_users_own_is_written_like_any_other():
    class Swirl(kk.layers.Layer):
        def call(self, x):
            top = ops.top_k(x, 2)[0]
            return ops.sin(ops.cumsum(ops.sort(x, axis=-1), axis=1)) + ops.mean(top, axis=-1, keepdims=True)

    i = kk.Input((5,))
    model = kk.Model(i, Swirl()(i))
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    (got,), _ = run(model, x)
    np.testing.assert_allclose(got, model(x), atol=1e-5)


def test_loops_and_branches_of_the_users_own_are_written():
    class Halve(kk.layers.Layer):
        def call(self, x):
            x = jax.lax.while_loop(lambda v: jnp.abs(v).max() > 1.0, lambda v: v / 2, x)
            return jax.lax.cond(x.sum() > 0, lambda v: v + 1, lambda v: v - 1, x)

    i = kk.Input((3,))
    model = kk.Model(i, Halve()(i))
    for sign in (1, -1):
        x = np.full((2, 3), sign * 37.0, "float32")
        (got,), _ = run(model, x)
        np.testing.assert_allclose(got, model(x), atol=1e-6)


def test_what_onnx_has_no_word_for_names_the_layer():
    class Fourier(kk.layers.Layer):
        def call(self, x):
            return jnp.abs(jnp.fft.rfft(x))

    i = kk.Input((8,))
    model = kk.Model(i, Fourier(name="spectrum")(i))
    with pytest.raises(Missing, match="ONNX has no operation for jax's 'fft'.*spectrum"):
        writer.make_model(program.trace(model))


def test_strings_are_cut_off_in_front_and_said_so(tmp_path):
    words = kk.layers.TextVectorization(vocabulary=["a", "b", "c"], output_sequence_length=4, name="words")
    model = kk.Sequential([kk.Input((), dtype="string"), words, kk.layers.Embedding(6, 2), kk.layers.Flatten()])
    done = model.export(tmp_path / "m.onnx", format="onnx", verbose=False)
    assert "words work on strings and are left out" in done.cut
    assert done.error == pytest.approx(0, abs=1e-6)


def test_a_code_that_needs_an_open_size_says_which_to_fix():
    class Rows(kk.layers.Layer):
        def call(self, x):
            return x * np.arange(int(x.shape[1]), dtype="float32")[:, None]

        def compute_output_shape(self, input_shape):
            return input_shape

    i = kk.Input((None, 2))
    model = kk.Model(i, Rows()(i))
    with pytest.raises(ValueError, match=r"open sizes.*Fix them, for example input_signature="):
        program.trace(model)
    assert program.trace(model, kk.InputSpec(shape=(None, 5, 2), dtype="float32")).outputs[0].shape == (None, 5, 2)


UNARY = "abs ceil cos cosh exp expm1 floor log1p negative relu sigmoid sign sin sinh softplus sqrt square tanh erf gelu"


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed", range(6))
def test_graphs_drawn_at_random_equal_the_model(seed):
    rng = np.random.default_rng(seed)
    i = kk.Input((4, 6))
    pool = [i]
    for _ in range(12):
        a, b = (pool[rng.integers(len(pool))] for _ in range(2))
        kind = rng.integers(6)
        if kind == 0:
            new = getattr(ops, str(rng.choice(UNARY.split())))(ops.clip(a, 0.1, 2))
        elif kind == 1:
            new = a + b * 0.5 if rng.random() < 0.5 else ops.maximum(a, b)
        elif kind == 2:
            new = ops.transpose(ops.transpose(a, (0, 2, 1)), (0, 2, 1)) - ops.mean(
                b, axis=int(rng.integers(1, 3)), keepdims=True
            )
        elif kind == 3:
            new = ops.where(a > b, a, ops.flip(b, axis=1))
        elif kind == 4:
            new = ops.softmax(a, axis=int(rng.integers(1, 3)))
        else:
            new = ops.reshape(ops.concatenate([a, b], axis=1)[:, 2:6], (-1, 4, 6))
        pool.append(new)
    model = kk.Model(i, pool[-1] + pool[-2])
    x = rng.normal(size=(3, 4, 6)).astype("float32")
    (got,), _ = run(model, x)
    np.testing.assert_allclose(got, model(x), atol=1e-4)


def test_a_model_of_two_inputs_is_nested_by_name():
    model = zoo.build("multi_io")
    (kind, mean), graph = run(model, x := zoo.draw(model, 2))
    assert [i.name for i in graph.graph.input] == ["a", "b"]
    np.testing.assert_allclose(kind, model(x)["kind"], atol=1e-6)
    np.testing.assert_allclose(mean, model(x)["mean"], atol=1e-6)


def test_the_report_tells_of_a_file_that_differs():
    assert report.largest_difference([np.ones(2)], [np.ones(3)]) == float("inf")
    assert report.largest_difference([np.array([1.0, np.nan])], [np.array([1.5, np.nan])]) == 0.5


def test_weights_over_two_gigabytes_go_into_a_second_file(tmp_path, monkeypatch):
    from kernelkit.export.onnx import file

    monkeypatch.setattr(file, "LARGEST_FILE", 1000)
    inputs = kk.Input((40,))
    model = kk.Model(inputs, kk.layers.Dense(50)(inputs))
    for _ in range(2):
        done = model.export(tmp_path / "m.onnx", format="onnx", verbose=False)
    assert done.error is not None and done.error < 1e-5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    assert (tmp_path / "m.onnx").stat().st_size < 2000 < 8000 <= (tmp_path / "m.onnx.data").stat().st_size
