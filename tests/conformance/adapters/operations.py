"""Operation classes such as `ops.numpy.Mean(axis=1)(x)`, made from kernelkit's functions of the same meaning.

Keras has a class for each op; the tests make one with the op's settings and call it on the tensors.
"""

import functools
import inspect

from kernelkit import ops
from kernelkit.recording import FunctionOperation, Operation
from kernelkit.symbolic import KerasTensor, any_symbolic

_SETTINGS_FIRST = {"einsum", "full", "fori_loop", "while_loop", "getitem", "get_item"}
_OTHER_NAMES = {"RMSNorm": "rms_normalization", "LayerNorm": "layer_normalization"}


def _make(function):
    class FromFunction(Operation):
        """An op with its settings, to be called on tensors."""

        def __init__(self, *settings, name=None, **keywords):
            super().__init__(name)
            self.settings, self.keywords = settings, keywords
            names = list(inspect.signature(function).parameters)
            vars(self).update({**dict(zip(names[1:], settings)), **keywords})

        def _fill(self, args, kwargs):
            if function.__name__ in _SETTINGS_FIRST:
                return (*self.settings, *args), {**self.keywords, **kwargs}
            if function is ops.arange and len(args) > 1 and args[1] is None:  # in Keras's class: not given
                args = (0, args[0], *args[2:])
            names = list(inspect.signature(function).parameters)
            free = [n for n in names[len(args) :] if n not in kwargs]
            return args, {**dict(zip(free, self.settings)), **self.keywords, **kwargs}

        def call(self, *args, **kwargs):
            args, kwargs = self._fill(args, kwargs)
            return function(*args, **kwargs)

        def compute_output_spec(self, *args, **kwargs):
            args, kwargs = self._fill(args, kwargs)
            return FunctionOperation(function).compute_output_spec(*args, **kwargs)

        def __call__(self, *args, **kwargs):
            if any_symbolic(args, kwargs):
                return self.symbolic_call(*args, **kwargs)
            return self.call(*args, **kwargs)

    return FromFunction


def broadcast_shapes(shape1, shape2):
    """Return the shape of a sum, as a list."""
    return list(ops.add(KerasTensor(shape1), KerasTensor(shape2)).shape)


@functools.cache
def _class_of(name):
    wanted = (_OTHER_NAMES.get(name) or name).replace("_", "").lower()
    found = (getattr(m, n) for m in (ops, ops.image) for n in dir(m) if n.replace("_", "").lower() == wanted)
    function = next(found, None)
    if function is None or not callable(function):
        raise AttributeError(name)
    made = _make(function)
    made.__name__ = made.__qualname__ = name
    return made


def __getattr__(name):
    if not name[:1].isupper():
        raise AttributeError(name)
    return _class_of(name)


__all__ = ["KerasTensor", "broadcast_shapes"]
