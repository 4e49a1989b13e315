"""StableHLO files: a program for CPU, GPU and TPU that runs without kernelkit's code of the model.

The file is a zip archive of three parts: ``program.bin``, the program serialized by `jax.export`; ``weights.bin``, the
weights one after another; ``manifest.json``, the inputs and outputs. It holds no Python code.

A program is for deployment, not for keeping: jax promises to read one for six months after it was written. The model
itself belongs in a ``.keras`` file.
"""

from __future__ import annotations

import datetime
import json
import os
import zipfile
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import export as jax_export

from kernelkit import devices
from kernelkit.export.needs import need
from kernelkit.export.program import Program
from kernelkit.export.signature import Arguments, Signature, TensorSpec
from kernelkit.saving.atomic import replacing
from kernelkit.typing import Tree
from kernelkit.version import __version__

PLATFORMS = ("cpu", "cuda", "tpu")
MONTHS_READABLE = 6
FORMAT = "kernelkit.stablehlo"
VERSION = 1


def save(
    program: Program, path: str | os.PathLike, platforms: Sequence[str] = PLATFORMS, gradients: bool = False
) -> jax_export.Exported:
    """Write a program to a file, whole or not at all.

    Args:
        program: A traced model.
        path: The file.
        platforms: Platforms of the program: ``"cpu"``, ``"cuda"``, ``"rocm"``, ``"tpu"``.
        gradients: Whether the loaded program can be differentiated.

    Raises:
        ImportError: If `flatbuffers` is not installed.
    """
    need("flatbuffers", "StableHLO files")
    weights = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.weights.values()]
    with devices.portable():
        exported = jax_export.export(jax.jit(program.function), platforms=list(platforms))(weights, *program.arguments)
    code = exported.serialize(vjp_order=int(gradients))
    arrays = {name: np.asarray(value) for name, value in program.weights.items()}
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "name": program.name,
        "kernelkit": __version__,
        "jax": jax.__version__,
        "written": datetime.date.today().isoformat(),
        "platforms": list(platforms),
        "gradients": gradients,
        "inputs": [spec._asdict() for spec in program.signature.inputs],
        "outputs": [spec._asdict() for spec in program.outputs],
        "inputs_struct": _written(program.signature.struct),
        "outputs_struct": _written(program.struct),
        "weights": [{"name": n, "shape": list(a.shape), "dtype": a.dtype.name} for n, a in arrays.items()],
        "note": f"jax reads this program for at least {MONTHS_READABLE} months after it was written. Keep the model "
        "itself as a .keras file.",
    }
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        archive.writestr("program.bin", bytes(code))
        with archive.open("weights.bin", "w", force_zip64=True) as part:
            for array in arrays.values():
                part.write(np.ascontiguousarray(array).tobytes())
    return exported


