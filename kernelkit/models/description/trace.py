"""The inside of models and layers that define ``call``: the method is run on shapes, and its calls are recorded.

First the method is run on symbolic tensors, which also record the functions of `kernelkit.ops`. Code that needs values,
or passes tensors to `jax.numpy`, fails with symbolic tensors. Then jax traces it, and the connections are read from the
jaxpr.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.tree_util as jtu

from kernelkit import scope
from kernelkit.layers.base.call import signature_of
from kernelkit.layers.base.shapes import is_shape
from kernelkit.layers.base.tensors import is_leaf, is_tensor
from kernelkit.layers.layer import Layer
from kernelkit.models.description.flow import UNKNOWN, Watcher, connect
from kernelkit.models.description.wiring import Call, Failure, Wiring, add_nodes
from kernelkit.recording import recording
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Batch, Shapes, SizeList, Tree


def trace(layer: Layer, args: tuple, kwargs: dict[str, Any]) -> Wiring:
    """Return the wiring of a layer's ``call``.

    Args:
        layer: The layer or model, built.
        args: Its arguments, with symbolic tensors in place of arrays.
        kwargs: Its named arguments.

    Returns:
        A :class:`Wiring`. If ``call`` raises, it holds the ``failure`` and the calls before it.
    """
    symbolic = _symbolic(layer, args, kwargs)
    if symbolic.failure is None:
        return symbolic
    by_jax = _by_jax(layer, args, kwargs)
    return by_jax if by_jax.failure is None or _layers(by_jax) > _layers(symbolic) else symbolic


def _layers(wiring: Wiring) -> int:
    return sum(isinstance(call.operation, Layer) for call in wiring.calls)


def specs_for(layer: Any, given: Any = None) -> tuple[tuple, dict[str, Any]] | None:
    """Return the arguments with which a layer's ``call`` can be traced.

    Args:
        layer: The layer.
        given: A sample (arrays nested as its inputs) or a shape; ``None`` for the shapes that it was built for.

    Returns:
        ``(args, kwargs)`` with symbolic tensors, or ``None`` if no shape is known.
    """
    if given is not None:
        return (_from_sample(layer, given),), {}
    config = layer.get_build_config()
    if not config:
        return None
    if "input_shape" in config:
        shape = config["input_shape"]
        return None if shape is None else ((_from_shapes(layer, shape),), {})
    shapes = config["shapes_dict"]
    return (), {name.removesuffix("_shape"): _from_shapes(layer, shape) for name, shape in shapes.items()}


def _from_shapes(layer: Any, shapes: Shapes) -> Any:
    def spec(shape: SizeList | None) -> Any:
        return None if shape is None else KerasTensor((None, *shape[1:]) if shape else (), layer.compute_dtype)

    return jtu.tree_map(spec, shapes, is_leaf=lambda s: s is None or is_shape(s))


def _from_sample(layer: Any, sample: Batch) -> Any:
    if is_shape(sample) or (isinstance(sample, list) and all(is_shape(s) for s in sample)):
        return _from_shapes(layer, sample)

    def spec(value: Any) -> Any:
        if not hasattr(value, "shape"):
            return value
        return KerasTensor((None, *value.shape[1:]) if value.shape else (), getattr(value, "dtype", None))

    return jtu.tree_map(spec, sample, is_leaf=is_leaf)


def _fresh(args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any], list[KerasTensor]]:
    """Return the arguments with new symbolic tensors, and these tensors."""
    leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=is_leaf)
    fresh = [v.like() if isinstance(v, KerasTensor) else v for v in leaves]
    args, kwargs = jtu.tree_unflatten(treedef, fresh)
    return args, kwargs, [v for v in fresh if isinstance(v, KerasTensor)]


def _input_names(layer: Layer, count: int) -> list[str]:
    first = signature_of(layer).first or "inputs"
    return [first] if count == 1 else [f"{first}_{i}" for i in range(count)]


def _begin(layer: Layer, tensors: list[KerasTensor]) -> Wiring:
    names = _input_names(layer, len(tensors))
    wiring = Wiring(inputs=[(id(t), name) for t, name in zip(tensors, names, strict=True)])
    wiring.specs = {id(t): t for t in tensors}
    return wiring


class _FirstFailure:
    """Records the failing call while symbolic tensors pass through a layer's ``call``."""

    def __init__(self) -> None:
        self.failed: tuple[Layer, tuple, dict] | None = None

    def call(self, layer: Layer, args: tuple, kwargs: dict[str, Any]) -> Tree:
        scope.local.watcher = None  # calls inside this layer are not recorded
        try:
            return layer(*args, **kwargs)
        except Exception:
            self.failed = (layer, args, kwargs)
            raise
        finally:
            scope.local.watcher = self


