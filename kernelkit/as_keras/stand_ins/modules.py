"""`keras.src.utils.module_utils`: modules that may not be installed, imported at their first use."""

import importlib
import importlib.util
from typing import Any


class LazyModule:
    """A module that is imported at the first access to one of its attributes.

    Args:
        name: Name of the module.
        pip_name: Name of its package for pip.
        import_error_msg: Error message if it is not installed.
    """

    def __init__(self, name: str, pip_name: str | None = None, import_error_msg: str | None = None) -> None:
        self._name = name
        self._message = import_error_msg or f"This needs {name}: pip install {pip_name or name}."

    @property
    def available(self) -> bool:
        """Whether the module is installed."""
        return importlib.util.find_spec(self._name.partition(".")[0]) is not None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            module = importlib.import_module(self._name)
        except ImportError as error:
            raise ImportError(self._message) from error
        return getattr(module, name)


tensorflow = LazyModule("tensorflow")
tensorflow_io = LazyModule("tensorflow_io")
scipy = LazyModule("scipy")
jax = LazyModule("jax")
optree = LazyModule("optree")
dmtree = LazyModule("tree")
tf2onnx = LazyModule("tf2onnx")
grain = LazyModule("grain")
torch = LazyModule("torch")
ocp = LazyModule("orbax.checkpoint")
