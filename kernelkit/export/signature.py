"""The inputs and outputs of a model: names, shapes with open sizes, dtypes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import tree
from kernelkit.typing import Shape, Tree


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


class Arguments(NamedTuple):
    """The inputs of a model whose ``call`` takes several of them, one by one.

    Attributes:
        args: Those given by position.
        kwargs: Those given by name.
    """

    args: tuple[Tree, ...]
    kwargs: dict[str, Tree]


class Signature(NamedTuple):
    """The inputs of a program, and how the model nests them.

    Attributes:
        inputs: One spec for each input, flat.
        struct: A tree of the positions of ``inputs``, nested as the model takes them; :class:`Arguments` if the model
            is called with several arguments.
    """

    inputs: tuple[TensorSpec, ...]
    struct: Tree

    def nest(self, values: Sequence[Any]) -> Tree:
        """Return flat values nested as the model takes its inputs."""
        return jtu.tree_map(lambda i: values[i], self.struct)

    def arguments(self, values: Sequence[Any]) -> Arguments:
        """Return flat values as the arguments of a call of the model."""
        nested = self.nest(values)
        return nested if isinstance(nested, Arguments) else Arguments((nested,), {})

    def positional(self) -> Signature:
        """Return the signature of a function that takes all arguments by position."""
        args, kwargs = self.arguments(range(len(self.inputs)))
        return self._replace(struct=[*args, *kwargs.values()])

    def flatten_call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return the arguments of a call of the program as a flat list, in the order of ``inputs``.

        Raises:
            ValueError: If the model has other arguments.
        """
        struct = self.struct
        if isinstance(struct, Arguments):
            if set(kwargs) - set(struct.kwargs) or len(args) > len(struct.args) + len(struct.kwargs):
                return self.flatten((*args, *kwargs.values()))
            left = [name for name in struct.kwargs if name not in kwargs]
            by_place = args[len(struct.args) :]
            return self.flatten(Arguments(tuple(args[: len(struct.args)]), dict(kwargs) | dict(zip(left, by_place))))  # noqa: B905
        given = (*args, *kwargs.values())
        return self.flatten(given[0] if len(given) == 1 else given)

    def flatten(self, inputs: Tree) -> list[Any]:
        """Return nested (or flat, or named) inputs as a flat list, in the order of ``inputs``.

        Raises:
            ValueError: If they are nested in another way.
        """
        placed: dict[int, Any] = {}
        if _place(self.struct, inputs, placed):
            return [placed[i] for i in range(len(self.inputs))]
        names = [spec.name for spec in self.inputs]
        if isinstance(inputs, dict) and set(inputs) >= set(names):
            return [inputs[name] for name in names]
        leaves = _leaves(inputs)
        if len(leaves) != len(self.inputs):
            raise ValueError(
                f"The model takes {len(self.inputs)} inputs, {names}, but {len(leaves)} arrays were given."
            )
        return leaves


def _place(struct: Tree, value: Any, placed: dict[int, Any]) -> bool:
    """Put the parts of a value at the positions of a tree; return whether the value is nested like the tree."""
    if struct is None:
        return True
    if isinstance(struct, dict):
        fits = isinstance(value, dict) and set(value) >= set(struct)
        return fits and all(_place(inner, value[key], placed) for key, inner in struct.items())
    if isinstance(struct, (list, tuple)):
        fits = isinstance(value, (list, tuple)) and len(value) == len(struct)
        return fits and all(_place(inner, one, placed) for inner, one in zip(struct, value, strict=True))
    placed[struct] = value
    return not isinstance(value, dict) and (not isinstance(value, (list, tuple)) or _is_array(value))


