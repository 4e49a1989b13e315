"""The inputs and outputs of a model: names, shapes with open sizes, dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import tree

Shape = tuple[int | None, ...]
Tree = Any


class TensorSpec(NamedTuple):
    """One input or output of an exported program.

    Attributes:
        name: Its name.
        shape: Its sizes; ``None`` stands for any size.
        dtype: Name of its dtype, such as ``"float32"``.
    """

    name: str
    shape: Shape
    dtype: str


class Signature(NamedTuple):
    """The inputs of a program, and how the model nests them.

    Attributes:
        inputs: One spec for each input, flat.
        struct: A tree of the positions of ``inputs``, nested as the model takes them.
    """

    inputs: tuple[TensorSpec, ...]
    struct: Tree

    def nest(self, values: Sequence[Any]) -> Tree:
        """Return flat values nested as the model takes its inputs."""
        return jtu.tree_map(lambda i: values[i], self.struct)

    def flatten(self, inputs: Tree) -> list[Any]:
        """Return nested inputs flat, in the order of ``inputs``.

        Raises:
            ValueError: If they are nested in another way.
        """
        leaves = _leaves(inputs)
        if isinstance(inputs, dict) and isinstance(self.struct, dict) and set(inputs) >= set(self.struct):
            leaves = [inputs[key] for key in sorted(self.struct)]
        if len(leaves) != len(self.inputs):
            names = [spec.name for spec in self.inputs]
            raise ValueError(
                f"The model takes {len(self.inputs)} inputs, {names}, but {len(leaves)} arrays were given."
            )
        return leaves


def of_model(model: Any, input_signature: Tree = None) -> Signature:
    """Return the signature of a model: the one that is given, or that of its symbolic inputs, or of its last build.

    Args:
        model: A model that is built.
        input_signature: Specs nested as the model's inputs: `InputSpec`, `KerasTensor`, `jax.ShapeDtypeStruct`,
            `tf.TensorSpec`, arrays; a size of ``None`` stays open. A list with one spec counts as that spec.

    Raises:
        ValueError: If the model's inputs are not known.
    """
    if input_signature is not None:
        return from_specs(_unwrap(input_signature, model))
    if getattr(model, "inputs", None):
        return from_specs(model.input, names=list(model.input_names))
    shapes = (model.get_build_config() or {}).get("input_shape") if hasattr(model, "get_build_config") else None
    if shapes is None:
        raise ValueError(
            f"Model {getattr(model, 'name', model)!r} was not called yet, so its inputs are not known. Call it on a "
            "batch of data, or pass input_signature=kernelkit.InputSpec(shape=(None, ...))."
        )
    if isinstance(shapes, list) and all(size is None or isinstance(size, int) for size in shapes):
        shapes = tuple(shapes)
    dtype = getattr(model, "compute_dtype", "float32")
    is_shape = lambda s: isinstance(s, tuple) and all(size is None or isinstance(size, int) for size in s)  # noqa: E731
    return from_specs(jtu.tree_map(lambda s: TensorSpec("", (None, *s[1:]), dtype), shapes, is_leaf=is_shape))


def from_specs(specs: Tree, names: Sequence[str] | None = None) -> Signature:
    """Return the signature of a tree of specs, tensors or arrays."""
    leaves, struct = jtu.tree_flatten(specs, is_leaf=_is_spec)
    paths = [_path(path) for path, _ in jtu.tree_flatten_with_path(specs, is_leaf=_is_spec)[0]]
    given = [getattr(leaf, "name", None) or None for leaf in leaves]
    chosen = (
        list(names)
        if names is not None and len(names) == len(leaves)
        else [
            name or path or ("inputs" if len(leaves) == 1 else f"input_{i}")
            for i, (name, path) in enumerate(zip(given, paths, strict=True))
        ]
    )
    inputs = tuple(
        TensorSpec(name, _shape(leaf), _dtype(leaf)) for name, leaf in zip(unique(chosen), leaves, strict=True)
    )
    return Signature(inputs, jtu.tree_unflatten(struct, list(range(len(leaves)))))


def unique(names: Sequence[str]) -> list[str]:
    """Return the names, with a number added to repeated names."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        out.append(f"{name}_{count}" if count else name)
    return out


def symbolic(inputs: Sequence[TensorSpec], shared: bool = False) -> list[jax.ShapeDtypeStruct]:
    """Return the abstract values of inputs: each open first size is ``batch``, each other one a symbol of its own.

    Args:
        inputs: Specs.
        shared: Whether open sizes of the same axis are one symbol in all inputs.
    """
    from jax import export as jax_export

    scope = jax_export.SymbolicScope()
    out = []
    for number, spec in enumerate(inputs):
        sizes = []
        for axis, size in enumerate(spec.shape):
            own = f"d{axis}" if shared or len(inputs) == 1 else f"i{number}_d{axis}"
            sizes.append(("batch" if axis == 0 else own) if size is None else str(size))
        shape = jax_export.symbolic_shape(", ".join(sizes), scope=scope) if sizes else ()
        out.append(jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(spec.dtype)))
    return out


def _unwrap(specs: Tree, model: Any) -> Tree:
    one = isinstance(specs, (list, tuple)) and len(specs) == 1 and not _is_spec(specs)
    nested = getattr(model, "inputs", None) and isinstance(model.input, (list, tuple))
    return specs[0] if one and not nested else specs


def _is_spec(value: Any) -> bool:
    return isinstance(value, TensorSpec) or (hasattr(value, "shape") and hasattr(value, "dtype"))


def _leaves(inputs: Tree) -> list[Any]:
    is_array = lambda v: isinstance(v, (list, tuple)) and bool(v) and np.isscalar(v[0])  # noqa: E731
    return list(tree.flatten(inputs)) if not is_array(inputs) else [inputs]


def _shape(spec: Any) -> Shape:
    shape = getattr(spec, "shape", None)
    if shape is None:
        raise ValueError(f"The input signature {spec!r} has no shape: give one, such as (None, 28, 28).")
    shape = shape.as_list() if hasattr(shape, "as_list") else shape
    return tuple(None if size is None else int(size) for size in shape)


def _dtype(spec: Any) -> str:
    dtype = getattr(spec, "dtype", None) or "float32"
    return dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or jnp.dtype(dtype).name


def _path(path: tuple) -> str:
    return "_".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path)
