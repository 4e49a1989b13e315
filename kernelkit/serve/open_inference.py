"""The Open Inference Protocol, version 2, for clients of Triton, KServe and OpenVINO's server.

Arrays are sent as JSON lists, or as bytes after the JSON: the extension for binary tensors. There the header
``Inference-Header-Content-Length`` has the length of the JSON.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit.export.signature import TensorSpec
from kernelkit.serve import arrays
from kernelkit.serve.limits import Refused

_NAMES = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64", "int8": "INT8",
    "int16": "INT16", "int32": "INT32", "int64": "INT64", "float16": "FP16", "float32": "FP32", "float64": "FP64",
    "bfloat16": "BF16", "string": "BYTES",
}  # fmt: skip
_DTYPES = {name: dtype for dtype, name in _NAMES.items() if dtype != "string"}
LENGTH = "inference-header-content-length"


def decode(request: Any, binary: memoryview, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """Return the arrays of a request.

    Args:
        request: The JSON.
        binary: The bytes after the JSON.
        specs: The model's inputs.

    Raises:
        Refused: If the request has another form.
    """
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise Refused(400, 'The body must be a JSON object with the key "inputs", a list of arrays.')
    by_name = {spec.name: spec for spec in specs}
    found: dict[str, np.ndarray] = {}
    at = 0
    for entry in inputs:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in by_name or name in found:
            raise Refused(400, f"The model takes the inputs {list(by_name)}, each once, got {str(name)[:80]!r}.")
        shape, spec = _shape(entry, name), by_name[name]
        parameters = entry.get("parameters")
        length = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if length is None:
            found[name] = _listed(entry, shape, spec)
        else:
            if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= len(binary) - at:
                raise Refused(400, f"Input {name!r}: some of its bytes are missing.")
            found[name] = _from_bytes(binary[at : at + length], entry.get("datatype"), shape, spec)
            at += length
    if at != len(binary):
        raise Refused(400, f"{len(binary) - at} bytes after the JSON belong to no input.")
    return found


def split(body: bytes, length: str | None) -> tuple[bytes, memoryview]:
    """Return the JSON of a body and the bytes after it.

    Raises:
        Refused: If the header names an impossible length.
    """
    if length is None:
        return body, memoryview(b"")
    if not length.isdecimal() or len(length) > 18 or int(length) > len(body):
        raise Refused(400, f"The header {LENGTH} must be a number of bytes in the body.")
    return body[: int(length)], memoryview(body)[int(length) :]


def encode(
    name: str, version: str, request: dict, specs: Sequence[TensorSpec], outputs: Sequence[np.ndarray]
) -> tuple[bytes, int | None]:
    """Return the answer, and the length of its JSON if bytes follow it.

    Raises:
        Refused: If the request asks for an unknown output.
    """
    by_name = {spec.name: y for spec, y in zip(specs, outputs, strict=True)}
    wishes = {}
    for wish in request.get("outputs") or [{"name": spec.name} for spec in specs]:
        if not isinstance(wish, dict) or wish.get("name") not in by_name:
            raise Refused(400, f"The model has the outputs {list(by_name)}, not {str(wish)[:80]}.")
        wishes[wish["name"]] = wish.get("parameters")
    general = request.get("parameters")
    in_bytes = general.get("binary_data_output") if isinstance(general, dict) else False
    entries, behind = [], []
    for output, parameters in wishes.items():
        made = by_name[output]
        made = made.astype("float32") if made.dtype.kind not in "biufU" else made
        entry: dict[str, Any] = {
            "name": output,
            "shape": list(made.shape),
            "datatype": _datatype(made.dtype),
        }
        wanted = parameters.get("binary_data", in_bytes) if isinstance(parameters, dict) else in_bytes
        if wanted and made.dtype.kind != "U":
            behind.append(made.tobytes())
            entry["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            entry["data"] = arrays.plain(made.ravel())
        entries.append(entry)
    answer: dict[str, Any] = {"model_name": name, "model_version": version, "outputs": entries}
    if isinstance(request.get("id"), str):
        answer["id"] = request["id"]
    text = arrays.to_json(answer)
    return b"".join([text, *behind]), len(text) if behind else None


def metadata(name: str, version: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> dict:
    """Return the answer to ``GET /v2/models/<name>``."""
    return {
        "name": name,
        "versions": [version],
        "platform": "kernelkit",
        "inputs": _described(inputs),
        "outputs": _described(outputs),
    }


@functools.lru_cache(maxsize=64)
def _datatype(dtype: np.dtype) -> str:
    return _NAMES[dtype.name if dtype.kind != "U" else "string"]


def _described(specs: Sequence[TensorSpec]) -> list[dict]:
    return [
        {"name": s.name, "datatype": _NAMES[s.dtype], "shape": [-1 if n is None else n for n in s.shape]} for s in specs
    ]


def _shape(entry: dict, name: str) -> list[int]:
    shape = entry.get("shape")
    sizes = shape if isinstance(shape, list) and len(shape) <= 16 else [-1]
    if any(not isinstance(n, int) or isinstance(n, bool) or not 0 <= n < 2**40 for n in sizes):
        raise Refused(400, f'Input {name!r}: "shape" must be a list of whole numbers.')
    return sizes


def _listed(entry: dict, shape: list[int], spec: TensorSpec) -> np.ndarray:
    _check_datatype(entry.get("datatype"), spec)
    made = arrays.array(entry.get("data"), spec)
    return _shaped(made, shape, spec)


def _from_bytes(data: memoryview, datatype: Any, shape: list[int], spec: TensorSpec) -> np.ndarray:
    _check_datatype(datatype, spec)
    if spec.dtype == "string" or datatype not in _DTYPES:
        raise Refused(400, f"Input {spec.name!r}: send {str(datatype)[:20]} as a list of JSON.")
    import jax.numpy as jnp

    dtype = jnp.dtype(_DTYPES[datatype])
    if len(data) % dtype.itemsize:
        raise Refused(400, f"Input {spec.name!r}: {len(data)} bytes do not hold a whole number of {datatype} values.")
    return _shaped(np.frombuffer(data, dtype), shape, spec)


def _shaped(made: np.ndarray, shape: list[int], spec: TensorSpec) -> np.ndarray:
    count = 1
    for n in shape:
        count *= n
    if made.size != count:
        raise Refused(400, f"Input {spec.name!r}: {made.size} numbers do not fill the shape {shape}.")
    return made.reshape(shape)


def _check_datatype(datatype: Any, spec: TensorSpec) -> None:
    wanted = _NAMES[spec.dtype]
    if datatype != wanted:
        raise Refused(400, f"Input {spec.name!r} has the datatype {wanted}, got {str(datatype)[:20]!r}.")