def of_model(model: Any, input_signature: Tree = None) -> Signature:
    """Return the signature of a model: the given one, or that of its symbolic inputs, or that of its last build.

    Args:
        model: A model that is built.
        input_signature: Specs nested as the model's inputs: `InputSpec`, `KerasTensor`, `jax.ShapeDtypeStruct`,
            `tf.TensorSpec`, arrays; a size of ``None`` stays open. A list with one spec counts as that spec. For a
            ``call`` with several arguments a list of specs by position, or a dict of specs by name.

    Raises:
        ValueError: If the model's inputs are not known.
    """
    call = getattr(model, "called_with", None)
    if input_signature is not None:
        return _given(input_signature, model, call)
    if getattr(model, "inputs", None):
        return from_specs(model.input, names=list(model.input_names))
    if call is not None:
        args, kwargs = jtu.tree_map(lambda t: TensorSpec("", _shape(t), _dtype(t)), call, is_leaf=_is_spec)
        return _of_call(args, kwargs, parameters(model))
    shapes = (model.get_build_config() or {}).get("input_shape") if hasattr(model, "get_build_config") else None
    if shapes is None:
        raise ValueError(
            f"Model {getattr(model, 'name', model)!r} was not called yet, or with arguments that are no arrays, so its "
            "inputs are not known. Call it on a batch of data, or pass "
            "input_signature=kernelkit.InputSpec(shape=(None, ...)): a list of such for several arguments."
        )
    if isinstance(shapes, list) and all(size is None or isinstance(size, int) for size in shapes):
        shapes = tuple(shapes)
    dtype = getattr(model, "compute_dtype", "float32")
    is_shape = lambda s: isinstance(s, tuple) and all(size is None or isinstance(size, int) for size in s)  # noqa: E731
    return from_specs(jtu.tree_map(lambda s: TensorSpec("", (None, *s[1:]), dtype), shapes, is_leaf=is_shape))


def parameters(model: Any) -> list[inspect.Parameter]:
    """Return the parameters of a model's ``call``, without ``training``."""
    return [p for p in inspect.signature(model.call).parameters.values() if p.name != "training"]


def _of_call(args: tuple, kwargs: dict[str, Any], known: Sequence[inspect.Parameter]) -> Signature:
    """Return the signature of a call with these specs."""
    by_position = [p.name for p in known if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in known if p.kind is p.VAR_POSITIONAL), "args")
    if len(args) == 1 and not kwargs and by_position:
        return from_specs(args[0])
    if not args and list(kwargs) == by_position[:1]:
        return from_specs(kwargs[by_position[0]])
    names = [*by_position[: len(args)], *(f"{rest}_{i}" for i in range(len(args) - len(by_position)))]
    named = [*zip(names, args, strict=True), *sorted(kwargs.items())]
    told = [
        "_".join(filter(None, [name, _path(path)]))
        for name, spec in named
        for path, _ in jtu.tree_flatten_with_path(spec, is_leaf=_is_spec)[0]
    ]
    return from_specs(Arguments(args, kwargs), names=told)


def _given(specs: Tree, model: Any, call: tuple[tuple, dict] | None) -> Signature:
    """Return the signature that a user gave: lists and dicts of specs are arguments, if the call takes several."""
    if getattr(model, "inputs", None) or not hasattr(model, "call"):
        return from_specs(_unwrap(specs, model))
    known = parameters(model)
    names = [p.name for p in known]
    if isinstance(specs, dict) and set(specs) <= set(names) and (len(specs) > 1 or list(specs) != names[:1]):
        return _of_call((), dict(specs), known)
    if isinstance(specs, (list, tuple)) and not _is_spec(specs) and _are_arguments(len(specs), known, call):
        return _of_call(tuple(specs), {}, known)
    return from_specs(_unwrap(specs, model))


def _are_arguments(count: int, known: Sequence[inspect.Parameter], call: tuple[tuple, dict] | None) -> bool:
    """Return whether a list of specs is the arguments of a call, and not one argument that is a list."""
    if any(p.kind is p.VAR_POSITIONAL for p in known):
        return True
    if call is not None:
        values = [*call[0], *call[1].values()]
        is_list = len(values) == 1 and isinstance(values[0], (list, tuple))
    else:
        is_list = sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in known) < 2
    return 1 < count <= len(known) and not is_list


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
    given, out = set(names), []
    for name in names:
        number, chosen = 0, name
        while chosen in out or (number and chosen in given):
            number += 1
            chosen = f"{name}_{number}"
        out.append(chosen)
    return out


