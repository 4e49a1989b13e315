"""A mistake of the user's shows the user's lines and one of kernelkit's, and says what to write instead."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import traceback

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import config, ops
from kernelkit.tracebacks import shortened

INSIDE = os.path.dirname(os.path.abspath(kk.__file__)) + os.sep
X, Y = np.ones((8, 4), "float32"), np.arange(8) % 3


@pytest.fixture(autouse=True)
def short_tracebacks():
    before = config.is_traceback_filtering_enabled()
    config.enable_traceback_filtering()
    yield
    (config.enable_traceback_filtering if before else config.disable_traceback_filtering)()


class WrongShape(kk.layers.Layer):
    def call(self, x):
        return ops.reshape(x, (3, 7))


class Chooses(kk.layers.Layer):
    def call(self, x):
        if ops.sum(x) > 0:
            return x
        return -x


class Rounds(kk.layers.Layer):
    def call(self, x):
        return x * float(ops.sum(x))


class TakesItem(kk.layers.Layer):
    def call(self, x):
        return x * ops.sum(x).item()


class UsesNumPy(kk.layers.Layer):
    def call(self, x):
        return x + np.abs(np.asarray(x))


class Around(kk.Model):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.dense = kk.layers.Dense(3, activation="softmax")

    def call(self, x):
        return self.dense(self.layer(x))


def around(layer, **settings):
    model = Around(layer)
    model.compile("adam", "sparse_categorical_crossentropy", **settings)
    return model


def dense(loss="sparse_categorical_crossentropy"):
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, activation="softmax")])
    model.compile("adam", loss)
    return model


def loss_of_the_user(y_true, y_pred):
    return ops.reshape(y_pred, (3, 7))


def failing(action) -> BaseException:
    with pytest.raises(Exception) as caught:
        action()
    return caught.value


def ours_and_the_users(error) -> tuple[int, list[str]]:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(INSIDE)]
    jaxs = [f for f in frames if f"{os.sep}jax{os.sep}" in f.filename]
    assert not jaxs
    return len(ours), [
        f.name for f in frames if f.filename == __file__ and f.name not in ("failing", "<lambda>")
    ]  # of the test


MISTAKES = {
    "wrong input": (lambda: dense().fit(X[:, :3], Y, verbose=0), []),
    "one-hot labels": (lambda: dense().fit(X, np.eye(3)[Y], verbose=0), []),
    "own layer": (lambda: around(WrongShape()).fit(X, Y, verbose=0), ["call", "call"]),
    "own layer, evaluate": (lambda: around(WrongShape()).evaluate(X, Y, verbose=0), ["call", "call"]),
    "own layer, train_on_batch": (lambda: around(WrongShape()).train_on_batch(X, Y), ["call", "call"]),
    "own loss": (lambda: dense(loss_of_the_user).fit(X, Y, verbose=0), ["loss_of_the_user"]),
    "own loss, in the background": (
        lambda: dense(loss_of_the_user).fit(X, Y, verbose=0, background=True).wait(),
        ["loss_of_the_user"],
    ),
    "an `if`": (lambda: around(Chooses()).fit(X, Y, verbose=0), ["call", "call"]),
    "wiring": (lambda: kk.Sequential([kk.Input((4,)), WrongShape()]), ["call"]),
    "a layer called alone": (lambda: kk.layers.Conv2D(3, 3)(X), []),
    "not compiled": (lambda: kk.Sequential([kk.layers.Dense(1)]).fit(X, Y), []),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_shows_the_users_frames_and_at_most_one_of_kernelkit_s(mistake):
    action, users = MISTAKES[mistake]
    ours, seen = ours_and_the_users(failing(action))
    assert ours <= 1
    assert seen == users


def test_all_frames_are_there_when_they_are_asked_for():
    config.disable_traceback_filtering()
    frames = traceback.extract_tb(failing(MISTAKES["own loss"][0]).__traceback__)
    assert sum(f.filename.startswith(INSIDE) for f in frames) > 5


def test_the_causes_of_an_error_are_shortened_too_and_jax_s_note_goes():
    error = failing(MISTAKES["an `if`"][0])
    one = error
    while one is not None:
        assert not any(f"{os.sep}jax{os.sep}" in f.filename for f in traceback.extract_tb(one.__traceback__))
        one = one.__cause__ or one.__context__
    assert not any("JAX has removed" in note for note in error.__notes__)


def test_an_interrupt_is_shortened_and_passes():
    @shortened
    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        stopped()
    assert [f.name for f in traceback.extract_tb(caught.value.__traceback__)][-1] == "stopped"


def test_a_script_prints_few_lines(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(
        "import numpy as np\nimport kernelkit as keras\n\n\n"
        "def loss(a, b):\n    return keras.ops.reshape(b, (3, 7))\n\n\n"
        "model = keras.Sequential([keras.layers.Dense(5)])\nmodel.compile('sgd', loss)\n"
        "model.fit(np.ones((4, 2)), np.ones(4), verbose=0)\n"
    )
    environment = {**os.environ, "KERNELKIT_TRACEBACK": "", "PYTHONPATH": os.path.dirname(INSIDE.rstrip(os.sep))}
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, env=environment)
    lines = [line for line in done.stderr.splitlines() if line.startswith("  File")]
    assert [line.split(", in ")[1] for line in lines] == ["<module>", "fit", "loss"]
    assert "disable_traceback_filtering" in done.stderr


# What to write instead ------------------------------------------------------------------------------------------------


IN_A_NOTEBOOK = '''
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
shell.run_cell("""
import numpy as np, kernelkit as kk
L, ops = kk.layers, kk.ops
x, y = np.ones((8, 4), "float32"), np.arange(8) % 3
def model(*layers, loss="sparse_categorical_crossentropy"):
    made = kk.Sequential([kk.Input((4,)), *layers, L.Dense(3, "softmax")])
    made.compile("adam", loss)
    return made
