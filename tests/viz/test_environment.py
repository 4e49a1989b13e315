"""Hosts that cannot run here: what they tell by is planted, what they are sent is read."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import anywidget
import pytest

from kernelkit.viz.curves import environment, notebook_display
from kernelkit.viz.curves.chart import Picture, charts_of_histories
from kernelkit.viz.curves.output import NotebookOutput

WIDGET = "application/vnd.jupyter.widget-view+json"
MODULE = sys.modules["kernelkit.viz.host.environment"]
PICTURE = Picture("mlp", charts_of_histories({"": ([0, 1], {"loss": [2.0, 1.0]})}))


@pytest.fixture
def shell(monkeypatch):
    """An IPython shell in a kernel whose client can answer questions."""
    kernel = SimpleNamespace(get_parent=lambda: {"content": {"allow_stdin": True}})
    shell = SimpleNamespace(kernel=kernel, user_ns={}, execution_count=3)
    for name in ("VSCODE_PID", "COLAB_RELEASE_TAG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(MODULE, "ipython_shell", lambda: shell)
    return shell


@pytest.fixture
def colab(shell, monkeypatch):
    """Colab's module, which counts how often it was asked for its other widget manager."""
    output = ModuleType("google.colab.output")
    output.asked, output._widgets = [], SimpleNamespace(_installed_url=None)

    def enable_custom_widget_manager():
        output.asked.append(1)
        output._widgets._installed_url = "https://manager.example"

    output.enable_custom_widget_manager = enable_custom_widget_manager
    google, package = ModuleType("google"), ModuleType("google.colab")
    google.colab, package.output = package, output
    for module in (google, package, output):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    anywidget._util.enable_custom_widget_manager_once.cache_clear()
    yield output
    anywidget._util.enable_custom_widget_manager_once.cache_clear()


@pytest.fixture
def published(monkeypatch):
    """What the notebook is sent: (data, metadata, update)."""
    sent = []

    def publish(data, metadata, transient, update):
        sent.append((data, metadata, update))

    monkeypatch.setattr("IPython.display.publish_display_data", publish)
    return sent


def test_jupyter(shell):
    assert environment() == "jupyter"


def test_a_program_that_executes_a_notebook(shell):
    shell.kernel.get_parent = lambda: {"content": {"allow_stdin": False}}
    assert environment() == "headless"


def test_vscode_by_its_variable_in_the_namespace(shell):
    shell.user_ns["__vsc_ipynb_file__"] = "/home/me/training.ipynb"
    assert environment() == "vscode"


def test_vscode_by_its_process(shell, monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "123")
    assert environment() == "vscode"


def test_colab_by_its_module(colab):
    assert environment() == "colab"


def test_marimo_by_its_runtime(monkeypatch):
    marimo = ModuleType("marimo")
    marimo.running_in_notebook = lambda: True
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    assert environment() == "marimo"
    marimo.running_in_notebook = lambda: False  # `python notebook.py`
    assert environment() == "terminal"


@pytest.mark.parametrize("shell_is", [None, SimpleNamespace()], ids=["python", "ipython in a terminal"])
def test_no_notebook(monkeypatch, shell_is):
    monkeypatch.setattr(MODULE, "ipython_shell", lambda: shell_is)
    assert environment() == "terminal" and notebook_display() is None


@pytest.mark.parametrize("where", ["jupyter", "vscode"])
def test_a_widget_is_shown_live_and_a_picture_is_left(shell, published, where):
    output = NotebookOutput(where)
    output.open("mlp", print)
    output.close(PICTURE, {}, b"")
    (first, _, update), (last, _, update_last) = published
    assert first.keys() == {WIDGET, "text/plain"} and not update
    # A widget view would come before these, in JupyterLab with an error in its place once the kernel is gone.
    assert last.keys() == {"text/html", "image/png", "text/plain"} and update_last
    assert "data-kernelkit-panel" in last["text/html"]


def test_colab_is_asked_once_for_a_manager_of_foreign_widgets(colab, published):
    outputs = [NotebookOutput(), NotebookOutput()]
    for output in outputs:
        assert output.where == "colab" and output.live
        output.open("mlp", print)
    assert len(colab.asked) == 1
    for data, metadata, _ in published:
        assert metadata[WIDGET]["colab"]["custom_widget_manager"]["url"] == "https://manager.example"
        assert WIDGET in data
    outputs[0].close(PICTURE, {}, b"")
    assert published[-1][0].keys() == {"text/html", "image/png", "text/plain"}


def test_nobody_is_sent_a_widget_where_a_program_executes(shell, published):
    shell.kernel.get_parent = lambda: {"content": {"allow_stdin": False}}
    output = NotebookOutput()
    assert not output.live
    output.open("mlp", print)
    output.close(PICTURE, {}, b"")
    # An output that is updated later keeps its first state where a program captures it, as an Output widget does.
    assert [(data.keys(), update) for data, _, update in published] == [
        ({"text/html", "image/png", "text/plain"}, False)
    ]
    assert "data-kernelkit-panel" not in published[-1][0]["text/html"]


def test_without_anywidget_the_picture_is_left(shell, published, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert notebook_display() is None
    assert not NotebookOutput("vscode").live