def _symbolic(layer: Layer, args: tuple, kwargs: dict[str, Any]) -> Wiring:
    args, kwargs, tensors = _fresh(args, kwargs)
    wiring = _begin(layer, tensors)
    watcher = _FirstFailure()
    before, scope.local.watcher = scope.local.watcher, watcher
    try:
        with scope.StatelessScope(), scope.keep_names(fresh=True), scope.name_scope(layer.name), recording() as nodes:
            try:
                outputs = layer.call(*args, **kwargs)
            finally:
                add_nodes(wiring, nodes)
                wiring.kept = (tensors, list(nodes))
    except Exception as error:
        _fail(wiring, error, watcher.failed)
        return wiring
    finally:
        scope.local.watcher = before
    leaves = jtu.tree_leaves(outputs, is_leaf=is_leaf)
    wiring.outputs = [id(t) for t in leaves if isinstance(t, KerasTensor)]
    return wiring


def _by_jax(layer: Layer, args: tuple, kwargs: dict[str, Any]) -> Wiring:
    leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=is_leaf)
    places = [i for i, v in enumerate(leaves) if isinstance(v, KerasTensor)]
    tensors = [leaves[i] for i in places]
    wiring = _begin(layer, tensors)
    wiring.kept = tensors
    watcher = Watcher(layer)

    def run(*values: Any) -> Tree:
        filled = list(leaves)
        for place, value in zip(places, values, strict=True):
            filled[place] = value
        own_args, own_kwargs = jtu.tree_unflatten(treedef, filled)
        with scope.StatelessScope(), scope.SymbolicScope():
            watcher.known.update((id(v), t) for v, t in zip(values, tensors, strict=True))
            outputs = watcher.run(own_args, own_kwargs)
        return [v for v in jtu.tree_leaves(outputs, is_leaf=is_leaf) if is_tensor(v)]

    specs = [jax.ShapeDtypeStruct(tuple(UNKNOWN if d is None else d for d in t.shape), t.dtype) for t in tensors]
    try:
        with scope.keep_names(fresh=True):
            jaxpr = jax.make_jaxpr(run)(*specs)
    except Exception as error:
        for seen in watcher.calls:
            gives = [t for t in seen.gives if seen.ended]
            wiring.specs.update((id(t), t) for t in (*seen.takes, *gives))
            call = Call(seen.layer, [id(t) for t in seen.takes], [id(t) for t in gives], seen.args, seen.kwargs)
            wiring.calls.append(call._replace(ended=seen.ended))
        wiring.kept = (tensors, watcher)
        failed = next(((s.layer, s.args, s.kwargs) for s in watcher.calls if not s.ended), None)
        _describe(wiring, error, failed)
        return wiring
    connect(wiring, jaxpr.jaxpr, watcher.calls)
    return wiring


def _fail(wiring: Wiring, error: Exception, failed: tuple[Layer, tuple, dict] | None) -> None:
    """Record the failure, and add the failed call."""
    if failed is not None:
        layer, args, kwargs = failed
        tensors = [v for v in jtu.tree_leaves((args, kwargs), is_leaf=is_leaf) if isinstance(v, KerasTensor)]
        wiring.specs.update((id(t), t) for t in tensors)
        wiring.calls.append(Call(layer, [id(t) for t in tensors], [], args, kwargs, ended=False))
    _describe(wiring, error, failed)


def _describe(wiring: Wiring, error: Exception, failed: tuple[Layer, tuple, dict] | None) -> None:
    shapes: list[tuple] = []
    if failed is not None:
        leaves = jtu.tree_leaves(failed[1:], is_leaf=is_leaf)
        shapes = [tuple(v.shape) for v in leaves if is_tensor(v)]
        shapes = [tuple(None if d == UNKNOWN else d for d in shape) for shape in shapes]
    text = str(error).replace(str(UNKNOWN), "None")
    wiring.failure = Failure(f"{type(error).__name__}: {text}", shapes, "" if failed is None else failed[0].name)