class Wrong(L.Layer):
    def call(self, x):
        return ops.reshape(x, (3, 7))
class Around(kk.Model):
    def __init__(self):
        super().__init__()
        self.wrong = Wrong()
    def call(self, x):
        return self.wrong(x)
def own_loss(y, p):
    return ops.reshape(p, (3, 7))
around = Around()
around.compile("adam", "mse")
""")
told = {}
for name, cell in json.loads(sys.argv[1]).items():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        shell.run_cell(cell)
    told[name] = out.getvalue()
print(json.dumps(told))
'''
CELLS = {
    "wrong shape": "model().fit(x[:, :3], y, verbose=0)",
    "one-hot labels": "model().fit(x, np.eye(3)[y], verbose=0)",
    "int labels": "model(loss='categorical_crossentropy').fit(x, y, verbose=0)",
    "own layer": "around.fit(x, y, verbose=0)",
    "own loss": "model(loss=own_loss).fit(x, y, verbose=0)",
    "pooling": "kk.Sequential([kk.Input((4, 4, 1)), L.MaxPooling2D(3), L.MaxPooling2D(3)])",
    "one sample": "model().predict(x[0])",
    "typo": "L.Dense(3, activaton='relu')",
    "not compiled": "kk.Sequential([L.Dense(1)]).fit(x, y)",
    "the debugger's model": "around.debug(x, y).step()",
    "a layer that is not there": "model().debug(x, y).activations('dens')",
    "a step that is not there": "model().debug(x, y).goto(-1)",
    "one sample, the graph": "model().graph(weights=1, sampel=x)",
}


def test_a_notebook_shows_at_most_forty_lines_without_sizes_that_were_only_tried():
    command = [sys.executable, "-c", IN_A_NOTEBOOK, json.dumps(CELLS)]
    environment = {k: v for k, v in os.environ.items() if k != "KERNELKIT_TRACEBACK"} | {"PYTHONPATH": INSIDE + ".."}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told.keys() == CELLS.keys()
    for name, text in told.items():
        assert "Error" in text and len(text.splitlines()) <= 40, (name, text)
        assert not re.search(r"\b1000[0-9]\b|Tracer|symbolic\.py", text), (name, text)
    assert "return ops.reshape(x, (3, 7))" in told["own layer"] and "own_loss" in told["own loss"]


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Chooses, r"ops.where\(condition, a, b\)"),
        (Rounds, r"float\(\), int\(\), .item\(\)"),
        (TakesItem, r"ops.cast\(\)"),
        (UsesNumPy, "kernelkit.ops in place of np.abs"),
    ],
)
def test_a_tensor_without_a_value_is_explained(layer, words):
    with pytest.raises(Exception) as caught:
        around(layer()).fit(X, Y, verbose=0)
    notes = " ".join(caught.value.__notes__)
    assert re.search(words, notes), notes
    assert "Steps are compiled" in notes and notes.count("run_eagerly=True") == 1
    assert f"In layer {caught.value.layer_path!r}" in notes
    with pytest.raises(Exception) as caught:
        kk.Sequential([kk.Input((4,)), layer()])
    assert "A model is wired with shapes alone" in " ".join(caught.value.__notes__)


@pytest.mark.parametrize("called_before", [False, True])
@pytest.mark.parametrize("layer", [Chooses, Rounds, TakesItem, UsesNumPy])
def test_run_eagerly_gives_a_subclassed_model_values(layer, called_before):
    model = around(layer(), run_eagerly=True)
    if called_before:
        model(X)
    assert len(model.fit(X, Y, batch_size=4, epochs=2, verbose=0).history["loss"]) == 2
    assert np.isfinite(model.evaluate(X, Y, verbose=0))
    assert model.predict(X, verbose=0).shape == (8, 3)


def test_run_eagerly_never_shows_a_call_a_tensor_without_a_value():
    seen = []

    class Looks(kk.layers.Layer):
        def call(self, x):
            seen.append(float(ops.max(x)))
            return x

    model = around(Looks(), run_eagerly=True)
    model.fit(X, Y, batch_size=4, verbose=0)
    assert seen and set(seen) == {1.0}


@pytest.mark.parametrize("what", ["loss", "metric", "call", "compute_loss"])
def test_none_is_told_as_none(what):
    class Forgets(kk.Model):
        def __init__(self):
            super().__init__()
            self.dense = kk.layers.Dense(3)

        def call(self, x):
            y = self.dense(x)
            return None if what == "call" else y

        def compute_loss(self, **batch):
            return None if what == "compute_loss" else super().compute_loss(**batch)

    def forgets(y_true, y_pred):
        pass

    model = Forgets()
    model.compile("sgd", forgets if what == "loss" else "mse", metrics=[forgets] if what == "metric" else [])
    name = {"call": r"Forgets.call\(\)", "compute_loss": r"Forgets.compute_loss\(\)"}.get(what, "'forgets'")
    with pytest.raises(ValueError, match=f"{name} returned None"):
        model.fit(X, X[:, :3], verbose=0)


def test_a_function_of_tensorflow_in_a_loss_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "tensorflow"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import numpy as np\nclass math:\n    @staticmethod\n    def abs(x):\n        return np.abs(np.asarray(x))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    import tensorflow as tf

    def loss(y_true, y_pred):
        return ops.mean(tf.math.abs(y_true - y_pred), -1)

    model = dense(loss)
    with pytest.raises(Exception) as caught:
        model.fit(X, np.ones((8, 3)), verbose=0)
    del sys.modules["tensorflow"]  # monkeypatch would put this one back
    assert "tf.math.abs was given a jax array: use kernelkit.ops.abs" in " ".join(caught.value.__notes__)
