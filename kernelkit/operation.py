"""The base class of operations that users write."""

from __future__ import annotations

from kernelkit import recording, serialize


class Operation(recording.Operation, serialize.Configurable):
    """A callable that computes on arrays, and is recorded when it is called on symbolic tensors.

    A subclass computes in ``call``. Its config follows from the signature of its constructor. Layers are operations
    that have weights.

    Args:
        name: Name; made from the class's name if not given.

    Example:
        >>> import kernelkit as kk
        >>> class Scale(kk.Operation):
        ...     def __init__(self, factor, name=None):
        ...         super().__init__(name)
        ...         self.factor = factor
        ...
        ...     def call(self, x):
        ...         return x * self.factor
        >>> scale = Scale(2.0, name="double")
        >>> scale(kk.Input((3,))).shape, scale.get_config()
        ((None, 3), {'factor': 2.0, 'name': 'double'})
    """