class Loaded:
    """A program that was read from a file: call it like the model.

    Attributes:
        name: Name of the model.
        inputs: Specs of the inputs.
        outputs: Specs of the outputs.
        weights: Arrays by variable path.
        platforms: Platforms on which it runs.
        written: Day on which it was written.
        expires: Day until which jax promises to read the file.
    """

    def __init__(self, exported: jax_export.Exported, manifest: dict, weights: dict[str, jax.Array]) -> None:
        self._exported = exported
        self.name: str = manifest["name"]
        self.inputs = tuple(_spec(s) for s in manifest["inputs"])
        self.outputs = tuple(_spec(s) for s in manifest["outputs"])
        self.weights = weights
        self._names = list(weights)
        self.platforms = tuple(exported.platforms)
        self.has_gradients = bool(manifest["gradients"])
        self.written = datetime.date.fromisoformat(manifest["written"])
        self.expires = self.written + datetime.timedelta(days=30 * MONTHS_READABLE)
        self._signature = Signature(self.inputs, _read(manifest["inputs_struct"]))
        self._outputs_struct = _read(manifest["outputs_struct"])
        self._run = jax.jit(exported.call)

    def __call__(self, *inputs: Tree, **named: Tree) -> Tree:
        """Compute the outputs of a batch, nested as the model nests them."""
        return self.apply(self.weights, *inputs, **named)

    def flat(self, arrays: Sequence[Any]) -> list[jax.Array]:
        """Compute the outputs of a flat list of inputs, as a flat list."""
        return list(self._run([self.weights[name] for name in self._names], *map(jnp.asarray, arrays)))

    def apply(self, weights: dict[str, jax.Array], *inputs: Tree, **named: Tree) -> Tree:
        """Compute the outputs with other weights: pure, and differentiable if the file has gradients."""
        flat = self._signature.flatten_call(inputs, named)
        given = [jnp.asarray(x, spec.dtype) for x, spec in zip(flat, self.inputs, strict=True)]
        for x, spec in zip(given, self.inputs, strict=True):
            if len(x.shape) != len(spec.shape) or any(
                s not in (None, n) for s, n in zip(spec.shape, x.shape, strict=True)
            ):
                raise ValueError(f"Input {spec.name!r} of {self.name!r} has shape {spec.shape}, got {x.shape}.")
        try:
            outputs = self._run([weights[name] for name in self._names], *given)  # jax sorts dicts
        except ValueError as error:
            if all(None not in spec.shape[1:] for spec in self.inputs):
                raise
            shapes = {spec.name: x.shape for spec, x in zip(self.inputs, given, strict=True)}
            raise ValueError(
                f"{self.name!r} does not take inputs of the shapes {shapes}: its windows need larger ones, or its "
                f"inputs sizes that fit each other. jax says: {str(error).strip().splitlines()[0][:300]}"
            ) from error
        return jtu.tree_map(lambda i: outputs[i], self._outputs_struct)

    def __repr__(self) -> str:
        takes = ", ".join(f"{s.name} {s.shape} {s.dtype}" for s in self.inputs)
        platforms = ", ".join(self.platforms)
        return f"<exported {self.name!r}: takes {takes}; runs on {platforms}; readable until {self.expires}>"


