"""`keras.src.utils.module_utils`: modules that may not be installed, imported at their first use."""

import importlib
import importlib.util


class OptionalModule:
    """A module that is imported when somebody asks for something in it."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def available(self) -> bool:
        """Whether it is installed."""
        return importlib.util.find_spec(self._name.partition(".")[0]) is not None

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self._name), name)


tensorflow = OptionalModule("tensorflow")
tensorflow_io = OptionalModule("tensorflow_io")
scipy = OptionalModule("scipy")
jax = OptionalModule("jax")
optree = OptionalModule("optree")
dmtree = OptionalModule("tree")
tf2onnx = OptionalModule("tf2onnx")
grain = OptionalModule("grain")
