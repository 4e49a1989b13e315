"""Two models side by side."""

import pytest

import kernelkit as kk
from kernelkit.viz import compare_models

L = kk.layers


def network(blocks=3, units=8, extra=False, prefix=""):
    x = i = kk.Input((8,), name=f"{prefix}in")
    for k in range(blocks):
        y = L.Dense(units, "relu", name=f"{prefix}dense_{k}")(x)
        if extra and k == 1:
            y = L.Dropout(0.5, name=f"{prefix}drop")(y)
        x = L.Add(name=f"{prefix}add_{k}")([x, y]) if units == 8 else y
    return kk.Model(i, L.Dense(1, name=f"{prefix}<b>out")(x), name=f"{prefix}net")


def test_models_that_differ_in_names_alone_are_the_same():
    found = compare_models(network(), network(prefix="other_"))
    assert found.same and len(found.rows) == 8
    assert found.rows[1] == ("same", "dense_0 (Dense) 8", "other_dense_0 (Dense) 8", ())


def test_a_layer_in_the_middle_is_the_only_difference():
    found = compare_models(network(), network(extra=True))
    assert [(r.status, r.right) for r in found.rows if r.status != "same"] == [("right", "drop (Dropout) 8")]
    back = compare_models(network(extra=True), network())
    assert [(r.status, r.left) for r in back.rows if r.status != "same"] == [("left", "drop (Dropout) 8")]
    assert "+ drop (Dropout) 8" in str(found) and "- drop (Dropout) 8" in str(back)


def test_other_arguments_shapes_and_frozen_layers_are_named():
    other = network()
    other.get_layer("dense_1").trainable = False
    [row] = [r for r in compare_models(network(), other).rows if r.status != "same"]
    assert row == ("changed", "dense_1 (Dense) 8", "dense_1 (Dense) 8", ("trainable -> frozen",))


def test_the_table_holds_no_markup_of_a_name():
    html = compare_models(network(), network(2))._repr_html_()
    assert "<b>out" not in html and "&lt;b&gt;out" in html and 'class="kk-left"' in html


def test_descriptions_are_compared_as_models_are_and_subclassed_models_by_a_sample():
    class Own(kk.Model):
        def __init__(self, units):
            super().__init__(name="own")
            self.dense = L.Dense(units, name="d")

        def call(self, x):
            return self.dense(x)

    found = compare_models(Own(2), Own(3), sample=(None, 4))
    assert [r.status for r in found.rows].count("changed") == 1
    a, b = (kk.viz.graph(network(), fold=False) for _ in range(2))
    assert compare_models(a, b).same


@pytest.mark.parametrize("blocks", [1, 60])
def test_long_models_are_matched(blocks):
    found = compare_models(network(blocks), network(blocks + 1))
    assert [r.status for r in found.rows].count("right") == 2 and not any(
        r.status in ("changed", "left") for r in found.rows
    )
