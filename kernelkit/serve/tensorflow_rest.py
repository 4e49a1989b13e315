"""The REST protocol of TensorFlow Serving: ``POST /v1/models/<name>:predict``."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit.export.signature import TensorSpec
from kernelkit.serve import arrays
from kernelkit.serve.limits import Refused

SIGNATURES = ("serving_default", "serve")


def decode(request: Any, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """Return the arrays of a request: ``instances``, a list of rows, or ``inputs``, whole arrays.

    Raises:
        Refused: If the request has another form.
    """
    if not isinstance(request, dict) or ("instances" in request) == ("inputs" in request):
        raise Refused(400, 'The body must be a JSON object with one of the keys "instances" and "inputs".')
    if request.get("signature_name", SIGNATURES[0]) not in SIGNATURES:
        raise Refused(400, f"There is no signature {str(request['signature_name'])[:80]!r}, only {SIGNATURES[0]!r}.")
    if "inputs" in request:
        given = request["inputs"]
        columns = given if isinstance(given, dict) else {_only(specs): given}
    else:
        columns = _columns(request["instances"], specs)
    by_name = {spec.name: spec for spec in specs}
    if set(columns) != set(by_name):
        raise Refused(400, f"The model takes the inputs {list(by_name)}, got {sorted(map(str, columns))}.")
    return {name: arrays.array(value, by_name[name]) for name, value in columns.items()}


def decode_plain(body: bytes, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray] | None:
    """Return the array of a body that holds only instances of one float input, parsed without nested lists.

    The brackets must match the input's shape, and the text without them must be a JSON list.

    Returns:
        The arrays by name; ``None`` for any other body, valid or not: then :func:`decode` reads it.

    Example:
        >>> decode_plain(b'{"instances": [[1, 2.5], [3, 4]]}', [TensorSpec("x", (None, 2), "float32")])
        {'x': array([[1. , 2.5],
               [3. , 4. ]], dtype=float32)}
        >>> decode_plain(b'{"instances": [[1, 2.5], [3]]}', [TensorSpec("x", (None, 2), "float32")])
    """
    if len(specs) != 1 or specs[0].dtype != "float32" or None in specs[0].shape[1:]:
        return None
    found = _PLAIN.fullmatch(body)
    if found is None:
        return None
    numbers = body[found.start(1) : found.end(1)]
    told = numbers.translate(_ALIKE, b" \t\r\n")
    if b"]0" in told or b"0[" in told:
        return None
    row, skeleton = _brackets(specs[0].shape[1:]), told.translate(None, b"0")
    rows = (len(skeleton) - 1) // (len(row) + 1)
    if rows < 1 or skeleton != b"[" + b",".join([row] * rows) + b"]":
        return None
    try:
        made = np.array(json.loads(b"[" + numbers.translate(None, b"[]") + b"]"))
    except ValueError:
        return None
    if made.dtype.kind not in "fiu":
        return None
    shape = [rows, *specs[0].shape[1:]]
    return {specs[0].name: arrays.cast(made.reshape(shape), np.dtype("float32"), specs[0].name)}  # type: ignore[arg-type]


_PLAIN = re.compile(rb'\s*\{\s*"instances"\s*:\s*(\[[\[\]0-9eE.,+\-\s]*\])\s*\}\s*')
_ALIKE = bytes.maketrans(b"0123456789.-+eE", b"000000000000000")


@functools.lru_cache(maxsize=64)
def _brackets(shape: tuple[int, ...]) -> bytes:
    """Return the brackets and commas of an array of a shape."""
    if not shape:
        return b""
    return b"[" + b",".join([_brackets(shape[1:])] * shape[0]) + b"]"


def encode(request: Any, specs: Sequence[TensorSpec], outputs: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return the answer: ``predictions``, a list of rows, or ``outputs``, whole arrays, as the request was."""
    values = [arrays.plain(y) for y in outputs]
    names = [spec.name for spec in specs]
    if "inputs" in request:
        return {"outputs": values[0] if len(values) == 1 else dict(zip(names, values, strict=True))}
    if len(values) == 1:
        return {"predictions": values[0]}
    return {"predictions": [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]}


def status(version: str, is_ready: bool) -> dict:
    """Return the answer to ``GET /v1/models/<name>``."""
    state = "AVAILABLE" if is_ready else "UNLOADING"
    fine = {"error_code": "OK", "error_message": ""}
    return {"model_version_status": [{"version": version, "state": state, "status": fine}]}


def metadata(name: str, version: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> dict:
    """Return the answer to ``GET /v1/models/<name>/metadata``."""
    described = {"inputs": _described(inputs), "outputs": _described(outputs), "method_name": ""}
    return {
        "model_spec": {"name": name, "signature_name": "", "version": version},
        "metadata": {"signature_def": {"signature_def": {SIGNATURES[0]: described}}},
    }


def _columns(instances: Any, specs: Sequence[TensorSpec]) -> dict[str, Any]:
    if not isinstance(instances, list) or not instances:
        raise Refused(400, '"instances" must be a list of at least one row.')
    names = {spec.name for spec in specs}
    if not isinstance(instances[0], dict):
        return {_only(specs): instances}
    for row in instances:
        if not isinstance(row, dict) or set(row) != names:
            raise Refused(400, f"Each of the instances must be an object with the keys {sorted(names)}.")
    return {name: [row[name] for row in instances] for name in names}


def _only(specs: Sequence[TensorSpec]) -> str:
    if len(specs) != 1:
        raise Refused(400, f"The model takes several inputs: give each by name, {[spec.name for spec in specs]}.")
    return specs[0].name


def _described(specs: Sequence[TensorSpec]) -> dict:
    return {
        spec.name: {
            "dtype": _DTYPES.get(spec.dtype, "DT_INVALID"),
            "tensor_shape": {"dim": [{"size": str(-1 if n is None else n), "name": ""} for n in spec.shape]},
            "name": spec.name,
        }
        for spec in specs
    }


_DTYPES = {
    "float32": "DT_FLOAT", "float64": "DT_DOUBLE", "float16": "DT_HALF", "bfloat16": "DT_BFLOAT16", "bool": "DT_BOOL",
    "int8": "DT_INT8", "int16": "DT_INT16", "int32": "DT_INT32", "int64": "DT_INT64", "uint8": "DT_UINT8",
    "uint16": "DT_UINT16", "uint32": "DT_UINT32", "uint64": "DT_UINT64", "string": "DT_STRING",
}  # fmt: skip
