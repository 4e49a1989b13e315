"""Finders read a training and change nothing; errors name their layer by themselves."""

from __future__ import annotations

import ast
import dataclasses
import linecache
from pathlib import Path

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.debugger import finders
from kernelkit.viz.debugger.finders import labels, nan, spikes, updates
from kernelkit.viz.debugger.finding import Finding

X, Y = np.ones((16, 2), "float32"), np.linspace(-1, 1, 16, dtype="float32")[:, None]


class Fails(kk.layers.Layer):
    """Fails in one way or another, when it is told to."""

    mode = ""

    def call(self, x):
        if self.mode == "error":
            raise RuntimeError("told to")
        return kk.ops.log(x - 1.0) if self.mode == "nan" else x


def debugger(name="fails", mode="", rate=0.1, x=X, y=Y):
    layer = Fails(name=name)
    model = kk.Sequential([kk.Input((2,)), layer, kk.layers.Dense(1)])
    model.compile(kk.optimizers.SGD(rate), "mse")
    layer.mode = mode
    return model.debug(x, y, batch_size=4, shuffle=False)


@pytest.mark.parametrize("find", finders.FINDERS, ids=lambda find: find.__module__.rpartition(".")[2])
def test_a_finder_finds_nothing_in_a_healthy_training_and_leaves_it_alone(find):
    dbg = debugger()
    dbg.step(3)
    before = dbg.state(), dbg.gradients()
    assert find(dbg.view()) is None
    assert dbg.state() == before[0]
    for path, gradient in dbg.gradients().items():
        np.testing.assert_array_equal(gradient, before[1][path])


def test_a_view_cannot_be_written_to():
    view = debugger().view()
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.position = 3


def test_a_view_until_a_step_knows_nothing_of_later_ones():
    dbg = debugger(rate=1e4)
    dbg.step(4)
    view = dbg.view()
    assert len(view.losses) == 4
    assert view.until(2).losses.tolist() == view.losses[:2].tolist()
    assert view.until(2).shown == 1 and view.until(0).shown == 0


@pytest.mark.parametrize("name", ["fails", "the user's layer", 'a "quoted" one'])
def test_an_error_names_its_layer_whatever_the_name_holds(name):
    dbg = debugger(name)
    dbg.timeline.steps.model.layers[0].mode = "error"
    error = RuntimeError("told to")
    error.layer_path = f"model/{name}"
    dbg.error = error
    found = dbg.explain()
    assert (found.kind, found.layer, found.direction) == ("error", name, "forward")
    assert f"in layer {f'model/{name}'!r}" in found.title


def test_a_layer_leaves_its_path_on_the_error():
    layer = Fails(name="the user's layer")
    layer.mode = "error"
    outer = kk.Sequential([kk.Input((2,)), kk.layers.Dense(2)])
    outer.add(kk.layers.Dense(2))
    with pytest.raises(RuntimeError) as caught:
        layer(X)
    assert caught.value.layer_path == layer.path


def test_nan_in_the_weights_is_traced_to_the_update_that_made_it_by_halving():
    dbg = debugger(rate=1e30)
    dbg.step(4)
    found = dbg.explain()
    assert found.step <= 1 and found.kind in ("exploding", "nan")
    assert "none" not in found.title


def test_nan_of_a_layer_is_found_where_it_was_made():
    found = (lambda dbg: (dbg.step(), dbg.explain())[1])(debugger(mode="nan"))
    assert (found.kind, found.layer, found.op) == ("nan", "fails", "log")
    line = int(found.where.split(":")[1].split(" ")[0])
    assert "kk.ops.log(x - 1.0)" in linecache.getline(__file__, line)


def test_a_line_of_a_cell_is_named_by_its_number():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    InteractiveShell._instance = shell
    try:
        shell.user_ns.update(kk=kk, np=np)
        cell = "class Bad(kk.layers.Layer):\n    def call(self, x):\n        return kk.ops.log(x - 1.0)\n"
        shell.run_cell(cell, store_history=True)
        model = kk.Sequential([kk.Input((2,)), shell.user_ns["Bad"](), kk.layers.Dense(1)])
        model.compile("sgd", "mse")
        dbg = model.debug(X, Y, batch_size=4)
        dbg.step()
        assert dbg.explain().where == "cell [1], line 3, in Bad.call"
    finally:
        InteractiveShell._instance = None


def test_every_finder_is_asked():
    folder = Path(finders.__file__).parent
    with_find = {
        path.stem
        for path in folder.glob("*.py")
        if any(isinstance(node, ast.FunctionDef) and node.name == "find" for node in ast.parse(path.read_text()).body)
    }
    assert {find.__module__.rpartition(".")[2] for find in finders.FINDERS} == with_find
    assert {labels.find, nan.find, spikes.find, updates.find} < set(finders.FINDERS)


def test_a_finding_without_advice_is_its_title():
    assert str(Finding("nothing", "Nothing looks wrong.", 0)) == "Nothing looks wrong."
