"""The BERT of KerasHub as its users have it, where KerasHub is installed: a program with kernelkit in Keras's place
trains and exports it, and this process, which never saw the model, runs the file in its runtime."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kernelkit as kk

PROGRAM = Path(__file__).with_name("kerashub_user.py")


def in_onnxruntime(folder, inputs):
    import onnxruntime

    return onnxruntime.InferenceSession(f"{folder}/bert").run(None, inputs)[0]


def in_openvino(folder, inputs):
    import openvino

    model = openvino.Core().compile_model(f"{folder}/bert.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model(inputs)[0]


def in_tensorflow(folder, inputs):
    import tensorflow as tf

    loaded = tf.saved_model.load(f"{folder}/bert")  # without a name TensorFlow would forget its variables at once
    return loaded.serve({k: tf.constant(v) for k, v in inputs.items()}).numpy()


def in_torch(folder, inputs):
    import torch

    with torch.no_grad():
        given = [torch.from_numpy(inputs[name]) for name in sorted(inputs)]  # such a file takes its inputs one by one
        return torch.export.load(f"{folder}/bert.pt2").module()(*given).numpy()


def in_litert(folder, inputs):
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(f"{folder}/bert.tflite").get_signature_runner()
    return next(iter(run(**inputs).values()))


def in_jax(folder, inputs):
    return kk.export.load(f"{folder}/bert")(inputs)


RUNTIMES = {
    "stablehlo": ("flatbuffers", in_jax),
    "onnx": ("onnxruntime", in_onnxruntime),
    "openvino": ("openvino", in_openvino),
    "torch": ("torch", in_torch),
    "tf_saved_model": ("tensorflow", in_tensorflow),
    "litert": ("ai_edge_litert", in_litert),
}


@pytest.mark.parametrize("format", RUNTIMES)
def test_a_bert_of_kerashub_gives_its_numbers_in_each_runtime(format, tmp_path):
    runtime, run = RUNTIMES[format]
    for package in ("keras_hub", runtime):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"could not import {package!r}")
    command = [sys.executable, "-m", "kernelkit.as_keras", str(PROGRAM), str(tmp_path), format]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told = dict(np.load(tmp_path / "told.npz"))
    scores = told.pop("scores")
    assert float(scores.std(axis=0).min()) > 0.05  # else many files would equal it
    np.testing.assert_allclose(np.asarray(run(tmp_path, told)), scores, atol=1e-5)
