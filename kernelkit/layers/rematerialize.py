"""Rematerialization: intermediate values are computed again for the gradient, instead of kept in memory.

Source: Chen et al., 2016, Training deep nets with sublinear memory cost.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import masking, scope
from kernelkit.layers.base.tensors import attach_masks, collect_masks, is_leaf
from kernelkit.symbolic import any_symbolic
from kernelkit.typing import Tree

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class _Open(threading.local):
    def __init__(self) -> None:
        self.scopes: list[RematScope] = []


_open = _Open()


class RematScope:
    """Layers made inside this scope compute values again for their gradients: less memory, more time.

    Args:
        mode: The values to compute again. ``"full"``: all values inside each layer; ``"activations"``: in layers with
            an ``activation``, all values except the results of products and convolutions; ``"larger_than"``: layers
            with large outputs; ``"list_of_layers"``: layers of given names; ``None``: nothing.
        output_size_threshold: Number of output elements that a layer must exceed, for ``"larger_than"``.
        layer_names: Names of layers, for ``"list_of_layers"``.

    Raises:
        ValueError: If the mode is unknown.

    Example:
        >>> import kernelkit as kk
        >>> with kk.RematScope(mode="full"):
        ...     layer = kk.layers.Dense(2, activation="relu")
        >>> layer(kk.ops.ones((1, 3))).shape
        (1, 2)
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: list[str] | None = None
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"RematScope(): mode must be one of {_MODES}, got {mode!r}.")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or [])

    def __enter__(self) -> RematScope:
        _open.scopes.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _open.scopes.pop()


def current() -> RematScope | None:
    """Return the innermost open scope; ``None`` if there is no scope or its mode is ``None``."""
    innermost = _open.scopes[-1] if _open.scopes else None
    return None if innermost is None or innermost.mode is None else innermost


def remat(f: Callable) -> Callable:
    """Return a function with the same result, which computes its intermediate values again for the gradient.

    Args:
        f: Function of arrays and other values; it may call layers.

    Example:
        >>> import jax
        >>> from kernelkit import remat
        >>> float(jax.grad(remat(lambda x: x**3))(2.0))
        12.0
    """

    @functools.wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return f(*args, **kwargs)
        return _checkpointed(f, args, kwargs)

    return wrapper


def layer_call(layer: Any, asked: RematScope) -> Callable:
    """Return a layer's ``call``, rematerialized according to a scope.

    It is returned unchanged in eager calls, which keep no values for a gradient, and while an observer inspects a step,
    which needs the values.
    """
    if scope.local.stateless is None or scope.in_symbolic_scope() or scope.local.observer is not None:
        return layer.call
    if asked.mode == "list_of_layers" and layer.name not in asked.layer_names:
        return layer.call
    if asked.mode == "activations" and getattr(layer, "activation", None) is None:
        return layer.call

    def call(*args: Any, **kwargs: Any) -> Tree:
        if asked.mode == "larger_than" and _output_size(layer.call, args, kwargs) <= asked.output_size_threshold:
            return layer.call(*args, **kwargs)
        return _checkpointed(layer.call, args, kwargs, _keep_products if asked.mode == "activations" else None)

    return call


def _keep_products(primitive: Any, *_: Any, **__: Any) -> bool:
    """Keep the results of products and convolutions; biases and activations are cheap to compute again."""
    return primitive.name in ("dot_general", "conv_general_dilated")


def _output_size(function: Callable, args: tuple, kwargs: dict) -> int:
    with scope.StatelessScope(), scope.SymbolicScope():
        shapes = jax.eval_shape(lambda: function(*args, **kwargs))
    return sum(math.prod(v.shape) for v in jtu.tree_leaves(shapes))


def _checkpointed(function: Callable, args: tuple, kwargs: dict, policy: Any = None) -> Any:
    """Run a function under `jax.checkpoint`; its changes of variables, losses and masks are returned as values."""
    leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=is_leaf)
    places = [i for i, v in enumerate(leaves) if isinstance(v, (jax.Array, np.ndarray))]
    updated: list = []
    losing: list = []
    outer = scope.local.stateless

    def pure(values: list, masks: list) -> tuple:
        filled = list(leaves)
        for place, value, mask in zip(places, values, masks, strict=True):
            filled[place] = value
            masking.set_mask(value, mask)
        own_args, own_kwargs = jtu.tree_unflatten(treedef, filled)
        with scope.StatelessScope(collect_losses=outer is not None and outer.collect_losses) as inner:
            outputs = function(*own_args, **own_kwargs)
        updated[:] = inner.variables
        losing[:] = [layer for layer, _ in inner.losses]
        added = [jnp.asarray(loss) for _, loss in inner.losses]
        return outputs, [inner.values[id(v)] for v in updated], added, collect_masks(outputs)

    given = [leaves[i] for i in places]
    masks_of_given = [masking.get_mask(v) for v in given]
    outputs, values, losses, masks = jax.checkpoint(pure, policy=policy)(given, masks_of_given)
    for variable, value in zip(updated, values, strict=True):
        variable.assign(value)
    for layer, loss in zip(losing, losses, strict=True):
        if outer is not None:
            outer.add_loss(layer, loss)
    if masks is not None:
        attach_masks(outputs, masks)
    return outputs
