"""`Lambda`: any function as a layer."""

from __future__ import annotations

import inspect
from typing import Any

from kernelkit.layers.layer import Layer


class Lambda(Layer):
    """Wrap a function of tensors. A model with it can be saved if the function has a name.

    Args:
        function: Takes the inputs, and ``mask`` and ``training`` if it has arguments of these names.
        output_shape: Accepted for Keras's sake: the output's shape is found by running the function on shapes.
        mask: The mask of the output, or a function ``(inputs, mask) -> mask``; no mask for ``None``.
        arguments: Dict of more arguments for the function.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Lambda(lambda x: x**2)(kk.ops.array([3.0])).tolist()
        [9.0]
    """

    def __init__(
        self, function: Any, output_shape: Any = None, mask: Any = None, arguments: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"{self._who()}: the function must be callable, got {function!r}.")
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self.output_shape = output_shape
        self._passes = {n for n in ("mask", "training") if n in inspect.signature(function).parameters}

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{n: given[n] for n in self._passes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask that the constructor was given, or that its function makes."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask
