"""pytest plugin: in this process `keras` means kernelkit.

`import keras.src.layers.core.dense` and its like give a module made on the fly whose names are looked up, first in the
adapters of this folder, then in kernelkit's public packages. Keras's test files alone are loaded from the wheel.

A name of Keras that kernelkit has no counterpart of is still imported, as a class that refuses to be used: so a file
is not lost for one name, and each test that needs the name fails by itself.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types

import pytest

from kernelkit.as_keras.refusals import missing
from tests.conformance.wheel import SRC

# What stands behind `keras.src.<key>` and all below it, the longest matching key first. kernelkit's package of the
# same name follows by itself.
ADAPTERS = {
    "": ["tests.conformance.adapters.top", "kernelkit"],
    "backend": ["kernelkit.as_keras.stand_ins.backend"],
    "backend.common.backend_utils": ["tests.conformance.adapters.conv_transpose"],
    "backend.common.dtypes": ["tests.conformance.adapters.dtypes"],
    "backend.common.keras_tensor": ["kernelkit.symbolic"],
    "backend.common.symbolic_scope": ["tests.conformance.adapters.scopes"],
    "backend.config": ["kernelkit.config"],
    "backend.distribution_lib": ["tests.conformance.adapters.distribution_lib"],
    "backend.image": ["kernelkit.ops.image"],
    "backend.jax.distribution_lib": ["tests.conformance.adapters.distribution_lib"],
    "backend.jax.trainer": ["tests.conformance.adapters.trainer"],
    "backend.linalg": ["kernelkit.ops.linalg"],
    "backend.math": ["kernelkit.ops"],
    "backend.nn": ["kernelkit.ops.nn"],
    "backend.numpy": ["kernelkit.ops.numpy"],
    "backend.random": ["kernelkit.random"],
    "distribution.distribution_lib": ["tests.conformance.adapters.distributions"],
    "dtype_policies.dtype_policy": ["kernelkit.dtype_policies", "tests.conformance.adapters.dtype_policies"],
    "export": ["tests.conformance.adapters.export"],
    "initializers": ["kernelkit.initializers", "tests.conformance.adapters.initializers"],
    "layers": ["kernelkit.layers", "tests.conformance.adapters.layers"],
    "layers.preprocessing.image_preprocessing.bounding_boxes": ["kernelkit.utils.bounding_boxes"],
    "losses": ["kernelkit.losses", "tests.conformance.adapters.losses"],
    "ops": ["kernelkit.ops", "tests.conformance.adapters.operations"],
    "ops.random": ["kernelkit.random"],
    "ops.node": ["kernelkit.symbolic"],
    "ops.operation": ["kernelkit"],
    "ops.operation_utils": ["tests.conformance.adapters.operation_utils"],
    "quantizers": ["kernelkit.quantizers", "tests.conformance.adapters.quantizers"],
    "regularizers": ["kernelkit.regularizers", "tests.conformance.adapters.regularizers"],
    "saving": ["kernelkit.saving", "tests.conformance.adapters.saving"],
    "legacy.saving": ["tests.conformance.adapters.saving"],
    "testing": ["tests.conformance.adapters.testing"],
    "trainers.data_adapters.py_dataset_adapter": ["kernelkit.utils"],
    "trainers.compile_utils": ["tests.conformance.adapters.compile_utils"],
    "utils": ["kernelkit.utils", "tests.conformance.adapters.utils"],
    "utils.file_utils": ["tests.conformance.adapters.file_utils"],
    "utils.jax_layer": ["kernelkit.layers"],
    "utils.module_utils": ["kernelkit.as_keras.stand_ins.modules"],
    "utils.tracking": ["tests.conformance.adapters.tracking"],
}


def sources(path: str) -> list:
    """Return the modules in which the names of `keras.src.<path>` are looked up, in order."""
    found, parts = [], path.split(".") if path else []
    for length in range(len(parts), -1, -1):
        prefix = ".".join(parts[:length])
        if length == 0 and parts:
            break  # what is in a package is not looked for at the top
        found += ADAPTERS.get(prefix, [])
        own = f"kernelkit.{prefix}"
        if prefix and own not in found and _exists(own):
            found.append(own)
    return [importlib.import_module(name) for name in found]


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class Alias(types.ModuleType):
    """A module of Keras by name, of kernelkit by content."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        inside = _inside(self.__name__)
        below = f"{inside}.{name}".lstrip(".")
        if _is_module(below):
            return importlib.import_module(f"{self.__name__}.{name}")
        for source in sources(inside):
            if hasattr(source, name):
                return getattr(source, name)
        if inside:
            return missing(f"keras.src.{below}")
        raise AttributeError(f"neither kernelkit nor its adapters have {name!r}")


def _inside(name: str) -> str:
    """Return the path below `keras.src` of a module's name; public modules stand for those of the same name."""
    for root in ("keras.src", "keras.api", "keras"):
        if name == root or name.startswith(root + "."):
            return name[len(root) + 1 :]
    raise ValueError(name)


def _is_module(path: str) -> bool:
    place = SRC.joinpath(*path.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file() or path in ADAPTERS


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds everything below `keras`."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras" and not name.startswith("keras."):
            return None
        inside = _inside(name)
        file = SRC.joinpath(*inside.split(".")).with_suffix(".py") if inside else None
        if name.endswith("_test") and file is not None and file.is_file():
            loader = importlib.machinery.SourceFileLoader(name, str(file))
            return importlib.util.spec_from_file_location(name, file, loader=loader)
        if inside and not _is_module(inside):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Alias(spec.name)

    def exec_module(self, module):
        module.__path__ = []


class NoTensorFlow(types.ModuleType):
    """Stands where TensorFlow is missing: a test file that imports it is read, and the tests that use it fail."""

    random = types.SimpleNamespace(set_seed=lambda seed: None)  # `set_random_seed` seeds what is imported

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise ModuleNotFoundError("TensorFlow is not installed")


def install() -> None:
    """Let `import keras` mean kernelkit from now on."""
    if "keras" in sys.modules:
        raise RuntimeError("keras was imported before the hook")
    if importlib.util.find_spec("tensorflow") is None and "XLA_FLAGS" in os.environ:
        sys.modules["tensorflow"] = NoTensorFlow("tensorflow")  # two files of tests for several devices import it
    sys.dont_write_bytecode = True  # nothing is left in the wheel's folders
    sys.meta_path.insert(0, Finder())


def pytest_configure(config):
    install()


def pytest_collect_directory(path, parent):
    # As plain folders: a package's __init__.py would be imported and searched for fixtures.
    return pytest.Dir.from_parent(parent, path=path)
