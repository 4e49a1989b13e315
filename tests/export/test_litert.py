"""LiteRT files, where converter and runtime are: `pip install "litert-converter==0.5.*" ai-edge-litert`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.export.unroll import unrolled, without_top_k
from tests.export import zoo


@pytest.fixture
def converter():
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("litert_converter")


@pytest.mark.parametrize("name", [name for name in (*zoo.ZOO, *zoo.MORE) if name != "unet"])
def test_a_model_of_the_zoo_runs_in_litert(name, tmp_path, converter):
    model = zoo.build(name)
    done = model.export(tmp_path / "model.tflite", format="litert", batch_size=2, verbose=False)
    assert done.checked_by == "ai-edge-litert" and done.error is not None and done.error < zoo.report_atol(name)
    assert done.inputs[0].shape[0] == 2


@pytest.mark.parametrize("name", ["cnn", "mlp", "transformer", "multi_io"])
def test_the_batch_may_stay_open(name, tmp_path, converter):
    model = zoo.build(name)
    done = model.export(tmp_path / "model.tflite", format="litert", batch_size=None, verbose=False)
    assert done.checked_by == "ai-edge-litert" and done.error is not None and done.error < 1e-5
    from kernelkit.export.litert import reader

    run = reader(str(tmp_path / "model.tflite"), [s.name for s in done.inputs], [s.name for s in done.outputs])
    for batch in (1, 5):
        x = zoo.draw(model, batch)
        got = run(list(jax.tree.leaves(x)))
        for a, b in zip(got, jax.tree.leaves(zoo.outputs(model, x)), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_file_that_the_runtime_refuses_is_told_in_the_report(tmp_path, converter):
    done = zoo.build("unet").export(tmp_path / "model.tflite", format="litert", verbose=False)
    assert done.error is None and "ai-edge-litert raised" in done.checked_by


def test_what_the_converter_cannot_write_is_an_error_with_its_words(tmp_path, converter):
    from kernelkit.export.litert import file

    with pytest.raises(NotImplementedError, match="LiteRT's converter cannot write model 'none': .*Error"):
        file._converted(b"no module", {"inputs": [], "outputs": []}, "none")


def test_without_the_converter_the_error_names_its_version(tmp_path, monkeypatch):
    from kernelkit.export.litert import file

    monkeypatch.setattr(file, "CONVERTER", "litert-converter-that-is-nowhere")
    with pytest.raises(ImportError, match=r"in version 0.5.\*, which is not installed: pip install"):
        zoo.build("mlp").export(tmp_path / "model.tflite", format="litert")
    with pytest.raises(ValueError, match=r"must end with '.tflite'"):
        zoo.build("mlp").export(tmp_path / "model.lite", format="litert")


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_written_out_equals_the_scan(reverse):
    def function(rows, start):
        step = lambda state, row: (state * 0.5 + row, (state, row.sum()))  # noqa: E731
        return jax.jit(lambda r: jax.lax.scan(step, start, r, reverse=reverse))(rows)

    arguments = jnp.arange(12.0).reshape(4, 3), jnp.ones(3)
    flat = unrolled(function, *arguments)
    assert "scan" not in str(jax.make_jaxpr(flat)(*arguments))
    for a, b in zip(flat(*arguments), jax.tree.leaves(function(*arguments)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("name", ["sort", "sort_axis_0", "lexsort", "argsort", "top_k", "flags"])
def test_sorting_written_out_equals_sorting(name):
    functions = {
        "sort": lambda x: jnp.sort(x, axis=-1),
        "sort_axis_0": lambda x: jnp.sort(x, axis=0, descending=True),
        "lexsort": lambda x: jnp.lexsort((x[0], x[1], x[2])),
        "argsort": lambda x: jnp.argsort(x, axis=1, stable=True),
        "top_k": lambda x: jax.lax.top_k(x, 4),
        "flags": lambda x: jax.lax.sort((x > 1, x), dimension=1, num_keys=1),
    }
    x = jnp.asarray(np.random.default_rng(0).integers(0, 4, (3, 7)).astype("float32"))
    x = x.at[0, 2].set(jnp.nan).at[1, 3].set(-jnp.inf).at[1, 5].set(jnp.inf)
    flat = unrolled(functions[name], x)
    text = str(jax.make_jaxpr(flat)(x))
    assert "sort" not in text and "top_k" not in text
    for a, b in zip(flat(x), jax.tree.leaves(functions[name](x)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def test_a_function_without_top_k_sorts_and_equals_it():
    x = jnp.asarray(np.random.default_rng(0).integers(0, 4, (3, 7)).astype("float32")).at[0, 2].set(jnp.nan)
    function = lambda tree: {"best": jax.jit(lambda x: jax.lax.top_k(x, 3))(tree["x"])}  # noqa: E731
    flat = without_top_k(function)
    assert "top_k" not in str(jax.make_jaxpr(flat)({"x": x}))
    for a, b in zip(flat({"x": x})["best"], function({"x": x})["best"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_open_length_cannot_be_unrolled(tmp_path, converter):
    inputs = kk.Input((None, 3))
    model = kk.Model(inputs, kk.layers.LSTM(2)(inputs))
    with pytest.raises(ValueError, match="fix the length by input_signature"):
        model.export(tmp_path / "model.tflite", format="litert")


def test_numbers_added_at_places_are_written_out():
    rng = np.random.default_rng(0)
    places = jnp.asarray(rng.integers(-5, 9, (30, 2)), "int32")  # some lie outside, some before the end
    values = jnp.asarray(rng.random(30), "float32")

    def add(places, values):
        return jnp.ones((4, 3)).at[places[:, 0], places[:, 1]].add(values, mode="drop")

    flat = unrolled(add, places, values)
    assert "scatter" not in str(jax.make_jaxpr(flat)(places, values))
    np.testing.assert_allclose(flat(places, values)[0], add(places, values), atol=1e-5)


def test_a_search_in_a_small_table_puts_nan_last_without_comparisons_that_litert_lacks():
    table = jnp.asarray([-1.0, 0.5, 0.5, jnp.inf])
    x = jnp.asarray([jnp.nan, -jnp.inf, -1.0, 0.5, 0.7, jnp.inf])
    for side in ("left", "right"):
        find = lambda x, side=side: kk.ops.searchsorted(table, x, side=side)  # noqa: E731
        flat = unrolled(find, x)
        assert "_to " not in str(jax.make_jaxpr(flat)(x)) and "while" not in str(jax.make_jaxpr(flat)(x))
        np.testing.assert_array_equal(flat(x)[0], np.searchsorted(table, x, side))
        np.testing.assert_array_equal(find(x), np.searchsorted(table, x, side))
    np.testing.assert_array_equal(kk.ops.digitize(x, [3.0, 1.0, -2.0]), np.digitize(x, [3.0, 1.0, -2.0]))
    long = jnp.arange(200.0)
    np.testing.assert_array_equal(kk.ops.searchsorted(long, x), np.searchsorted(long, x))
