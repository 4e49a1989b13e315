"""What a newcomer meets first: names behind the Tab key, the notebooks, many metrics, a summary without a gap."""

from __future__ import annotations

import inspect
import re
import types
from pathlib import Path

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import rich_display
from kernelkit.viz.curves.panel import LivePanel
from tests.viz.fake import FakeOutput

NOTEBOOKS = Path(__file__).parents[2] / "notebooks" / "src"


@pytest.mark.parametrize(
    "name",
    (
        "layers losses metrics optimizers initializers activations ops models callbacks utils random config saving "
        "datasets regularizers constraints tree distribution quantizers applications viz tuner kernelkit"
    ).split(),
)
def test_the_tab_key_offers_public_names_only(name):
    package = kk if name == "kernelkit" else getattr(kk, name)
    offered = {one for one in dir(package) if not one.startswith("__")}
    assert not offered & {
        "Any",
        "Callable",
        "annotations",
        "os",
        "np",
        "jax",
        "dispatch",
        "bytecode",
        "changes",
        "tape",
    }
    assert not [one for one in offered if one.startswith("_")]
    for one in offered:  # each is there
        getattr(package, one)
    assert offered >= set(getattr(package, "__all__", ())) - {"__version__"} and len(offered) > 5


def test_signatures_have_types_without_quotes_and_no_any():
    assert str(inspect.signature(kk.layers.Conv2D)).startswith(
        "(filters: int, kernel_size: Sizes, strides: Sizes = 1, padding: str = 'valid', data_format: "
    )
    model = kk.Sequential([kk.layers.Dense(1)])
    dbg = kk.viz.StepDebugger
    for shown in (kk.Model.fit, model.fit, kk.ops.conv, kk.viz.show_batch, kk.saving.load_model, kk.optimizers.Adam):
        text = str(inspect.signature(shown))
        assert "Any" not in text and not re.search(r"(:|->) '", text) and len(text) > 10, text
    assert str(inspect.signature(dbg.goto)) == "(self, position: int) -> dict[str, float]"
    quoted = [
        f"{package.__name__}.{name}"
        for package in (kk, kk.layers, kk.ops, kk.losses, kk.metrics, kk.optimizers, kk.callbacks, kk.viz, kk.utils)
        for name, value in ((name, getattr(package, name)) for name in dir(package) if not name.startswith("_"))
        if isinstance(value, types.FunctionType) and re.search(r"(:|->) '|: Any", str(inspect.signature(value)))
    ]
    assert quoted == []


def test_the_notebook_of_the_debugger_shows_it_and_the_quickstart_names_the_buttons():
    cells = re.split(r"^# %%.*$", (NOTEBOOKS / "02_debugger.py").read_text(encoding="utf-8"), flags=re.M)
    assert sum(cell.rstrip().endswith("\ndbg") for cell in cells) >= 3
    quickstart = (NOTEBOOKS / "01_quickstart.py").read_text(encoding="utf-8")
    assert all(word in quickstart for word in ("**Pause**", "**Step**", "keras.viz.predictions("))


def test_twelve_metrics_keep_compiles_order_and_a_small_output():
    names = [f"metric_{i:02d}" for i in reversed(range(12))]
    metrics = [kk.metrics.MeanAbsoluteError(name=name) for name in names]
    model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=metrics)
    output = FakeOutput()
    panel = LivePanel(output, ticks=False)
    model.fit(np.ones((40, 1)), np.ones((40, 1)), batch_size=8, epochs=3, verbose=panel)
    assert output.messages[-1][0]["facts"]["metrics"] == ["loss", *names]
    saved = kk.viz.history_bundle(model.history)
    assert sum(len(str(part)) for part in saved.values()) < 350_000


def test_a_summary_in_a_notebook_is_one_output(monkeypatch, capsys):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda *things, **_: shown.extend(things))
    monkeypatch.setattr(rich_display, "is_notebook", lambda: True)
    kk.Sequential([kk.Input((2,)), kk.layers.Dense(3)]).summary()
    assert len(shown) == 1 and shown[0].keys() == {"text/html", "text/plain"} and capsys.readouterr().out == ""
