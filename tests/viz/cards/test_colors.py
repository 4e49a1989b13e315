"""What colors a graph during `fit` and in the debugger, and what layers give for a batch."""

import base64
import json

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.bins import histogram
from kernelkit.viz.cards.bundles import MIME
from kernelkit.viz.cards.colors import MOST_STEPS, Colors
from kernelkit.viz.debugger.colored import Coloring
from kernelkit.viz.live_graph import Graph

L = kk.layers


def pictures():
    return np.random.default_rng(0).normal(size=(48, 8, 8, 1)).astype("float32"), np.arange(48) % 3


def made():
    kk.utils.clear_session()
    kk.utils.set_random_seed(1)
    inner = kk.Sequential([kk.Input((144,)), L.Dense(6, activation="relu", name="d"), L.Dropout(0.5)], name="inner")
    i = kk.Input((8, 8, 1))
    h = inner(L.Flatten()(L.Conv2D(4, 3, activation="relu", name="conv")(i)))
    model = kk.Model(i, L.Dense(3, name="d")(h))  # a name that the inner model has too
    model.compile("sgd", kk.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.fixture(scope="module")
def model():
    return made()


def names(graph):
    strings, nodes = graph.description["strings"], graph.description["nodes"]
    return [strings[nodes["name"][row]] for row in graph.colors.rows]


def test_the_graph_has_the_numbers_of_the_step_that_the_debugger_shows(model):
    dbg = model.debug(*pictures(), batch_size=16)
    graph = dbg.graph()
    assert names(graph) == [
        "conv",
        graph.description["strings"][graph.description["nodes"]["name"][2]],
        "d",
        "dropout",
        "d",
    ]
    dbg.step(4)
    dbg.back(2)  # the colors go back with the timeline
    shown = graph.colors.as_json()
    assert shown["steps"] == [0, 1, 3] and dbg.shown == 1
    gradients = dbg.gradients("d")
    own = [row for row in dbg.table().rows if row["layer"] in ("inner/d", "d")]
    assert [row["shape"][-1] for row in own] == [6, 3]  # two layers of one name
    for place, row in zip((2, 4), own, strict=True):
        assert shown["grad"][1][place] == pytest.approx(row["grad"], rel=0.01)
        assert shown["update_ratio"][1][place] == pytest.approx(row["update_ratio"], rel=0.01)
    assert shown["dead"][1][2] == pytest.approx(own[0]["dead"], rel=0.01) and shown["dead"][1][4] is None
    assert gradients and shown["grad"][1][3] is None  # dropout has no weights
    assert "time" not in shown
    graph.receive({"kind": "time"})
    assert all(v > 0 for v in graph.colors.as_json()["time"])


def test_each_branch_of_the_debugger_keeps_its_own_colors(model):
    dbg = model.debug(*pictures(), batch_size=16)
    graph = Graph(model)
    coloring = Coloring(graph)

    def look(one, steps):
        one.step(steps)
        coloring.look(one)
        return graph.colors.as_json()

    look(dbg, 2)
    look(dbg, 2)
    fork = dbg.fork(learning_rate=0.5)
    first = look(dbg, 1)
    assert first["steps"] == [1, 3, 4]
    second = look(fork, 1)
    assert second["steps"] == [1, 3, 4] and second["grad"][:2] == first["grad"][:2]  # what they share stays
    other = dbg.fork(freeze="conv")
    other.goto(dbg.position)
    assert look(fork, 2)["steps"] == [1, 3, 4, 6]
    coloring.look(dbg)  # the page goes back to the first branch: it begins nothing anew
    assert graph.colors.as_json() == first
    assert look(other, 1)["steps"] == [1, 3, 4, 5]
    coloring.look(fork)
    assert graph.colors.as_json()["steps"] == [1, 3, 4, 6]


def test_fit_colors_the_graph_and_computes_the_same():
    x, y = pictures()
    plain = made().fit(x, y, batch_size=16, epochs=3, verbose=0).history
    model = made()
    graph = model.graph()
    follower = graph.follow(time=True)
    followed = model.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[follower]).history
    assert followed == plain
    colors = graph.colors.as_json()
    assert follower.looks == len(colors["steps"]) >= 3
    assert set(colors["steps"]) <= set(range(9))
    assert np.all(np.array([row[0] for row in colors["grad"]]) > 0) and len(colors["time"]) == 5
    saved = graph._repr_mimebundle_()[MIME]
    assert saved["colors"] == json.loads(json.dumps(colors))
    model.fit(x, y, batch_size=16, epochs=1, verbose=0, callbacks=[follower])
    assert graph.colors.steps and max(graph.colors.steps) <= 2  # those of this fit alone
    assert follower.looks == len(graph.colors.steps)


