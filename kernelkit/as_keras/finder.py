"""The import hook: modules named ``keras...`` whose names are looked up in kernelkit."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import types
from collections.abc import Iterator
from typing import Any

from kernelkit.as_keras import private, public
from kernelkit.as_keras.attributes import give_attributes
from kernelkit.as_keras.refusals import missing, refuse
from kernelkit.as_keras.version import VERSION

ROOTS = ("keras._tf_keras.keras", "tensorflow.keras", "keras.api", "keras")


class Alias(types.ModuleType):
    """A module with a name of Keras and the content of kernelkit."""

    def __init__(self, name: str, source: str) -> None:
        super().__init__(name)
        self.__dict__["_source"] = source

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return sorted(self.__dir__())
        if name.startswith("__"):
            raise AttributeError(name)
        below = f"{inside(self.__name__)}.{name}".lstrip(".")
        if below in public.MODULES and source_of(below) is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        if below == "src":
            return importlib.import_module("keras.src")
        source = importlib.import_module(self._source)
        if name.startswith("_") or (self._source == "kernelkit" and name not in source.__all__):
            raise AttributeError(
                f"module {self.__name__!r} has no attribute {name!r} (kernelkit stands for Keras here)"
            )
        value = getattr(source, name)  # the AttributeError of kernelkit suggests the nearest name
        if isinstance(value, types.ModuleType) and value.__name__.startswith("kernelkit"):
            raise AttributeError(
                f"module {self.__name__!r} has no attribute {name!r} (kernelkit stands for Keras here)"
            )
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        source = importlib.import_module(self._source)
        names = getattr(source, "__all__", None) or [n for n in dir(source) if not n.startswith("_")]
        here = inside(self.__name__)
        modules = {m.rpartition(".")[2] for m in public.MODULES if m.rpartition(".")[0] == here and source_of(m)}
        kept = {n for n in names if not isinstance(getattr(source, n, None), types.ModuleType)}
        return sorted(kept | modules)


class PrivateAlias(types.ModuleType):
    """A module below ``keras.src``."""

    def __getattr__(self, name: str) -> Any:
        here = self.__name__.partition("keras.src")[2].lstrip(".")
        if name == "__all__":  # for `from keras.src.ops import *`
            return _public_names(here)
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        below = f"{here}.{name}".lstrip(".")
        value = self.__dict__[name] = _private(here, name, below)
        return value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        refuse(self.__name__)  # an unknown function was imported as if it were a module


def _private(here: str, name: str, below: str) -> Any:
    if below in private.NAMES:
        module, attribute, _ = private.NAMES[below]
        found = importlib.import_module(module)
        return getattr(found, attribute) if attribute else found
    if here in private.MODULES:
        found = importlib.import_module(private.MODULES[here][0])
        if hasattr(found, name):
            return getattr(found, name)
    if below in private.AREAS or below in private.MODULES or any(n.startswith(f"{below}.") for n in _known()):
        return importlib.import_module(f"keras.src.{below}")
    source = private.AREAS.get(here.partition(".")[0]) if here else "kernelkit"
    area = _imported(source) if source else None
    if area is not None and not name.startswith("_") and hasattr(area, name):
        value = getattr(area, name)
        if not (isinstance(value, types.ModuleType) and value.__name__.startswith("kernelkit")):
            return value
    if name == "__version__":
        return VERSION
    if name[:1].isupper() or name.startswith("_"):
        return missing(f"keras.src.{below}")
    raise AttributeError(f"module 'keras.src.{here}' has no attribute {name!r} (kernelkit stands for Keras here)")


def _public_names(here: str) -> list[str]:
    """Return the functions and classes that a module below ``keras.src`` takes from kernelkit."""
    source = private.MODULES[here][0] if here in private.MODULES else private.AREAS.get(here)
    source = source_of(here) if source is None and here in public.MODULES else source
    if source is None:
        raise AttributeError("__all__")
    found = importlib.import_module(source)
    names = getattr(found, "__all__", None) or [name for name in dir(found) if not name.startswith("_")]
    return sorted(name for name in names if not isinstance(getattr(found, name), types.ModuleType))


def _known() -> Iterator[str]:
    yield from private.NAMES
    yield from private.MODULES


def _imported(name: str) -> types.ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def inside(name: str) -> str:
    """Return the path below ``keras`` of a module's name."""
    for root in ROOTS:
        if name == root or name.startswith(root + "."):
            return name[len(root) + 1 :]
    raise ValueError(name)


def source_of(path: str) -> str | None:
    """Return kernelkit's module for a public module of Keras, ``None`` if there is none."""
    if not path:
        return "kernelkit"
    own = f"kernelkit.{path}"
    try:
        found = importlib.util.find_spec(own) is not None
    except ModuleNotFoundError:
        found = False
    return own if found else public.STAND_INS.get(path)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds everything below ``keras``, and ``tensorflow.keras`` where TensorFlow itself is installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != "keras" and not name.startswith(("keras.", "tensorflow.keras")):
            return None
        if name == "keras.src" or name.startswith("keras.src.") or name in ("keras._tf_keras", "keras.api"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        here = inside(name)
        if (here and here not in public.MODULES) or source_of(here) is None:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        if spec.name.startswith("keras.src") or spec.name == "keras._tf_keras":
            return PrivateAlias(spec.name)
        source = source_of(inside(spec.name))
        assert source is not None
        return Alias(spec.name, source)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__path__ = []
        if module.__name__ in ROOTS:
            module.__dict__["__version__"] = VERSION
            module.__dict__["version"] = lambda: VERSION
        if module.__name__.endswith((".layers", ".src")):
            give_attributes(importlib.import_module("kernelkit.layers"))
