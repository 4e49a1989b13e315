"""OpenVINO's files, by way of ONNX."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import numpy as np

from kernelkit.export import onnx
from kernelkit.export.needs import need
from kernelkit.export.program import Program


def save(program: Program, path: str) -> None:
    """Write a program as ``<name>.xml`` and ``<name>.bin``.

    Raises:
        ImportError: If `openvino` or `onnx` is not installed.
    """
    need("openvino", "OpenVINO files")
    import openvino

    target = os.path.realpath(path)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".openvino.") as folder:
        middle = os.path.join(folder, "model.onnx")
        onnx.save(program, middle)
        model = openvino.convert_model(middle)
        written = os.path.join(folder, os.path.basename(target))
        openvino.save_model(model, written, compress_to_fp16=False)
        data = os.path.splitext(target)[0] + ".bin"
        os.replace(os.path.splitext(written)[0] + ".bin", data)
        os.replace(written, target)  # last: without the .xml there is no model


def reader(path: str) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """Return a function that runs a file on the CPU, in float32."""
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        made = compiled(arrays)
        return [made[i] for i in range(len(compiled.outputs))]

    return run
