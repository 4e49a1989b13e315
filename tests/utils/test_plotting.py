"""Models as graphs."""

import os
import stat

import pytest

import kernelkit as kk

pydot = pytest.importorskip("pydot")


@pytest.fixture
def model():
    kk.utils.clear_session()
    inner = kk.Sequential([kk.Input((4,)), kk.layers.Dense(4, activation="relu", name="hidden")], name="inner")
    a, b = kk.Input((4,), name="a"), kk.Input((4,), name="b")
    x = inner(kk.layers.Add(name="sum")([a, b]))
    outputs = kk.layers.Dense(2, activation="softmax", name="out", trainable=False)(kk.ops.tanh(x))
    return kk.Model([a, b], outputs, name="net")


def named(dot):
    """The graph's nodes by the first word of their labels."""
    nodes = list(dot.get_nodes())
    for cluster in dot.get_subgraphs():
        nodes += cluster.get_nodes()
    return {n.get_name(): n.get_label().split("<b>")[1].split("</b>")[0] for n in nodes if n.get_label()}


def edges(dot):
    names = named(dot)
    found = [(e.get_source(), e.get_destination()) for g in (dot, *dot.get_subgraphs()) for e in g.get_edges()]
    return {(names[a].split(" ")[0], names[b].split(" ")[0]) for a, b in found}


def test_nodes_and_edges(model):
    dot = kk.utils.model_to_dot(model)
    assert set(named(dot).values()) == {
        "a (InputLayer)", "b (InputLayer)", "sum (Add)", "inner (Sequential)", "tanh (tanh)", "out (Dense)",
    }  # fmt: skip
    assert edges(dot) == {("a", "sum"), ("b", "sum"), ("sum", "inner"), ("inner", "tanh"), ("tanh", "out")}
    assert (dot.get_rankdir(), dot.get_dpi(), dot.get_splines()) == ("TB", "200", "ortho")


def test_nested_models_in_a_frame(model):
    dot = kk.utils.model_to_dot(model, expand_nested=True, show_layer_names=True)
    (cluster,) = dot.get_subgraphs()
    assert cluster.get_label() == "inner"
    begin = next(n for n in named(dot).values() if "InputLayer" in n and n[0] not in "ab").split(" ")[0]
    assert {("sum", begin), (begin, "hidden"), ("hidden", "tanh")} <= edges(dot)


def test_what_is_written_into_nodes(model):
    text = kk.utils.model_to_dot(
        model,
        show_shapes=True,
        show_dtype=True,
        show_layer_names=False,
        show_layer_activations=True,
        show_trainable=True,
    ).to_string()
    for words in ("<b>Dense</b>", "Input shape: (None, 4)", "Output shape: (None, 2)", "Output dtype: float32",
                  "Activation: softmax", "Trainable: False", "Input shape: (None, 4), (None, 4)"):  # fmt: skip
        assert words in text
    assert "out (" not in text


def test_other_models():
    class Own(kk.Model):
        def call(self, x):
            return x

    own = Own(name="own")
    own(kk.ops.ones((1, 2)))
    assert list(named(kk.utils.model_to_dot(own)).values()) == ["own (Own)"]
    with pytest.raises(ValueError, match="not yet been built"):
        kk.utils.model_to_dot(kk.Sequential([kk.layers.Dense(1)]))
    small = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    with pytest.raises(ValueError, match="layer_range"):
        kk.utils.plot_model(small, layer_range=["a", "b"])
    cluster = kk.utils.model_to_dot(small, subgraph=True)
    assert isinstance(cluster, pydot.Cluster)


def fake_dot(folder):
    """A program of the name `dot` that writes what it was given, and the format, to its output."""
    folder.mkdir()
    program = folder / "dot"
    program.write_text('#!/bin/sh\nfor a in "$@"; do case "$a" in -T*) echo "$a";; -*) ;; *) cat "$a";; esac; done\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_a_picture_is_written(model, tmp_path, monkeypatch):
    fake_dot(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    kk.utils.plot_model(model, tmp_path / "model.pdf", rankdir="LR", dpi=70)
    text = (tmp_path / "model.pdf").read_text()
    assert text.startswith("-Tpdf") and "rankdir=LR" in text and "dpi=70" in text


def test_without_graphviz(model, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="Graphviz"):
        kk.utils.plot_model(model, tmp_path / "model.png")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(__import__("sys").modules, "pydot", None)
    with pytest.raises(ImportError, match="pip install pydot"):
        kk.utils.model_to_dot(model)
