"""kernelkit in Keras's place, each time in a process of its own."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from kernelkit import as_keras
from kernelkit.as_keras import private, public


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


SCRIPT = """
import sys
import keras, kernelkit
from keras import layers, ops
from keras.layers import Dense
import keras.preprocessing.image
from keras.src import backend
from keras.src.layers.core.dense import Dense as Inner
from keras.src.saving.serialization_lib import in_safe_mode
from keras.src.utils.module_utils import tensorflow
from keras.src.utils.tracking import no_automatic_dependency_tracking
from keras.src.nowhere import Thing, compute_thing

assert keras.__version__ == keras.version() and keras.__version__.startswith("3.15.1+kernelkit")
assert keras.config.backend() == keras.backend.backend() == "jax"
assert Dense is Inner is kernelkit.layers.Dense and layers.Dense is Dense
assert backend.standardize_data_format("channels_last") == "channels_last" and not hasattr(keras.backend, "is_tensor")
assert not hasattr(keras.layers, "Nothing") and not hasattr(keras, "sparse") and not hasattr(keras.layers, "dense")
assert not in_safe_mode()

class Halved(keras.layers.Rescaling):
    def call(self, x):
        return self.backend.cast(x, "float32") * self.backend.numpy.array(self.scale)

assert Halved(0.5)(ops.array([1, 3])).tolist() == [0.5, 1.5]

from keras.src.backend.common.symbolic_scope import in_symbolic_scope
from keras.src.layers.convolutional.base_conv import BaseConv
from keras.src.layers.convolutional.base_conv_transpose import BaseConvTranspose
from keras.src.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv
from keras.src.layers.convolutional.base_separable_conv import BaseSeparableConv

given = dict(kernel_size=(3,), padding="same", activation="relu")
for base, made in (
    (BaseConv, layers.Conv1D(4, 3)),
    (BaseConvTranspose, layers.Conv2DTranspose(4, 3)),
    (BaseDepthwiseConv, layers.DepthwiseConv2D(3)),
    (BaseSeparableConv, layers.SeparableConv1D(4, 3)),
):
    more = {} if base is BaseDepthwiseConv else {"filters": 4}
    more |= {"depth_multiplier": 2} if base in (BaseDepthwiseConv, BaseSeparableConv) else {}
    own = type("Own", (base,), {})(rank=1, **given, **more)
    assert own(ops.ones((1, 6, 2))).shape == (1, 6, 4) and own.rank == 1
    assert isinstance(made, base) and made.rank == len(made.kernel_size) and not isinstance(Dense(1), base)

import types

hub = sys.modules["keras_hub.src.blocks"] = types.ModuleType("keras_hub.src.blocks")  # as if it were imported
hub.Block = type("Block", (keras.layers.Dense,), {"__module__": hub.__name__})
hub.run = type("run", (), {})
config = keras.saving.serialize_keras_object(hub.Block(3))
assert config["module"] == hub.__name__ and type(keras.saving.deserialize_keras_object(config)) is hub.Block
for other in ({"module": "os.path"}, {"class_name": "run"}, {"module": "keras_hub.src.never_imported"}):
    try:
        keras.saving.deserialize_keras_object({**config, "registered_name": None, **other})
    except ValueError as error:
        assert "not known" in str(error)
    else:
        raise AssertionError(other)

import warnings

import numpy as np

classifier = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
classifier.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    history = classifier.fit(np.ones((2, 2)), np.array([0, 3]), verbose=0).history
assert any("labels from 0 to 3" in str(w.message) for w in told) and np.isfinite(history["loss"][0])

scopes = []

class Asks(keras.layers.Layer):
    def call(self, x):
        scopes.append(in_symbolic_scope())
        return x

Asks()(keras.Input((2,)))
Asks()(ops.ones((1, 2)))
assert scopes[0] and not scopes[-1], scopes

class Derived(Thing):
    pass

assert not isinstance(3, Thing)
errors = []
for use in (lambda: Thing(), lambda: Thing.make(), lambda: compute_thing(1)):
    try:
        use()
    except NotImplementedError as error:
        errors.append(str(error))
assert all(f"{__name__} uses it" in e for e in errors) and len(errors) == 3, errors
assert "keras.src.nowhere.Thing " in errors[0] and "keras.src.nowhere.compute_thing " in errors[2], errors
try:
    import keras.engine
except ModuleNotFoundError as error:
    assert "keras.engine" in str(error)
else:
    raise AssertionError("keras.engine is no module of Keras 3")

names = {}
exec("from keras import *", names)
assert {"layers", "Model", "backend", "distribution"} <= set(names) and "compile_cache" not in names
names = {}
exec("from keras.src.ops import *", names)
assert names["shape"] is ops.shape and {"add", "softmax"} <= set(names) and "jax" not in names
model = keras.Sequential([keras.Input((2,)), Dense(1)])
model.compile("sgd", "mse")
assert model.predict(ops.ones((3, 2)), verbose=0).shape == (3, 1)
print("report", *kernelkit.as_keras.report(), sep="|")

