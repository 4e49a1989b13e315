"""The bar that counts steps, and the switch that silences it."""

import io
import logging
import sys
import types

import pytest

import kernelkit as kk
from kernelkit.training import display
from kernelkit.utils import progbar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    system = types.SimpleNamespace(stdout=Terminal(), modules=sys.modules)
    for module in (progbar, display):
        monkeypatch.setattr(module, "sys", system)
    return system.stdout


@pytest.fixture
def quiet():
    kk.config.disable_interactive_logging()
    yield
    kk.config.enable_interactive_logging()


def test_a_bar_in_a_terminal(terminal):
    bar = kk.utils.Progbar(3, width=6, interval=0)
    for step, loss in enumerate((2.0, 4.0, 6.0), 1):
        bar.update(step, [("loss", loss)])
    frames = terminal.getvalue().split("\r")[1:]
    assert [f.split(" - ")[0] for f in frames] == ["1/3 ━━────", "2/3 ━━━━──", "3/3 ━━━━━━"]
    assert [f.split("loss: ")[1].strip() for f in frames] == ["2.0000", "3.0000", "6.0000"]  # means, then the last
    assert terminal.getvalue().endswith("\n")


def test_averages_and_values_as_they_are(terminal):
    bar = kk.utils.Progbar(9, stateful_metrics=["a"], interval=0)
    bar.update(2, [("a", 1.0), ("b", 1.0)])
    bar.add(2, [("a", 3.0), ("b", 3.0)])
    assert "a: 3.0000 - b: 2.0000" in terminal.getvalue().split("\r")[-1]
    bar = kk.utils.Progbar(9, stateless_metrics=["a"], interval=0)
    bar.update(1, [("a", 1.0), ("b", 1.0)])
    bar.update(4, [("a", 3.0), ("b", 1e-5)])
    assert "a: 2.5000 - b: 1.0000e-05" in terminal.getvalue().split("\r")[-1]
    with pytest.raises(ValueError, match="Only one of"):
        kk.utils.Progbar(3, stateful_metrics=["a"], stateless_metrics=["b"])


def test_unknown_targets_intervals_and_silence(terminal):
    bar = kk.utils.Progbar(None, interval=1000, unit_name="sample")
    for step in range(1, 4):
        bar.update(step)
    assert terminal.getvalue().count("\r") == 1 and "1/Unknown" in terminal.getvalue()
    bar.update(4, finalize=True)
    assert "/sample" in terminal.getvalue() and terminal.getvalue().endswith("\n")
    terminal.truncate(0)
    kk.utils.Progbar(1, verbose=0).update(1)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_log_file_has_the_last_line_alone(capsys, verbose):
    bar = kk.utils.Progbar(2, verbose=verbose, interval=1e-9)
    bar.update(1)
    bar.update(2)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("2/2 - ")


def test_a_log_file_has_each_line_that_is_asked_for(capsys):
    bar = kk.utils.Progbar(2, interval=0)
    bar.update(1, [("values", [0.0, 1.0])])
    bar.update(2)
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("1/2 - ") and first.endswith("values: 0.5000") and last.startswith("2/2 - ")


@pytest.mark.parametrize(
    ("shell", "count"), [(None, 0), (types.SimpleNamespace(), 0), (types.SimpleNamespace(kernel=object()), 2)]
)
def test_a_notebook_redraws_its_line_and_a_script_that_imports_ipykernel_does_not(capsys, monkeypatch, shell, count):
    monkeypatch.setitem(sys.modules, "ipykernel", types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    bar = kk.utils.Progbar(2, interval=1e-9)
    bar.update(1)
    bar.update(2)
    assert capsys.readouterr().out.count("\r") == count


def test_logging_that_is_not_interactive(terminal, quiet, caplog):
    assert not kk.utils.is_interactive_logging_enabled()
    with caplog.at_level(logging.INFO, logger="kernelkit"):
        bar = kk.utils.Progbar(2, interval=0)
        bar.update(1)
        bar.update(2)
    assert terminal.getvalue() == ""
    assert [r.getMessage()[:6] for r in caplog.records] == ["2/2 - "]
    assert type(display.choose("auto")) is display.LineDisplay
    kk.utils.enable_interactive_logging()
    assert type(display.choose("auto")) is display.BarDisplay
