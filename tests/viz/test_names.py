"""Private names of notebook hosts: where one is missing, a notebook has one feature less, and `fit` runs."""

from __future__ import annotations

import sys
import threading
import types
import warnings
from types import ModuleType, SimpleNamespace

import IPython
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.host import jupyter, marimo, pages
from kernelkit.viz.host.environment import environment


class Names:
    """An object with attributes of its own; those named here are missing."""

    def __init__(self, missing="", **attributes):
        head, _, rest = missing.partition(".")
        for name, value in attributes.items():
            if name == head and not rest:
                continue
            if name == head:
                value = value(rest)
            elif isinstance(value, types.FunctionType) and value.__name__ == "part":
                value = value("")
            setattr(self, name, value)


def part(**attributes):
    def part(missing):
        return Names(missing, **attributes)

    return part


def shell_without(missing: str) -> Names:
    """An IPython shell, of ipykernel 7 as far as kernelkit knows it, in which one dotted name is missing."""
    nothing = lambda *args, **kwargs: None  # noqa: E731
    loop = part(add_callback=nothing, call_later=nothing)
    return Names(
        missing,
        events=part(register=nothing, unregister=nothing),
        user_ns={},
        execution_count=3,
        kernel=part(
            get_parent=lambda channel="shell": {"content": {"allow_stdin": True}},
            shell_channel_thread_main=nothing,
            shell_channel_thread=part(io_loop=loop),
            io_loop=loop,
            shell_stream=part(on_recv=nothing),
            shell_handlers={},
            session=part(feed_identities=nothing, unpack=nothing, deserialize=nothing),
            _publish_status=nothing,
        ),
    )


MORE = ["", "events", "kernel", "user_ns", "execution_count", "kernel.io_loop", "kernel.io_loop.call_later"]
MORE += ["kernel.session", "kernel.shell_stream", "kernel.shell_channel_thread", "kernel.shell_channel_thread.io_loop"]


@pytest.fixture
def published(monkeypatch):
    sent = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda *args, **kwargs: sent.append((args, kwargs)))
    return sent


def fit():
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2)


@pytest.mark.parametrize("missing", [*pages.NEEDED, *MORE])
def test_fit_runs_whatever_name_of_the_kernel_is_missing(missing, monkeypatch, published, capsys):
    shell = shell_without(missing)
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr(pages, "_answered", {})
    if missing:
        assert not pages.can_answer(shell) or missing in ("user_ns", "execution_count") or "kernel.io_loop" in missing
    else:
        assert pages.can_answer(shell) and environment() == "jupyter"
    assert fit().epoch == [0, 1]
    assert bool(published) is (missing != "kernel")  # without a kernel this is a terminal
    assert "failed" not in capsys.readouterr().out
    jupyter.after_cell(lambda: None)
    assert callable(jupyter.main_thread()) or threading.current_thread() is not threading.main_thread()


def marimo_without(missing: str) -> dict[str, ModuleType]:
    """The modules of a marimo, of which one dotted name is missing."""
    outputs: list = []
    context = SimpleNamespace(execution_context=SimpleNamespace(output=outputs))
    module, runtime, inner = ModuleType("marimo"), ModuleType("marimo._runtime"), ModuleType("marimo._runtime.context")
    module.__path__ = runtime.__path__ = []
    module.running_in_notebook = lambda: True
    module.Html = str
    module.output = SimpleNamespace(
        append=outputs.append, replace_at_index=lambda value, i: outputs.__setitem__(i, value)
    )
    module.outputs = outputs
    inner.get_context = lambda: context
    modules = {m.__name__: m for m in (module, runtime, inner)}
    if missing in modules:
        modules[missing] = None  # importing it raises ImportError
    elif missing:
        owner, _, name = missing.rpartition(".")
        found = {"output": module.output, "execution_context": context.execution_context, "context": context}
        delattr(found.get(owner, modules.get(owner, module)), name)
    return modules


@pytest.mark.parametrize(
    "missing",
    [
        "",
        "marimo._runtime.context",
        "marimo._runtime.context.get_context",
        "context.execution_context",
        "execution_context.output",
        "output.replace_at_index",
        "running_in_notebook",
    ],
)
def test_fit_runs_whatever_name_of_marimo_is_missing(missing, monkeypatch):
    modules = marimo_without(missing)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    assert fit().epoch == [0, 1]
    outputs = modules["marimo"].outputs
    assert len(outputs) == (missing != "running_in_notebook")  # the panel, or the picture in its place
    assert all(isinstance(output, str) is (missing == "") for output in outputs)
    assert marimo.is_running() is (missing != "running_in_notebook")


def test_a_display_that_cannot_even_be_made_gives_way_to_lines(monkeypatch, capsys):
    from kernelkit.training import display

    def broken():
        raise AttributeError("this notebook has another interface")

    monkeypatch.setitem(display._notebook, "factory", broken)
    with pytest.warns(RuntimeWarning, match="The notebook's display could not be made"):
        model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2)
    assert capsys.readouterr().out.count("Epoch ") == 2
