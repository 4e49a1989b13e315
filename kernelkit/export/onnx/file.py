"""From a traced model to an ONNX model, and to a file."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import devices
from kernelkit.export.needs import need
from kernelkit.export.onnx.builder import Graph
from kernelkit.export.onnx.tidy import all_nodes, tidy
from kernelkit.export.onnx.types import onnx_type
from kernelkit.export.program import Program
from kernelkit.export.signature import unique
from kernelkit.export.walk import walk
from kernelkit.export.widen import BRAINS, holds, widened
from kernelkit.jaxprs import Opened, opened
from kernelkit.saving.atomic import replacing
from kernelkit.version import __version__

OPSETS = range(17, 24)
DEFAULT_OPSET = 18  # what onnxruntime-web, OpenVINO and runtimes of some years ago read
LARGEST_FILE = 2**31 - 2**20  # a protobuf holds less than 2 GiB


def make_model(program: Program, opset: int | None = None) -> Any:
    """Return a program as an `onnx.ModelProto`.

    Args:
        program: A traced model.
        opset: Version of ONNX's operators, 17 to 23; 18 by default.

    Raises:
        ImportError: If `onnx` is not installed.
        NotImplementedError: If the model uses an operation that ONNX does not have.
    """
    onnx = need("onnx", "ONNX files")
    from kernelkit.export.onnx.rules import RULES

    program = as_written(program)
    opset = DEFAULT_OPSET if opset is None else opset
    if opset not in OPSETS:
        raise ValueError(f"opset_version must lie from {OPSETS[0]} to {OPSETS[-1]}, got {opset!r}.")
    g = Graph(opset, rules=RULES)
    for spec in program.signature.inputs:
        g._used.add(spec.name)
    for spec in program.outputs:
        g._used.add(spec.name)
    inputs = []
    for spec, aval in zip(program.signature.inputs, program.arguments, strict=True):
        for axis, size in enumerate(aval.shape):
            if not isinstance(size, int) and str(size) not in g.sizes:
                g.sizes[str(size)] = g.node("Shape", [spec.name], start=axis, end=axis + 1)
        same = jnp.dtype(spec.dtype) == aval.dtype
        name = spec.name if same else g.node("Cast", [spec.name], to=onnx_type(aval.dtype))
        inputs.append(g.value(name, aval.shape, aval.dtype))
    weights = [g.constant(np.asarray(value), weight=path) for path, value in program.weights.items()]
    results = walk(g, _without_brains(program), [*weights, *inputs], g.rules)
    for spec, x in zip(program.outputs, results, strict=True):
        g.nodes.append(onnx.helper.make_node("Identity", [g.full(x)], [spec.name]))
    helper = onnx.helper
    infos = [
        [
            helper.make_tensor_value_info(name, onnx_type(dtype), [s if isinstance(s, int) else str(s) for s in shape])
            for name, dtype, shape in named
        ]
        for named in (
            [
                (spec.name, spec.dtype, a.shape)
                for spec, a in zip(program.signature.inputs, program.arguments, strict=True)
            ],
            [(spec.name, x.dtype, _shown(x.shape)) for spec, x in zip(program.outputs, results, strict=True)],
        )
    ]
    tidy(g, [s.name for s in program.outputs])
    used = {name for node in all_nodes(g.nodes) for name in node.input}
    initializers = [tensor for name, tensor in g.initializers.items() if name in used]
    graph = helper.make_graph(g.nodes, program.name, *infos, initializers)
    ir = min(10, onnx.IR_VERSION)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir, producer_name="kernelkit",
        producer_version=__version__,
    )  # fmt: skip


def as_written(program: Program) -> Program:
    """Return a program with the names and dtypes that its outputs have in ONNX.

    In ONNX no output has the name of an input, and outputs of bfloat16 become float32.
    """
    inputs = [spec.name for spec in program.signature.inputs]
    names = unique([*inputs, *(spec.name for spec in program.outputs)])[len(inputs) :]
    outputs = (
        spec._replace(name=name, dtype=BRAINS.get(spec.dtype, spec.dtype))
        for spec, name in zip(program.outputs, names, strict=True)
    )
    return program._replace(outputs=tuple(outputs))


def _without_brains(program: Program) -> Opened:
    """Return a program's jaxpr, with float32 in place of bfloat16, which runtimes of ONNX do not compute."""
    if not holds(program.body.jaxpr, BRAINS):
        return program.body
    weights = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.weights.values()]
    function = widened(program.function, BRAINS, weights, *program.arguments, narrow_results=False)
    with devices.portable():
        return opened(jax.make_jaxpr(function)(*weights, *program.arguments))


def save(program: Program, path: str | os.PathLike, opset: int | None = None) -> Any:
    """Write a program to an ``.onnx`` file, whole or not at all. Return the `onnx.ModelProto`.

    Weights of more than 2 GB go into a second file beside it, ``<name>.data``, which is replaced first: a crash between
    the two leaves an old file with new weights.
    """
    model = make_model(program, opset)
    size = sum(tensor.ByteSize() for tensor in model.graph.initializer)
    if size > LARGEST_FILE:
        _save_in_two(model, os.path.realpath(path))
        return model
    with replacing(path) as file:
        file.write(model.SerializeToString())
    return model


def _save_in_two(model: Any, target: str) -> None:
    import onnx

    folder, name = os.path.split(target)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".onnx.") as new:
        onnx.save_model(
            model, os.path.join(new, name), save_as_external_data=True, location=f"{name}.data", size_threshold=1024
        )
        for part in (f"{name}.data", name):
            os.replace(os.path.join(new, part), os.path.join(folder, part))


def _shown(shape: tuple) -> list:
    return [size if isinstance(size, int) else str(size) for size in shape]
