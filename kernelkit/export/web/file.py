"""The folder: ``index.html`` with the page, ``model.js`` and ``runtime.js`` with the bytes that it runs.

Browsers do not let a page that was opened as a file fetch others, but they do let it load scripts. So the model and the
runtime are scripts that hold compressed bytes as text, and the page works by a double click and from any web host.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from kernelkit.export import onnx
from kernelkit.export.folder import check_replaceable, replacing_folder
from kernelkit.export.needs import need
from kernelkit.export.program import Program
from kernelkit.export.signature import TensorSpec
from kernelkit.export.web import runtime as runtimes

OWN = ("index.html", "model.js", "runtime.js")
LARGEST = 2**28  # bytes of a model: a string in a browser has less than 512 MB
PIXELS = {"0..1": (1 / 255, 0.0), "0..255": (1.0, 0.0), "-1..1": (2 / 255, -1.0)}
DTYPES = ("float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "bool")


def save(
    model: Any,
    program: Program,
    path: str,
    labels: Sequence[str] | None = None,
    pixels: str | None = None,
    runtime: str | os.PathLike | None = None,
    opset_version: int | None = None,
) -> None:
    """Write a folder with a page that runs a program, whole or not at all.

    Args:
        model: The model.
        program: Its program.
        path: The folder.
        labels: Names of the classes, for outputs of that many numbers.
        pixels: Range of pixels that the model takes: ``"0..1"``, ``"0..255"`` or ``"-1..1"``; by default
            ``"0..255"`` for a model with a `Rescaling` or `Normalization` layer, else ``"0..1"``.
        runtime: Folder of the npm package onnxruntime-web; by default it is looked for.
        opset_version: Version of ONNX's operators.

    Raises:
        ImportError: If `onnx` is not installed.
        ValueError: If an argument makes no sense, or the model is too large.
        NotImplementedError: If the model uses an operation that ONNX does not have.
    """
    need("onnx", "Pages for the browser")
    check_replaceable(os.path.realpath(path), OWN, "an exported page")
    if pixels is not None and pixels not in PIXELS:
        raise ValueError(f"pixels must be one of {', '.join(PIXELS)}, got {pixels!r}.")
    for spec in program.signature.inputs:
        if spec.dtype not in DTYPES:
            raise ValueError(f"Input {spec.name!r} has dtype {spec.dtype}, which a page cannot make.")
    program = onnx.as_written(program)
    data = onnx.make_model(program, opset_version).SerializeToString()
    if len(data) > LARGEST:
        raise ValueError(f"The model has {len(data) / 1e6:.0f} MB; a page holds at most {LARGEST / 1e6:.0f} MB.")
    found = runtimes.find(runtime)
    described = {
        "name": program.name,
        "inputs": [spec._asdict() for spec in program.signature.inputs],
        "outputs": [spec._asdict() for spec in program.outputs],
        "labels": [str(label) for label in labels] if labels is not None else None,
        "pixels": pixels or _pixels(model, program.signature.inputs),
        "ranges": {name: list(pair) for name, pair in PIXELS.items()},
        "runtime": f"{runtimes.PACKAGE} {found.version}",
    }
    with replacing_folder(path, OWN, "an exported page") as folder:
        _write(folder, "index.html", page(described))
        _write(folder, "model.js", f'KERNELKIT_MODEL = "{_packed(data)}";\n')
        _write(
            folder,
            "runtime.js",
            f"// {runtimes.PACKAGE} {found.version}, MIT License, Copyright (c) Microsoft Corporation\n"
            f'KERNELKIT_RUNTIME = {{code: "{_packed(found.code)}", wasm: "{_packed(found.wasm)}"}};\n',
        )


def page(described: dict) -> str:
    """Return the page for a description of a model."""
    text = files("kernelkit.export.web").joinpath("page.html").read_text(encoding="utf-8")
    spec = json.dumps(described).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.replace("{{title}}", html.escape(described["name"])).replace("{{spec}}", spec)


def read_model(folder: str) -> bytes:
    """Return the ONNX model of a page."""
    with open(os.path.join(folder, "model.js"), encoding="ascii") as file:
        match = re.search(r'"([^"]*)"', file.read())
    assert match is not None
    return gzip.decompress(base64.b64decode(match[1]))


def _pixels(model: Any, inputs: Sequence[TensorSpec]) -> str:
    scaled = any(type(layer).__name__ in ("Rescaling", "Normalization") for layer in getattr(model, "layers", []))
    return "0..255" if scaled or any(spec.dtype == "uint8" for spec in inputs) else "0..1"


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode("ascii")


def _write(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
