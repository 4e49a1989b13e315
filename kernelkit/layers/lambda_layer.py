"""`Lambda`: any function as a layer."""

from __future__ import annotations

import inspect
from typing import Any

from kernelkit import serialize
from kernelkit.layers.layer import Layer
from kernelkit.typing import Shapes, Tensor, Tree


class Lambda(Layer):
    """Wrap a function of tensors. Give the function a name if its model will be saved.

    A lambda is saved as Python bytecode: only the same version of Python loads it, and only with ``safe_mode=False``.

    Args:
        function: Function of the inputs, and of ``mask`` and ``training`` if it has arguments of these names.
        output_shape: Accepted for compatibility with Keras: the output's shape is inferred.
        mask: The mask of the output, or a function ``(inputs, mask) -> mask``; no mask for ``None``.
        arguments: Dict of more arguments for the function.

    Raises:
        TypeError: If ``function`` is not callable.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Lambda(lambda x: x**2)(kk.ops.array([3.0])).tolist()
        [9.0]
    """

    _takes_sparse = True
    _is_made_of_calls = True

    def __init__(
        self,
        function: Any,
        output_shape: Shapes = None,
        mask: Tensor = None,
        arguments: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"{self.who()}: the function must be callable, got {function!r}.")
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self.output_shape = output_shape
        self._passes = {n for n in ("mask", "training") if n in inspect.signature(function).parameters}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> Lambda:
        """Make a layer from a config; functions are looked up by name.

        Args:
            config: Result of ``get_config()``.
            custom_objects: Dict of functions that are not registered, by name.
            safe_mode: ``False`` allows a lambda to be made from the bytecode in the config.
        """
        found = {
            name: serialize.deserialize_keras_object(value, custom_objects, safe_mode is not False)
            if isinstance(value, dict)
            else value
            for name, value in config.items()
        }
        if isinstance(found["function"], str):
            found["function"] = serialize.lookup(found["function"], "ops", "function")
        return cls(**found)

    def call(self, inputs: Tree, mask: Tensor = None, training: bool | None = None) -> Tree:
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{n: given[n] for n in self._passes})

    def compute_mask(self, inputs: Tree, mask: Tensor = None) -> Tree:
        """Return the mask from the constructor: the given array, or the result of the given function."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask
