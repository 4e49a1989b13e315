"""A History as people look at it: a picture in a notebook, a figure, a table, a line of text."""

from __future__ import annotations

import builtins
import pickle
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas
import pytest

import kernelkit as kk
from kernelkit.training.history import History
from kernelkit.viz.curves import bundle
from kernelkit.viz.curves.plot import plot_history
from kernelkit.viz.curves.saved import MIME


@pytest.fixture(scope="module")
def trained():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(2, "softmax")], name="mlp")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    return model.fit(x, y, batch_size=8, epochs=5, validation_split=0.25, validation_freq=2, verbose=0)


def test_in_a_cell_it_is_its_curves(trained):
    data = trained._repr_mimebundle_()
    assert data.keys() == {"text/plain", "text/html", "image/png", MIME}
    assert data["text/html"] == trained._repr_html_() and "<svg" in data["text/html"]
    assert data["text/plain"].startswith("mlp · 5 epochs")


def test_in_the_cell_of_its_panel_it_is_one_line(trained, monkeypatch):
    monkeypatch.setattr(bundle, "execution_count", lambda: 3)
    bundle.mark_as_shown(trained)
    assert trained._repr_mimebundle_() == {"text/plain": repr(trained)}
    assert trained._repr_html_() is None
    assert repr(trained).startswith("<History of 5 epochs: ") and "val_loss " in repr(trained)


def test_one_that_is_empty_is_one_line():
    assert History()._repr_mimebundle_() == {"text/plain": "<History of 0 epochs>"}


def test_validation_lies_where_it_was_done(trained):
    axes = trained.plot().axes[0]
    lines = {line.get_label(): line.get_xdata().tolist() for line in axes.lines}
    assert lines["train"] == [0.5, 1.5, 2.5, 3.5, 4.5] and lines["validation"] == [2, 4]
    assert axes.get_title(loc="left") == "loss"


def test_plotly(trained):
    figure = trained.plot(backend="plotly", title="a < b")
    assert [trace.name for trace in figure.data] == ["train", "validation"] * 2
    assert figure.layout.title.text == "a &lt; b"


def test_plots_say_what_is_wrong(trained, monkeypatch):
    with pytest.raises(ValueError, match="unknown backend 'ascii'"):
        trained.plot("ascii")
    with pytest.raises(ValueError, match="no values yet"):
        History().plot()
    hide(monkeypatch, "plotly")
    with pytest.raises(ImportError, match="pip install plotly"):
        trained.plot("plotly")


def test_the_table_of_epochs(trained):
    frame = trained.to_frame()
    assert frame.index.tolist() == [1, 2, 3, 4, 5] and frame.index.name == "epoch"
    assert frame["loss"].tolist() == trained.history["loss"]
    assert frame["val_loss"].dropna().to_dict() == dict(zip([2, 4], trained.history["val_loss"], strict=True))


def test_the_table_of_batches(trained):
    frame = trained.to_frame("batch")
    assert frame.shape == (30, 2) and frame.index[0] == 1
    np.testing.assert_array_equal(frame["loss"], trained.batches["loss"])


def test_tables_say_what_is_wrong(trained, monkeypatch):
    with pytest.raises(ValueError, match="'epoch' or 'batch', got 'step'"):
        trained.to_frame("step")
    assert isinstance(History().to_frame(), pandas.DataFrame)
    hide(monkeypatch, "pandas")
    with pytest.raises(ImportError, match="pip install pandas"):
        trained.to_frame()


def test_a_continued_training_counts_on():
    history = History()
    for epoch in (4, 5):
        history.on_epoch_end(epoch, {"loss": 1.0 / epoch})
    assert history.to_frame().index.tolist() == [5, 6]
    assert history.plot().axes[0].lines[0].get_xdata().tolist() == [4.5, 5.5]


@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_hundred_thousand_steps_take_little_memory(size):
    history = History()
    values = np.arange(500, dtype=np.float32)
    tracemalloc.start()
    for first in range(0, 100_000, size):
        history.record(SimpleNamespace(first=first, count=size, logs={"loss": values, "confusion": np.ones((9, 2, 2))}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 << 20  # 0.4 MB of values
    kept = history.batches["loss"]
    assert len(kept) == len(range(0, 100_000, size)) * size
    np.testing.assert_array_equal(kept[:size], values[:size])
    np.testing.assert_array_equal(kept[-size:], values[:size])


def test_histories_can_be_pickled(trained):
    bare = History()
    bare.history, bare.epoch = dict(trained.history), list(trained.epoch)
    assert pickle.loads(pickle.dumps(bare)).history == trained.history


def hide(monkeypatch, package: str) -> None:
    """Let a package seem not to be installed."""
    real = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] == package:
            raise ImportError(f"No module named {package!r}")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)


def test_metrics_named_in_an_inner_list_share_a_chart():
    logs = {"loss": [3.0, 2.0], "precision": [0.5, 0.6], "recall": [0.4, 0.7], "val_recall": [0.3, 0.5]}
    axes = plot_history(logs, metrics=["loss", ["precision", "recall"]]).axes
    assert [one.get_title("left") for one in axes] == ["loss", "precision · recall"]
    assert [line.get_label() for line in axes[1].lines] == ["precision", "recall", "val_recall"]
    assert axes[1].lines[1].get_color() == axes[1].lines[2].get_color() != axes[1].lines[0].get_color()
    with pytest.raises(ValueError, match="no metric 'nothing'"):
        plot_history(logs, metrics=[["loss", "nothing"]])
    with pytest.raises(ValueError, match="one training; this one compares 2"):
        plot_history({"a": logs, "b": logs}, metrics=[["precision", "recall"]])


def test_a_history_names_the_loss_first_and_counts_one_epoch():
    history = History()
    history.history, history.epoch = {"auc": [0.5], "loss": [1.0], "val_auc": [0.4], "val_loss": [2.0]}, [0]
    assert repr(history) == "<History of 1 epoch: loss 1 · val_loss 2 · auc 0.5 · val_auc 0.4>"