def symbolic(inputs: Sequence[TensorSpec], shared: bool = False, least: int = 1) -> list[jax.ShapeDtypeStruct]:
    """Return the abstract values of inputs: each open first size is ``batch``, each other one a symbol of its own.

    Args:
        inputs: Specs.
        shared: Whether open sizes of the same axis are one symbol in all inputs.
        least: The least number for open sizes after the first axis.
    """
    from jax import export as jax_export

    names = {
        name
        for number, spec in enumerate(inputs)
        for axis, size in enumerate(spec.shape)
        if axis and size is None and (name := _symbol(number, axis, shared or len(inputs) == 1))
    }
    scope = jax_export.SymbolicScope([f"{name} >= {least}" for name in sorted(names)] if least > 1 else [])
    out = []
    for number, spec in enumerate(inputs):
        sizes = []
        for axis, size in enumerate(spec.shape):
            own = _symbol(number, axis, shared or len(inputs) == 1)
            sizes.append(("batch" if axis == 0 else own) if size is None else str(size))
        shape = jax_export.symbolic_shape(", ".join(sizes), scope=scope) if sizes else ()
        out.append(jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(spec.dtype)))
    return out


def _symbol(number: int, axis: int, shared: bool) -> str:
    return f"d{axis}" if shared else f"i{number}_d{axis}"


def named(inputs: Sequence[TensorSpec], shapes: Tree) -> list[jax.ShapeDtypeStruct]:
    """Return the abstract values of inputs with names for sizes: sizes of one name are equal.

    Args:
        inputs: Specs.
        shapes: A text for each input, nested or flat, such as ``"(batch, a, a)"``, ``"b, ..."`` or ``None``.

    Raises:
        ValueError: If there is not one text for each input, or one does not fit its spec.
    """
    from jax import export as jax_export

    texts = jtu.tree_leaves(shapes, is_leaf=lambda text: text is None)
    if len(texts) != len(inputs) or not all(text is None or isinstance(text, str) for text in texts):
        raise ValueError(f"polymorphic_shapes needs a text for each of the {len(inputs)} inputs, got {shapes!r}.")
    known = [tuple(1 if n is None else n for n in spec.shape) for spec in inputs]
    given = [
        jax.ShapeDtypeStruct(n, jax.dtypes.canonicalize_dtype(s.dtype)) for n, s in zip(known, inputs, strict=True)
    ]
    return list(jax_export.symbolic_args_specs(given, texts, scope=jax_export.SymbolicScope()))


def _unwrap(specs: Tree, model: Any) -> Tree:
    one = isinstance(specs, (list, tuple)) and len(specs) == 1 and not _is_spec(specs)
    nested = getattr(model, "inputs", None) and isinstance(model.input, (list, tuple))
    return specs[0] if one and not nested else specs


def _is_spec(value: Any) -> bool:
    return isinstance(value, TensorSpec) or (hasattr(value, "shape") and hasattr(value, "dtype"))


def _leaves(inputs: Tree) -> list[Any]:
    return list(tree.flatten(inputs)) if not _is_array(inputs) else [inputs]


def _is_array(value: Any) -> bool:
    """Return whether a value is a list of numbers, nested to any depth."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return np.isscalar(value)


def _shape(spec: Any) -> Shape:
    shape = getattr(spec, "shape", None)
    if shape is None:
        raise TypeError(f"The input signature {spec!r} has no shape: give one, such as (None, 28, 28).")
    shape = shape.as_list() if hasattr(shape, "as_list") else shape
    return tuple(None if size is None else int(size) for size in shape)


def _dtype(spec: Any) -> str:
    dtype = getattr(spec, "dtype", None) or "float32"
    return dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or jnp.dtype(dtype).name


def _path(path: tuple) -> str:
    return "_".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path)
