"""Models as users have them, in each runtime that is installed: the numbers are the model's.

`make runtimes` runs these in all runtimes.
"""

import re

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as L
from kernelkit.export import program, report
from tests.export import users

FORMATS = {
    "stablehlo": ("flatbuffers", ""),
    "onnx": ("onnxruntime", ""),
    "openvino": ("openvino", ".xml"),
    "torch": ("torch", ".pt2"),
    "tf_saved_model": ("tensorflow", ""),
    "litert": ("ai_edge_litert", ".tflite"),
}


LACKS = {("hashed", format) for format in ("onnx", "openvino", "litert", "torch")}  # hashes are numbers of 64 bits
NOT_RUN = {("many_outputs", "litert"), ("updated", "litert")}  # LiteRT refuses transposed convolutions, odd updates


def build(name):
    kk.utils.set_random_seed(3)
    return users.USERS[name]()


def reset(model):
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()


@pytest.mark.one_in(12)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", users.USERS)
def test_a_file_gives_the_models_numbers(name, format, tmp_path):
    runtime, ending = FORMATS[format]
    pytest.importorskip(runtime)
    model, inputs, atol = build(name)
    want = jax.tree.leaves(model(inputs, training=False))
    reset(model)
    assert max(float(np.asarray(y, "float64").std(axis=0).max()) for y in want) > 1e-3  # else any file would equal it
    batch = len(jax.tree.leaves(inputs)[0])
    options = {"litert": {"batch_size": batch}, "stablehlo": {"platforms": ["cpu"]}}.get(format, {})
    path = str(tmp_path / f"file{ending}")
    if (name, format) in LACKS:
        with pytest.raises(NotImplementedError, match="64 bits without a sign|converter cannot write"):
            model.export(path, format=format, **options)
        return
    done = model.export(path, format=format, verbose=False, **options)
    if (name, format) in NOT_RUN:
        assert done.error is None and "raised" in done.checked_by
        return
    assert done.error is not None and done.error <= atol, done.checked_by
    traced = program.trace(model, static_batch=batch if format == "litert" else None)
    run, _ = report.runner(format, path, traced)
    flat = [np.asarray(x) for x in traced.signature.flatten(inputs)]
    got = run([x.astype(spec.dtype) for x, spec in zip(flat, done.inputs, strict=True)])
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), atol=atol)


@pytest.mark.parametrize("bridge", [False, True])
@pytest.mark.parametrize("name", users.USERS)
def test_a_module_of_pytorch_gives_the_models_numbers(name, bridge):
    torch = pytest.importorskip("torch")
    model, inputs, atol = build(name)
    if (name, "torch") in LACKS and not bridge:
        with pytest.raises(NotImplementedError, match="64 bits without a sign, which .*hashing uses"):
            model.to_torch()
        return
    want = jax.tree.leaves(model(inputs, training=False))
    reset(model)
    with torch.no_grad():
        got = model.to_torch(bridge=bridge)(jax.tree.map(torch.from_numpy, inputs))
    for a, b in zip(jax.tree.leaves(got), want, strict=True):
        np.testing.assert_allclose(a.double().numpy(), np.asarray(b, "float64"), atol=atol)


def test_a_report_tells_what_a_file_does_not_keep_from_call_to_call(tmp_path):
    pytest.importorskip("flatbuffers")
    path = str(tmp_path / "file")
    for model, words in [
        (users.of_layer(users.Counted()), "changes the variables .*/count: in the file each call begins with"),
        (users.of_layer(users.Sampled()), "draws random numbers: the file draws the same ones"),
        (users.stateful().model, "changes the variables .*gru.*: in the file"),
    ]:
        done = model.export(path, format="stablehlo", platforms=["cpu"], verbose=False)
        assert done.error is not None and done.error < 1e-5
        assert re.search(words, done.forgotten) and done.rows()[-1] == ("not kept", done.forgotten)
        inputs = users.floats(*(2 if n is None else n for n in done.inputs[0].shape))
        file = kk.export.load(path)
        np.testing.assert_array_equal(file(inputs), file(inputs))
    quiet = users.of_layer(L.Dropout(0.5)).export(path, format="stablehlo", platforms=["cpu"], verbose=False)
    assert quiet.forgotten == "" and quiet.rows()[-1][0] == "largest difference to the model"


def test_a_draw_in_prediction_that_a_format_lacks_is_an_error_with_a_way_out(tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises(NotImplementedError, match=r"which .*/sampled\S* uses\. Draw only in training, .*='stablehlo'"):
        users.of_layer(users.Sampled()).export(tmp_path / "file", format="onnx")
