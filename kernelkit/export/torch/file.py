"""Files of `torch.export`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.export.needs import need
from kernelkit.export.program import Program
from kernelkit.export.samples import sample
from kernelkit.export.torch.module import to_torch
from kernelkit.typing import InputSignature, Tree


def save(model: Any, program: Program, path: str, input_signature: InputSignature = None) -> None:
    """Write a model as a ``.pt2`` file that takes any batch size, whole or not at all.

    Raises:
        ImportError: If PyTorch is not installed.
    """
    torch = need("torch", "PyTorch files")
    module = to_torch(model, input_signature)
    arrays = tuple(torch.from_numpy(x) for x in sample(program.signature.inputs))
    batch = torch.export.Dim("batch")
    sizes = tuple({0: batch} if spec.shape and spec.shape[0] is None else None for spec in program.signature.inputs)
    exported = torch.export.export(module, arrays, dynamic_shapes=(sizes,), strict=False)
    target = os.path.realpath(path)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".torch.") as folder:
        written = os.path.join(folder, os.path.basename(target))
        torch.export.save(exported, written)
        os.replace(written, target)


def reader(path: str) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """Return a function that runs a file."""
    import torch

    module = torch.export.load(path).module()

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad():
            outputs = module(*map(torch.from_numpy, arrays))
        return [(y.float() if y.dtype == torch.bfloat16 else y).numpy() for y in _leaves(outputs)]

    return run


def _leaves(outputs: Tree) -> list[Any]:
    if isinstance(outputs, dict):
        return [y for key in sorted(outputs) for y in _leaves(outputs[key])]
    if isinstance(outputs, (list, tuple)):
        return [y for part in outputs for y in _leaves(part)]
    return [outputs]
