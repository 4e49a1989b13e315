"""``model.export``: the entry point for all formats."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kernelkit import rich_display
from kernelkit.export import program
from kernelkit.export.report import Report, check
from kernelkit.typing import Tree

Writer = Callable[..., Any]


def _onnx(model: Any, path: str, signature: Tree, opset_version: int | None = None) -> program.Program:
    from kernelkit.export import onnx

    traced = program.trace(model, signature)
    onnx.save(traced, path, opset_version)
    return onnx.as_written(traced)


def _stablehlo(
    model: Any, path: str, signature: Tree, platforms: Any = ("cpu", "cuda", "tpu"), gradients: bool = False
) -> program.Program:
    from kernelkit.export import stablehlo

    traced = program.trace(model, signature)
    stablehlo.save(traced, path, platforms, gradients)
    return traced


def _openvino(model: Any, path: str, signature: Tree, is_static: bool = False) -> program.Program:
    from kernelkit.export import onnx, openvino

    traced = program.trace(model, signature, static_batch=1 if is_static else None)
    openvino.save(traced, path)
    return onnx.as_written(traced)


def _torch(model: Any, path: str, signature: Tree) -> program.Program:
    from kernelkit.export.torch import file

    traced = program.trace(model, signature)
    file.save(model, traced, path, signature)
    return traced


def _tf_saved_model(
    model: Any, path: str, signature: Tree, is_static: bool = False, jax2tf_kwargs: dict | None = None
) -> program.Program:
    from kernelkit.export import tensorflow

    traced = program.trace(model, signature)
    tensorflow.save(model, traced, path, is_static, jax2tf_kwargs)
    told = traced.as_computed()
    return told if is_static else told._replace(changed=())  # the file changes them itself


def _web(
    model: Any,
    path: str,
    signature: Tree,
    labels: Sequence[str] | None = None,
    pixels: str | None = None,
    runtime: str | os.PathLike | None = None,
    opset_version: int | None = None,
) -> program.Program:
    from kernelkit.export import onnx, web

    traced = program.trace(model, signature)
    web.save(model, traced, path, labels, pixels, runtime, opset_version)
    return onnx.as_written(traced)


def _litert(model: Any, path: str, signature: Tree, batch_size: int | None = 1) -> program.Program:
    from kernelkit.export import litert

    litert.check_converter()
    traced = program.trace(model, signature, static_batch=batch_size).as_computed()
    litert.save(traced, path)
    return traced


WRITERS: dict[str, Writer] = {
    "onnx": _onnx,
    "stablehlo": _stablehlo,
    "openvino": _openvino,
    "torch": _torch,
    "tf_saved_model": _tf_saved_model,
    "web": _web,
    "litert": _litert,
}
ENDINGS = {"openvino": ".xml", "torch": ".pt2", "litert": ".tflite"}


def _in_notebook() -> bool:
    """Return whether a notebook runs this code: there the report is the cell's table."""
    return rich_display.is_notebook() or "marimo" in sys.modules


def export(
    model: Any,
    filepath: str | os.PathLike,
    format: str = "tf_saved_model",
    verbose: bool | None = None,
    input_signature: Tree = None,
    **options: Any,
) -> Report:
    """Write a model to a file of another runtime; see :meth:`kernelkit.Model.export`.

    Example:
        >>> import tempfile
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kk.export.export(model, f"{folder}/model.stablehlo", format="stablehlo", verbose=False).outputs[0].shape
        (None, 2)
    """
    if format not in WRITERS:
        raise ValueError(f"Unrecognized format={format!r}: kernelkit writes {', '.join(sorted(WRITERS))}.")
    path = os.fspath(filepath)
    ending = ENDINGS.get(format)
    if ending is not None and not path.endswith(ending):
        raise ValueError(f"A file of format={format!r} must end with {ending!r}, got {path!r}.")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"The folder {folder!r} does not exist. Make it first: os.makedirs({folder!r}).")
    writer = WRITERS[format]
    try:
        traced = writer(model, path, input_signature, **options)
    except TypeError as error:
        if options and "unexpected keyword argument" in str(error) and writer.__name__ in str(error):
            raise TypeError(f"format={format!r} does not take the arguments {sorted(options)}.") from None
        raise
    report = check(traced, path, format)
    if verbose or (verbose is None and not _in_notebook()):
        report.say()
    return report