def load(path: str | os.PathLike) -> Loaded:
    """Read a program that ``model.export(path, format="stablehlo")`` wrote.

    Args:
        path: The file.

    Returns:
        A callable that takes the model's inputs.

    Raises:
        ValueError: If the file is not such a program, or its parts don't fit each other.

    Example:
        >>> import tempfile
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = model.export(f"{folder}/model.stablehlo", format="stablehlo", verbose=False)
        ...     program = kk.export.load(f"{folder}/model.stablehlo")
        >>> program(kk.ops.ones((4, 3))).shape
        (4, 2)
    """
    need("flatbuffers", "StableHLO files")
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {info.filename: info for info in archive.infolist()}
            if set(parts) != {"manifest.json", "program.bin", "weights.bin"}:
                raise ValueError("it has other parts than a program")
            if any(info.compress_type != zipfile.ZIP_STORED for info in parts.values()):
                raise ValueError("its parts are compressed, which kernelkit never does")
            if parts["manifest.json"].file_size > 2**24:
                raise ValueError("its manifest is too large")
            manifest = _checked(json.loads(archive.read("manifest.json")))
            sizes = [_bytes(w) for w in manifest["weights"]]
            if sum(sizes) != parts["weights.bin"].file_size:
                raise ValueError("its weights are not as large as its manifest says")
            code, data = archive.read("program.bin"), archive.read("weights.bin")
    except (zipfile.BadZipFile, ValueError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a program that kernelkit exported: {error}.") from error
    weights, at = {}, 0
    for entry, size in zip(manifest["weights"], sizes, strict=True):
        flat = np.frombuffer(data, jnp.dtype(entry["dtype"]), size // jnp.dtype(entry["dtype"]).itemsize, at)
        weights[entry["name"]] = jnp.asarray(flat.reshape(entry["shape"]))
        at += size
    try:
        exported = jax_export.deserialize(bytearray(code))
        if manifest["jax"] != jax.__version__:  # raises here if this jax cannot read the program
            exported.mlir_module()
            if manifest["gradients"]:
                exported.vjp().mlir_module()
    except Exception as error:
        raise ValueError(
            f"jax {jax.__version__} cannot read the program in {os.fspath(path)!r}, which jax {manifest['jax']} wrote "
            f"on {manifest['written']}: {error}. jax reads what an older jax wrote, a newer one seldom. Read it with "
            f"jax {manifest['jax']} or newer, or export the model again; keep models as .keras files."
        ) from error
    return Loaded(exported, manifest, weights)


_FIELDS: dict[str, type] = {
    "name": str, "jax": str, "written": str, "gradients": bool, "inputs": list, "outputs": list, "weights": list,
}  # fmt: skip


def _checked(manifest: Any) -> dict:
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError("its manifest is of another kind")
    if manifest.get("version") != VERSION:
        raise ValueError(f"it has version {manifest.get('version')!r}, this kernelkit reads {VERSION}")
    for field, kind in _FIELDS.items():
        if not isinstance(manifest.get(field), kind):
            raise ValueError(f"the field {field!r} of its manifest is no {kind.__name__}")
    datetime.date.fromisoformat(manifest["written"])
    for entry in [*manifest["inputs"], *manifest["outputs"], *manifest["weights"]]:
        shape = entry.get("shape") if isinstance(entry, dict) else None
        sizes = shape if isinstance(shape, list) else [-1]
        known = all(s is None or (isinstance(s, int) and not isinstance(s, bool) and s >= 0) for s in sizes)
        if not known or not isinstance(entry.get("name"), str) or not isinstance(entry.get("dtype"), str):
            raise ValueError("an input, output or weight of its manifest has no name, shape or dtype")
        try:
            jnp.dtype(entry["dtype"])
        except TypeError:
            raise ValueError(f"it names an unknown dtype {entry['dtype']!r}") from None
    return manifest


def _bytes(entry: dict) -> int:
    if None in entry["shape"]:
        raise ValueError("a weight has an open size")
    size = jnp.dtype(entry["dtype"]).itemsize
    for n in entry["shape"]:
        size *= n
    return size


def _spec(entry: dict) -> TensorSpec:
    return TensorSpec(entry["name"], tuple(entry["shape"]), entry["dtype"])


def _written(struct: Tree) -> Any:
    """Return a tree of positions as JSON: dicts, lists, and tuples as ``{"tuple": [...]}``."""
    if struct is None:
        return None
    if isinstance(struct, Arguments):
        return {"arguments": [_written(list(struct.args)), _written(struct.kwargs)]}
    if isinstance(struct, dict):
        return {"dict": {str(key): _written(value) for key, value in struct.items()}}
    if isinstance(struct, tuple):
        return {"tuple": [_written(value) for value in struct]}
    return [_written(value) for value in struct] if isinstance(struct, list) else int(struct)


def _read(value: Any) -> Tree:
    if value is None:
        return None
    if isinstance(value, dict) and isinstance(value.get("arguments"), list) and len(value["arguments"]) == 2:
        args, kwargs = (_read(part) for part in value["arguments"])
        if isinstance(args, list) and isinstance(kwargs, dict):
            return Arguments(tuple(args), kwargs)
    if isinstance(value, dict) and isinstance(value.get("dict"), dict):
        return {key: _read(inner) for key, inner in value["dict"].items()}
    if isinstance(value, dict) and isinstance(value.get("tuple"), list):
        return tuple(_read(inner) for inner in value["tuple"])
    if isinstance(value, list):
        return [_read(inner) for inner in value]
    if not isinstance(value, int):
        raise ValueError("the nesting of its inputs or outputs cannot be read")
    return value