def version_of_a_child(_):
    import keras

    return keras.__version__

if __name__ == "__main__":
    import multiprocessing

    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:  # a child that fails ends the pool
        assert list(pool.map(version_of_a_child, [0])) == [keras.__version__]
    print("arguments", *sys.argv[1:])
"""


@pytest.mark.slow
def test_a_script_for_keras_runs_and_says_what_it_runs_on(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = run("-m", "kernelkit.as_keras", "--report", "script.py", "one", "--two", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "arguments one --two" in done.stdout
    assert "report|keras.src.nowhere.Thing, which __main__ uses" in done.stdout
    assert "keras.src.nowhere.compute_thing, which __main__ uses" in done.stderr


def test_it_refuses_when_keras_is_imported(tmp_path):
    code = "import sys, types; sys.modules['keras'] = types.ModuleType('keras'); "
    code += "import kernelkit.as_keras as k; k.install()"
    done = run("-c", code, cwd=tmp_path)
    assert "RuntimeError: keras is imported already" in done.stderr


def test_it_installs_once_and_for_children(tmp_path):
    code = (
        "import kernelkit.as_keras as k, os, sys, subprocess; k.install(); k.install(); "
        "print(sum(type(f).__name__ == 'Finder' and 'as_keras' in type(f).__module__ for f in sys.meta_path)); "
        "print(os.environ['PYTHONPATH'].split(os.pathsep).count(k.path()), os.environ['KERAS_BACKEND']); "
        "print(subprocess.run([sys.executable, '-c', 'import keras; print(keras.__version__)'], "
        "capture_output=True, text=True).stdout)"
    )
    done = run("-c", code, cwd=tmp_path, KERAS_BACKEND="torch")
    assert done.stdout.split() == ["1", "1", "jax", as_keras.VERSION], done.stderr


@pytest.mark.one_in(2)
def test_pytest_runs_tests_for_keras_on_kernelkit(tmp_path):
    test = "import keras\ndef test():\n    assert keras.layers.Dense.__module__.startswith('kernelkit')\n"
    test += "from keras.src.nowhere import Thing\n"
    (tmp_path / "test_it.py").write_text(test)
    options = ("-q", "-p", "kernelkit.as_keras.pytest_plugin", "-c", os.devnull, "-p", "no:cacheprovider")
    done = run("-m", "pytest", *options, "test_it.py", cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "keras.src.nowhere.Thing, which test_it imports" in done.stdout
    again = run("-m", "kernelkit.as_keras", "-m", "pytest", "-q", "-c", os.devnull, "test_it.py", cwd=tmp_path)
    assert "1 passed" in again.stdout, again.stdout + again.stderr


@pytest.mark.one_in(2)
def test_code_and_usage(tmp_path):
    done = run(
        "-m", "kernelkit.as_keras", "-c", "import keras, sys; print(keras.__name__, sys.argv)", "x", cwd=tmp_path
    )
    assert done.stdout.split("\n")[0] == "keras ['-c', 'x']", done.stderr
    assert "usage: python -m kernelkit.as_keras" in run("-m", "kernelkit.as_keras", cwd=tmp_path).stderr
    assert os.path.samefile(run("-m", "kernelkit.as_keras", "--path", cwd=tmp_path).stdout.strip(), as_keras.path())


@pytest.mark.parametrize("path", private.NAMES)
def test_a_name_of_the_table_exists(path):
    module, attribute, who = private.NAMES[path]
    found = importlib.import_module(module)
    assert not attribute or hasattr(found, attribute)
    assert who


@pytest.mark.parametrize("path", private.MODULES)
def test_a_module_of_the_table_exists(path):
    module, who = private.MODULES[path]
    assert importlib.import_module(module) and who


def modules_in(folder, prefix=""):
    """The public modules below a folder, found without importing any: that would replace parts of Keras's backend."""
    for found in pkgutil.iter_modules([str(folder)]):
        if found.name not in ("src", "api") and not found.name.startswith("_"):
            yield prefix + found.name
            if found.ispkg:
                yield from modules_in(folder / found.name, f"{prefix}{found.name}.")


def test_the_public_modules_are_those_of_keras():
    import keras

    assert set(modules_in(Path(keras.__path__[0]))) | {"preprocessing.text"} == public.MODULES


def test_a_table_that_others_write_into_is_live():
    from kernelkit import activations
    from kernelkit.as_keras.stand_ins.registries import ALL_OBJECTS_DICT

    def lecun(x):
        return x

    ALL_OBJECTS_DICT["lecun_of_a_test"] = lecun
    assert activations.get("lecun_of_a_test") is lecun and ALL_OBJECTS_DICT["relu"] is activations.relu
