"""Other models than the zoo's: layers of a user, shared and nested ones, a small BERT.

`make runtimes` runs these in the other runtimes; here networks of `applications` are run seldom.
"""

import jax
import numpy as np
import pytest

import kernelkit as kk
from tests.export import zoo

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("flatbuffers")


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", [name for name in zoo.MORE if name not in zoo.APPLICATIONS])
def test_a_model_runs_in_onnxruntime_and_as_stablehlo_at_any_batch_size(name, tmp_path):
    compare(name, tmp_path)


@pytest.mark.one_in(60)
@pytest.mark.parametrize("name", sorted(zoo.APPLICATIONS))
def test_a_network_of_applications_runs_in_onnxruntime_and_as_stablehlo(name, tmp_path):
    compare(name, tmp_path)


def compare(name, tmp_path):
    model = zoo.build(name)
    for format in ("onnx", "stablehlo"):
        options = {"platforms": ["cpu"]} if format == "stablehlo" else {}
        done = model.export(tmp_path / f"model.{format}", format=format, verbose=False, **options)
        assert done.error is not None and done.error < zoo.report_atol(name)
    session, program = runtime.InferenceSession(tmp_path / "model.onnx"), kk.export.load(tmp_path / "model.stablehlo")
    for batch in (1, 3):
        x = zoo.draw(model, batch)
        want = jax.tree.leaves(zoo.outputs(model, x))
        for y, w in zip(jax.tree.leaves(program(x)), want, strict=True):
            np.testing.assert_allclose(y, w, atol=zoo.atol(name))
        given = dict(zip([i.name for i in session.get_inputs()], jax.tree.leaves(x), strict=True))
        for y, w in zip(session.run(None, given), want, strict=True):
            np.testing.assert_allclose(y, w, atol=zoo.atol(name))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", [name for name in (*zoo.ZOO, *zoo.MORE) if name not in zoo.APPLICATIONS])
def test_the_rows_of_a_model_differ_else_any_file_would_equal_it(name):
    model = zoo.build(name)
    assert (
        max(float(np.asarray(y).std(axis=0).max()) for y in jax.tree.leaves(zoo.outputs(model, zoo.draw(model, 4))))
        > 1e-4
    )


def test_a_layer_that_is_used_twice_has_its_weights_once(tmp_path):
    i = kk.Input((6, 6, 16))
    conv, dense = kk.layers.Conv2D(16, 3, padding="same", name="conv"), kk.layers.Dense(16, name="dense")
    model = kk.Model(i, dense(conv(dense(conv(i)))))
    model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    large = [t.name for t in onnx.load(tmp_path / "model.onnx").graph.initializer if np.prod(t.dims) > 100]
    assert large == ["conv/kernel", "dense/kernel"]