def test_a_graph_of_another_model_is_refused(model):
    other = kk.Sequential([kk.Input((2,)), L.Dense(1)])
    with pytest.raises(ValueError, match="belongs to another model"):
        model.fit(*pictures(), verbose=0, callbacks=[other.graph().follow()])


def test_a_batch_shows_what_layers_return_for_it(model):
    x, _ = pictures()
    graph = model.graph(x)
    rows = dict(zip(names(graph)[:3], graph.colors.rows, strict=False))
    shape, mean, std, low, _, counts, zeros, (count, height, width, pixels) = graph.outputs[str(rows["conv"])]
    expected = kk.Model(model.inputs, model.get_layer("conv").output).predict(x[:32], verbose=0)
    assert shape == [32, 6, 6, 4] and (count, height, width) == (4, 6, 6)
    assert (mean, std, low) == pytest.approx((expected.mean(), expected.std(), expected.min()), rel=1e-3)
    assert sum(counts) == expected.size and zeros == pytest.approx(np.mean(expected == 0), rel=0.01)
    drawn = np.frombuffer(base64.b64decode(pixels), "uint8").reshape(4, 6, 6)
    np.testing.assert_allclose(drawn, np.floor(255 * np.moveaxis(expected[0], -1, 0) / expected[0].max()), atol=1)
    assert model.graph((None, 8, 8, 1)).outputs == {}


def test_nan_and_many_steps_are_kept_in_a_form_that_json_holds():
    colors = Colors([3])
    for step in range(1000):
        colors.add(step, {"grad": [float("nan") if step == 999 else step]})
    assert len(colors) <= MOST_STEPS and colors.steps[-1] == 999 and colors.steps == sorted(colors.steps)
    few = colors.as_json(most=30)
    assert few["steps"][-1] == 999 and few["grad"][-1] == ["nan"] and len(few["steps"]) <= 10
    json.dumps(few, allow_nan=False)
    colors.cut(100)
    assert colors.steps[-1] <= 100
    with pytest.raises(ValueError, match="expected one of"):
        colors.add(1, {"grad": [1, 2]})


def test_weights_that_hardly_differ_have_a_histogram_everywhere():
    from kernelkit.viz.debugger.detail import histogram as of_the_debugger

    close = np.float32([1.0, 1.0 + 2**-23, 1.0])  # as the scales of a normalization after some steps
    huge = np.array([-1.7e308, 1.7e308])
    model = kk.Sequential([kk.Input((3,)), L.LayerNormalization(name="norm")], name="net")
    model.layers[-1].set_weights([close, close - 1])
    for description in (model.graph(np.ones((4, 3), "float32")).weights, model.graph().weights):
        (weights,) = description.values()
        assert [sum(counts) for *_, counts in weights] == [3, 3]
    assert sum(of_the_debugger("w", close)["counts"]) == 3
    assert "<svg" in model.weights[0]._repr_html_() and kk.viz.weights(model) is not None
    for values in (close, huge, np.zeros(3), np.float64([5e-324, 1e-323]), np.array([])):
        counts, edges = histogram(values, 32)
        assert (
            counts.sum() == len(values) and np.isfinite(edges).all() and (np.diff(edges) > 0).all() == (len(values) > 0)
        )


def test_the_cell_of_a_graph_of_500_layers_stays_near_100_kilobytes():
    model = kk.Sequential([kk.Input((4,)), *(L.Dense(4 + i % 3, name=f"layer_{i}") for i in range(499))])
    graph = model.graph(np.ones((4, 4), "float32"))
    for step in range(40):
        graph.show_colors(step, {name: [step + 0.125] * 499 for name in ("grad", "dead", "update_ratio")})
    bundle = graph._repr_mimebundle_()
    assert len(json.dumps(bundle[MIME])) + len(bundle["text/html"]) < 130_000
    assert len(bundle["text/html"]) < 100_000 and len(graph.weights) > len(bundle[MIME]["weights"]) > 0
