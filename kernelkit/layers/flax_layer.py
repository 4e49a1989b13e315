"""`FlaxLayer`: a module of flax as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kernelkit import serialize
from kernelkit.layers.jax_layer import JaxLayer
from kernelkit.typing import Tensor, Tree

__all__ = ["FlaxLayer"]


class FlaxLayer(JaxLayer):
    """Wrap a ``flax.linen.Module`` as a layer.

    The collection ``"params"`` becomes trainable weights. All other collections (such as the statistics of a batch
    normalization) become state that calls update. The layer provides random streams.

    Args:
        module: The module.
        method: The method to call, ``__call__`` by default: the method's name, or a function with the module as its
            first argument. Its other arguments are ``inputs`` and, optionally, ``training``.
        variables: Initial variables, as returned by ``module.init()``. By default the module is initialized when the
            layer is built.
        **kwargs: ``name``, ``dtype``, ``trainable``, ``seed``.

    Raises:
        ValueError: If the method has other arguments.

    To be saved, a module needs ``get_config`` and ``from_config``, and its class to be registered with
    :func:`kernelkit.saving.register_keras_serializable`.

    Example:
        >>> import kernelkit as kk
        >>> from flax import linen
        >>> layer = kk.layers.FlaxLayer(linen.Dense(3))
        >>> layer(kk.ops.ones((2, 4))).shape, layer.count_params()
        ((2, 3), 15)
    """

    _not_in_config = (
        *JaxLayer._not_in_config,
        "variables",
        "method",
        "call_fn",
        "init_fn",
        "native_serialization_platforms",
    )

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any) -> None:
        self.module = module
        self.method = method
        function = method if callable(method) else getattr(type(module), method or "__call__")
        takes_training = "training" in inspect.signature(function).parameters
        params, state = (None, None) if variables is None else _split(variables)
        super().__init__(*_functions(module, function, takes_training), params=params, state=state, **kwargs)

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal layer; a method of the module is given by its name."""
        method = self.method
        if callable(method) and getattr(type(self.module), getattr(method, "__name__", ""), None) is not None:
            method = method.__name__
        return super().get_config() | {"method": serialize.serialize_value(method)}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Make a layer from :meth:`get_config`'s result.

        Raises:
            ValueError: If the module's class does not define the method.
        """
        config = serialize.deserialize_values(config)
        method, module = config.get("method"), config["module"]
        if isinstance(method, str) and not _defines(type(module), method):
            raise ValueError(f"FlaxLayer: {type(module).__name__} defines no method {method!r}.")
        return cls(**config)


def _defines(module_class: type, name: str) -> bool:
    """Return whether a user's class defines a method, as opposed to flax's or Python's base classes."""
    if name.startswith("_") and name != "__call__":
        return False
    own = [c for c in module_class.__mro__ if c.__module__.partition(".")[0] not in ("flax", "builtins", "typing")]
    return any(inspect.isfunction(vars(c).get(name)) for c in own)


def _functions(module: Any, method: Callable, takes_training: bool) -> tuple[Callable, Callable]:
    """Return the ``call_fn`` and ``init_fn`` of a :class:`JaxLayer`."""
    from flax.core import DenyList

    def more(training: bool) -> dict:
        return {"training": training} if takes_training else {}

    def call_fn(params: Any, state: Tensor, rng: Any, inputs: Tree, training: bool) -> tuple:
        variables = {**(params or {}), **(state or {})}
        outputs, updated = module.apply(
            variables, inputs, rngs=rng, method=method, mutable=DenyList(["params"]), **more(training)
        )
        return outputs, {name: updated.get(name, variables[name]) for name in state or {}}

    def init_fn(rng: Any, inputs: Tree, training: bool) -> tuple:
        return _split(module.init(rng, inputs, method=method, **more(training)))

    return call_fn, init_fn


def _split(variables: Any) -> tuple[Any, Any]:
    """Return the collection of parameters and the dict of all other collections."""
    params = {name: collection for name, collection in variables.items() if name == "params"}
    return params, {name: collection for name, collection in variables.items() if name != "params"}
