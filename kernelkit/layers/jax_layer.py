"""`JaxLayer`: a function of jax, with its parameters, as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import dtypes
from kernelkit.layers.base.shapes import is_shape
from kernelkit.layers.layer import Layer
from kernelkit.random import SeedGenerator, make_own_seed
from kernelkit.typing import Shapes, SizeList, Tensor, Tree
from kernelkit.variable import Variable

__all__ = ["JaxLayer"]

_CALL = {"params", "state", "rng", "inputs", "training"}
_INIT = {"rng", "inputs", "training"}


class JaxLayer(Layer):
    """Wrap a pure function of jax (from Haiku, Equinox, or your own) as a layer.

    Args:
        call_fn: Function with the argument ``inputs`` and any of ``params``, ``state``, ``rng`` and ``training``, by
            these names. It returns the outputs; with ``state``, the outputs and the new state.
        init_fn: Function with the argument ``inputs`` and any of ``rng`` and ``training`` that returns the parameters;
            with ``state``, the parameters and the state. It is called when the layer is built, with ones as inputs.
        params: Initial parameters, a pytree of arrays, instead of ``init_fn``. Gradients change them.
        state: Initial state, a pytree of arrays. Gradients do not change it.
        seed: Seed of ``rng``.
        native_serialization_platforms: Accepted for compatibility with Keras, which uses it with TensorFlow only.
        **kwargs: ``name``, ``dtype``, ``trainable``.

    Raises:
        ValueError: If a function has other arguments, or initial values and ``init_fn`` are missing.

    Example:
        >>> import kernelkit as kk
        >>> def init(rng, inputs):
        ...     return {"w": jax.random.normal(rng, (inputs.shape[-1], 3))}
        >>> def apply(params, inputs):
        ...     return inputs @ params["w"]
        >>> layer = kk.layers.JaxLayer(apply, init)
        >>> layer(kk.ops.ones((2, 4))).shape, layer.count_params()
        ((2, 3), 12)
    """

    _not_in_config: tuple[str, ...] = ("params", "state", "seed")

    def __init__(
        self,
        call_fn: Callable,
        init_fn: Callable | None = None,
        params: Any = None,
        state: Tensor = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.call_fn = call_fn
        self.init_fn = init_fn
        self.native_serialization_platforms = native_serialization_platforms
        self._call_arguments = _arguments(call_fn, _CALL, "call_fn", self.who())
        self._init_arguments_used = set() if init_fn is None else _arguments(init_fn, _INIT, "init_fn", self.who())
        if init_fn is None and params is None and state is None and self._call_arguments & {"params", "state"}:
            raise ValueError(
                f"{self.who()}: call_fn takes parameters, so init_fn, params and state cannot all be missing."
            )
        self._init_seed = make_own_seed() if seed is None else seed
        self.seed_generator = SeedGenerator(seed) if "rng" in self._call_arguments else None
        self._params: _Tree | None = None
        self._state: _Tree | None = None
        if params is not None or state is not None:
            self._take(params, state)

    def _take(self, params: Any, state: Tensor) -> None:
        if params is not None:
            self._params = self._variables_of(params, trainable=True)
        if state is not None:
            self._state = self._variables_of(state, trainable=False)

    def _variables_of(self, tree: Tree, trainable: bool) -> _Tree:
        leaves, treedef = jtu.tree_flatten_with_path(tree)
        variables: list[Any] = []
        for path, leaf in leaves:
            value = np.asarray(leaf)
            if value.dtype.kind in "OUS":  # a string, for example: a constant
                variables.append(leaf)
                continue
            name = "_".join(_key(key) for key in path) or ("params" if trainable else "state")
            variables.append(
                self.add_weight(
                    value.shape,
                    lambda shape, dtype, value=value: jnp.asarray(value, dtype),
                    dtype=dtypes.canonical(value.dtype.name).name,
                    trainable=trainable,
                    name=name.replace("/", "_"),
                )
            )
        return _Tree(variables, treedef)

    @property
    def params(self) -> Tree:
        """The parameters: the pytree that ``call_fn`` gets, with variables as leaves."""
        return None if self._params is None else self._params.variables()

    @property
    def state(self) -> Tree:
        """The state: the pytree that ``call_fn`` gets, with variables as leaves."""
        return None if self._state is None else self._state.variables()

    def build(self, input_shape: Shapes) -> None:
        if self._params is None and self._state is None and self.init_fn is not None:
            with jax.ensure_compile_time_eval():
                self._take(*self._initialize(_placeholders(input_shape, self.compute_dtype)))

    def _initialize(self, inputs: Tree) -> tuple[Any, Any]:
        """Return initial parameters and state for inputs of the given shapes."""
        assert self.init_fn is not None
        given = {"rng": jax.random.PRNGKey(self._init_seed), "inputs": inputs, "training": True}
        result = self.init_fn(**{name: given[name] for name in self._init_arguments_used})
        if "state" not in self._call_arguments:
            return result, None
        if not isinstance(result, tuple) or len(result) != 2:
            raise ValueError(
                f"{self.who()}: call_fn takes a state, so init_fn must return (params, state), got {type(result)}."
            )
        return result

    def call(self, inputs: Tree, training: bool = False) -> Tree:
        given = {"inputs": inputs, "training": bool(training)}
        if "params" in self._call_arguments:
            given["params"] = None if self._params is None else self._params.values()
        if "state" in self._call_arguments:
            given["state"] = None if self._state is None else self._state.values()
        if self.seed_generator is not None:
            given["rng"] = self.seed_generator.next()
        result = self.call_fn(**{name: given[name] for name in self._call_arguments})
        if "state" not in self._call_arguments:
            return result
        if not isinstance(result, tuple) or len(result) != 2:
            raise ValueError(
                f"{self.who()}: call_fn takes a state, so it must return (outputs, state), got {type(result)}."
            )
        outputs, state = result
        if self._state is None:
            raise ValueError(f"{self.who()}: call_fn returned a state, but the layer has no initial state.")
        self._state.assign(state, self.who())
        return outputs


class _Tree:
    """A pytree of variables and constants."""

    def __init__(self, leaves: list[Any], treedef: Any) -> None:
        self.leaves, self.treedef = leaves, treedef

    def variables(self) -> Tree:
        return jtu.tree_unflatten(self.treedef, self.leaves)

    def values(self) -> Tree:
        values = [leaf.value if isinstance(leaf, Variable) else leaf for leaf in self.leaves]
        return jtu.tree_unflatten(self.treedef, values)

    def assign(self, values: Any, who: str) -> None:
        leaves, treedef = jtu.tree_flatten(values)
        if treedef != self.treedef:
            raise ValueError(f"{who}: call_fn got a state of structure {self.treedef} and returned {treedef}.")
        for variable, value in zip(self.leaves, leaves, strict=True):
            if isinstance(variable, Variable):
                variable.assign(value)


def _arguments(function: Callable, known: set[str], name: str, who: str) -> set[str]:
    """Check a function's arguments and return their names."""
    parameters = inspect.signature(function).parameters.values()
    given = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL,)}
    if "inputs" not in given:
        raise ValueError(f"{who}: Missing required argument in `{name}`: `inputs`. It has {sorted(given)}.")
    unknown = sorted(given - known)
    if unknown:
        raise ValueError(
            f"{who}: Unsupported argument in `{name}`: {', '.join(f'`{u}`' for u in unknown)}. Supported arguments are "
            f"{', '.join(f'`{k}`' for k in sorted(known))}; wrap the function to give it these."
        )
    return given


def _placeholders(shapes: Shapes, dtype: str) -> Any:
    def ones(shape: SizeList) -> Tensor:
        return jnp.ones(tuple(1 if size is None else size for size in shape), dtype)

    return jtu.tree_map(ones, shapes, is_leaf=is_shape)


def _key(key: Tensor) -> str:
    """Return a key of a pytree path as a part of a name."""
    for attribute in ("key", "name", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)
