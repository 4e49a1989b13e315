"""The report of an export, with the largest difference between the file's and the model's outputs."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from kernelkit.export.program import Program
from kernelkit.export.samples import BATCH, sample
from kernelkit.export.signature import TensorSpec

Run = Callable[[list[np.ndarray]], list[np.ndarray]]
DRAW = frozenset({"torch"})  # formats whose files draw random numbers of their own


class Report(NamedTuple):
    """The result of an export.

    Attributes:
        path: The file or folder.
        format: Its format.
        bytes: Its size.
        inputs: Specs of the inputs.
        outputs: Specs of the outputs.
        error: Largest difference from the model's outputs on a batch of random numbers; ``None`` if it was not run.
        checked_by: The runtime that ran the file, or the reason why it was not run.
        cut: The parts of the model that were left out, in words.
        forgotten: What the file does not keep from one call to the next, in words.

    Example:
        >>> import tempfile
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = model.export(f"{folder}/model.stablehlo", format="stablehlo", verbose=False)
        >>> report.format, report.inputs[0].shape, report.error < 1e-5
        ('stablehlo', (None, 3), True)
    """

    path: str
    format: str
    bytes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    error: float | None
    checked_by: str
    cut: str
    forgotten: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """Return the report as pairs of a heading and a text."""
        error = (
            f"{self.error:.1e}, run by {self.checked_by}" if self.error is not None else f"not run: {self.checked_by}"
        )
        rows = [("file", self.path), ("format", self.format), ("size", _size(self.bytes))]
        rows += [("input", _shown(spec)) for spec in self.inputs] + [("output", _shown(spec)) for spec in self.outputs]
        rows.append(("largest difference to the model", error))
        told = [("left out", self.cut), ("not kept", self.forgotten)]
        return rows + [(name, words) for name, words in told if words]

    def say(self) -> None:
        """Print the report."""
        import sys

        if sys.stdout is not None:
            sys.stdout.write(str(self) + "\n")

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.rows())
        return "\n".join(f"{name:{width}s}  {text}" for name, text in self.rows())

    def _repr_html_(self) -> str:
        left = "style='text-align:left'"
        cells = "".join(
            f"<tr><th {left}>{html.escape(name)}</th><td {left}>{html.escape(text)}</td></tr>"
            for name, text in self.rows()
        )
        return f"<table>{cells}</table>"


class _Draws(Exception):
    """A file whose numbers are its own."""


def check(program: Program, path: str, format: str) -> Report:
    """Run the file on a batch of random numbers, if its runtime is installed, and compare it with the model."""
    error, by = None, ""
    try:
        run, by = runner(format, path, program)
        inputs = sample(program.signature.inputs, batch=_batch(program))
        if program.draws and format in DRAW:
            run(inputs)
            raise _Draws(f"{by} draws random numbers of its own, which cannot be compared")
        want = jax.jit(program.function)(list(program.weights.values()), *map(jax.numpy.asarray, inputs))
        error = largest_difference(run(inputs), [np.asarray(w) for w in want])
    except ImportError as missing:
        by = f"{missing.name} is not installed"
    except _Draws as told:
        by = str(told)
    except Exception as problem:  # the file is written: an error of its runtime belongs in the report
        by = f"{by or 'its runtime'} raised {type(problem).__name__}: {str(problem).strip()[:200]}"
    takes, gives, lost = program.signature.inputs, program.outputs, program.forgotten(format in DRAW)
    return Report(path, format, size_of(path), takes, gives, error, by, program.cut, lost)


def runner(format: str, path: str, program: Program) -> tuple[Run, str]:
    """Return a function that runs a file, and the name of the runtime.

    Raises:
        ImportError: If the runtime is not installed.
    """
    if format in ("onnx", "web"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        source: str | bytes = path
        if format == "web":
            from kernelkit.export.web import read_model

            source = read_model(path)
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        names = [spec.name for spec in program.signature.inputs]
        return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True))), "onnxruntime"
    if format == "stablehlo":
        from kernelkit.export.stablehlo import load

        loaded = load(path)
        return lambda arrays: [np.asarray(y) for y in loaded.flat(arrays)], "jax"
    if format == "openvino":
        from kernelkit.export.openvino import reader

        return reader(path), "openvino"
    if format == "torch":
        from kernelkit.export.torch.file import reader as torch_reader

        return torch_reader(path), "torch"
    if format == "tf_saved_model":
        from kernelkit.export.tensorflow import reader as tensorflow_reader

        return tensorflow_reader(path, program), "tensorflow"
    if format == "litert":
        from kernelkit.export.litert import reader as litert_reader

        takes, gives = [s.name for s in program.signature.inputs], [s.name for s in program.outputs]
        return litert_reader(path, takes, gives), "ai-edge-litert"
    raise ImportError(name=f"a runtime for {format}")


def largest_difference(got: list[np.ndarray], want: list[np.ndarray]) -> float:
    """Return the largest absolute difference of lists of arrays; infinite if shapes or places of NaN differ."""
    largest = 0.0
    for a, b in zip(got, want, strict=True):
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
            return float("inf")
        if a.size:
            same = (a == b) | np.isnan(a)
            largest = max(largest, float(np.where(same, 0.0, np.abs(a - b)).max()))
    return largest


def _batch(program: Program) -> int:
    """Return the batch size for the check: the program's, if that is fixed."""
    sizes = {spec.shape[0] for spec in program.signature.inputs if spec.shape}
    fixed = [size for size in sizes if size is not None]
    return fixed[0] if len(fixed) == 1 else BATCH


def size_of(path: str) -> int:
    """Return the bytes of a file or of all files in a folder."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _shown(spec: TensorSpec) -> str:
    return f"{spec.name} {spec.shape} {spec.dtype}"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} KB"
