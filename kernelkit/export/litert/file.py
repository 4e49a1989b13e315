"""From a traced model to a ``.tflite`` file, by way of StableHLO and LiteRT's converter in a process of its own.

The converter and jax each bring the same library (MLIR), so they do not share a process.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax import export as jax_export

from kernelkit import devices
from kernelkit.export.program import Program
from kernelkit.export.unroll import unrolled
from kernelkit.export.widen import NARROW, widened
from kernelkit.saving.atomic import replacing

CONVERTER, SERIES = "litert-converter", "0.5."
SECONDS = 600.0


def save(program: Program, path: str) -> None:
    """Write a program to a ``.tflite`` file, whole or not at all.

    Args:
        program: A traced model, with a fixed batch size unless it has no recurrences.
        path: The file.

    Raises:
        ImportError: If `litert-converter` 0.5 is not installed.
        NotImplementedError: If the converter does not know an operation of the model.
    """
    check_converter()
    values = list(program.weights.values())
    abstract = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in values]
    flat = unrolled(program.function, abstract, *program.arguments)
    function = widened(flat, NARROW, values, *program.arguments)
    with devices.portable():
        run = jax.jit(function)
        exported = jax_export.export(run, platforms=["cpu"])(*program.arguments)
    told = {
        "inputs": [spec.name for spec in program.signature.inputs],
        "outputs": [spec.name for spec in program.outputs],
    }
    data = _converted(exported.mlir_module_serialized, told, program.name)
    with replacing(path) as file:
        file.write(data)


def check_converter() -> None:
    """Raise ``ImportError`` if the converter is not installed in the version that is known to work."""
    try:
        version = importlib.metadata.version(CONVERTER)
    except importlib.metadata.PackageNotFoundError:
        version = None
    if version is None or not version.startswith(SERIES):
        has = "is not installed" if version is None else f"is here in version {version}"
        raise ImportError(
            f"LiteRT files need the package {CONVERTER} in version {SERIES}*, which {has}: "
            f"pip install '{CONVERTER}=={SERIES}*' ai-edge-litert.",
            name=CONVERTER,
        )


def reader(path: str, inputs: list[str], outputs: list[str]) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """Return a function that runs a file; an open batch size follows the arrays.

    Args:
        path: The file.
        inputs: Names of the inputs, in the order in which arrays are given: the file keeps no order.
        outputs: Names of the outputs.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path)
    run = interpreter.get_signature_runner("serving_default")

    def compute(arrays: list[np.ndarray]) -> list[np.ndarray]:
        made = run(**dict(zip(inputs, arrays, strict=True)))
        return [made[name] for name in outputs]

    return compute


def _converted(module: bytes, told: dict, name: str) -> bytes:
    worker = Path(__file__).with_name("worker.py")
    with tempfile.TemporaryDirectory(prefix="kernelkit-litert-") as folder:
        source, target, names = (os.path.join(folder, part) for part in ("module", "model.tflite", "names.json"))
        Path(source).write_bytes(module)
        Path(names).write_text(json.dumps(told), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(worker), source, names, target],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
        if done.returncode or not os.path.exists(target):
            told_of = [line for line in done.stderr.splitlines() if not line.startswith(("I0", "W0", "INFO"))]
            lines = [line for line in told_of if "error" in line.lower()] or told_of
            said = " ".join(lines[:3])[:500] or f"it ended with {done.returncode}"
            raise NotImplementedError(f"LiteRT's converter cannot write model {name!r}: {said}")
        return Path(target).read_bytes()
