"""The widget's half in Python, without a browser: every event that a page can send, on a loop of its own."""

import heapq
import json
import re
import types
from pathlib import Path

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.debugger.detail import maps_of
from kernelkit.viz.debugger.message import BUCKETS, STATISTICS, TRENDS, state_message, table_message
from kernelkit.viz.debugger.panel import CONDITIONS, DebuggerPanel
from kernelkit.viz.debugger.picture import Shot, bundle, png_of
from kernelkit.viz.debugger.samples import as_pictures, batch_message, said
from tests.viz.debugger.models import BATCH, fresh

ROOT = Path(__file__).absolute().parents[3]
EVIL = "<img src=x onerror=alert(1)>"


class Loop:
    """The kernel's event loop: what was asked for later happens when `run` is called."""

    def __init__(self):
        self.now, self.calls, self.heap = 0.0, 0, []

    def later(self, seconds, function):
        self.calls += 1
        heapq.heappush(self.heap, (self.now + seconds, self.calls, function))

    def run(self, most=100_000):
        while self.heap and most:
            self.now, _, function = heapq.heappop(self.heap)
            function()
            most -= 1


class Page:
    """A panel, and all that was sent to its pages."""

    def __init__(self, dbg):
        self.loop, self.sent, self.id = Loop(), [], 0
        self.panel = DebuggerPanel(dbg, self.note, self.loop.later, clock=lambda: self.loop.now)

    def note(self, content, buffer):
        json.dumps(content, allow_nan=False)
        self.sent.append((content, buffer))

    def post(self, kind, **more):
        self.id += 1
        self.panel.receive({"kind": kind, "page": "a", "id": self.id, **more})

    def ask(self, kind, **more):
        self.sent.clear()
        self.post(kind, **more)
        self.loop.run()
        return self.last("state")

    def last(self, kind):
        return next((content for content, _ in reversed(self.sent) if content["kind"] == kind), None)

    @property
    def kinds(self):
        return [content["kind"] for content, _ in self.sent]


def images():
    kk.utils.clear_session()
    kk.utils.set_random_seed(0)
    layers = [kk.Input((8, 8, 1)), kk.layers.Conv2D(4, 3, activation="relu", name="conv"), kk.layers.Flatten()]
    model = kk.Sequential([*layers, kk.layers.Dense(3, activation="softmax", name="out")], name="pictures")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    return model, rng.random((48, 8, 8, 1), dtype="float32"), rng.integers(0, 3, 48)


@pytest.fixture(scope="module")
def pictured():
    model, x, y = images()
    page = Page(model.debug(x, y, batch_size=8))
    page.ask("ready")
    return page


@pytest.fixture
def page(pictured):
    family = pictured.panel.dbg.family
    family[0].clear()
    family[0].forks.clear()
    pictured.panel.dbg = family[0]
    pictured.ask("layer", layer="")
    pictured.ask("goto", position=0)
    pictured.ask("goto", position=4)
    return pictured


# Moving ---------------------------------------------------------------------------------------------------------------


def test_steps_forth_and_back(page):
    assert page.ask("step")["position"] == 5
    assert page.kinds == ["state", "table", "batch"]
    assert page.ask("step", count=10)["position"] == 15
    assert page.ask("back")["position"] == 14
    assert page.ask("back", count=10)["position"] == 4
    assert page.ask("goto", position=9)["position"] == 9
    assert page.last("table")["position"] == page.last("batch")["position"] == 9
    assert page.last("state")["handled"]["a"] == page.id


def test_no_request_is_lost_and_their_order_is_kept(page):
    for _ in range(20):
        page.post("step")
    page.post("back", count=3)
    page.sent.clear()
    page.loop.run()
    assert page.last("state")["position"] == 4 + 20 - 3
    assert page.last("state")["handled"]["a"] == page.id
    assert page.kinds.count("table") == 1  # who asks for many steps looks at the last one


def test_a_run_lets_the_kernel_breathe_and_is_stopped(page):
    dbg = page.panel.dbg
    page.post("run to", what="loss below", value=-1.0, epochs=50)
    page.post("step")  # waits for the run
    page.loop.run(most=8)
    assert page.panel.running and 4 < dbg.position < 300
    page.post("stop")
    page.loop.run()
    assert [c for c, _ in page.sent if c.get("stopped") == "Stopped."]
    state = page.last("state")  # after the step that waited
    assert not state["running"] and state["stopped"] == "" and state["position"] < 300
    assert state["position"] == dbg.position and state["handled"]["a"] == page.id
    assert page.ask("stop")["running"] is False  # nothing runs: nothing happens


def test_a_stop_that_comes_right_behind_a_run_counts(page):
    page.post("run to", what="loss below", value=-1.0, epochs=50)
    page.post("stop")
    page.loop.run()
    assert page.last("state")["stopped"] == "Stopped." and page.panel.dbg.position < 300


def test_an_epoch_and_each_condition(page):
    assert page.ask("run")["position"] == 6
    assert page.last("state")["stopped"] == "The epochs asked for are done."
    for what in CONDITIONS:
        state = page.ask("run to", what=what, value=1e-6 if "below" not in what else 1e6)
        assert state["position"] > 0 and what in state["stopped"]
    assert "ValueError" in page.ask("run to", what="nonsense", value=1)["notice"]


def test_breakpoints_come_and_go(page):
    page.ask("break", on="nan", above=None)
    (nan, norm) = page.ask("break", on="gradient norm", above=1e-6)["breakpoints"]
    assert (nan["kind"], norm["kind"], norm["above"]) == ("nan", "gradient norm", 1e-6)
    assert "norm of the gradients" in page.ask("run")["stopped"]
    assert page.last("state")["breakpoints"][1]["hits"] == 1
    assert page.ask("enable", number=norm["number"], on=False)["breakpoints"][1]["enabled"] is False
    assert "epochs" in page.ask("run")["stopped"]
    assert len(page.ask("clear", number=norm["number"])["breakpoints"]) == 1
    assert "Unknown kind" in page.ask("break", on="nonsense", above=None)["notice"]
    assert page.ask("step")["notice"] == ""  # what went wrong is forgotten with the next request


def test_forks_are_shown_compared_and_left(page):
    page.ask("break", on="nan", above=None)
    state = page.ask("fork", learning_rate=0.5)
    name = state["branch"]
    assert name == "learning rate 0.5" and state["learning_rate"] == 0.5 and len(state["breakpoints"]) == 1
    page.ask("step", count=3)
    state = page.ask("branch", name="main")
    page.ask("goto", position=7)
    page.ask("compare", name=name)
    found = page.last("comparison")
    assert found["names"] == ["main", name] and (found["begin"], found["first_step"]) == (4, 4)
    assert found["weights"][0]["distance"] > 0
    assert state["branch"] == "main" and [b["head"] - b["begin"] for b in state["branches"]][1] == 3
    assert "above 0" in page.ask("fork", learning_rate=-1)["notice"]
    assert "no branch" in page.ask("branch", name=EVIL)["notice"]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("step", {"count": 0}),
        ("step", {"count": 10**9}),
        ("step", {"count": "many"}),
        ("goto", {"position": -3}),
        ("goto", {}),
        ("clear", {"number": None}),
        ("nonsense", {}),
        (None, {}),
    ],
)
def test_what_makes_no_sense_is_told_and_harms_nothing(page, kind, more):
    assert page.ask(kind, **more)["notice"]
    assert page.ask("step")["position"] == 5


# Seeing ---------------------------------------------------------------------------------------------------------------


def test_the_table_says_what_the_debugger_says(page):
    page.ask("step")
    content, buffer = next((c, b) for c, b in page.sent if c["kind"] == "table")
    rows = page.panel.dbg.table().rows
    numbers = np.frombuffer(buffer, "<f4")
    first, trends = np.split(numbers, [len(rows) * len(STATISTICS)])
    wanted = [[np.nan if row[name] is None else row[name] for name in STATISTICS] for row in rows]
    np.testing.assert_allclose(first.reshape(len(rows), -1), np.array(wanted, "float32"))
    steps = content["steps"]
    assert steps == sorted(steps) and 4 in steps and len(steps) >= 2
    trends = trends.reshape(len(rows), len(TRENDS), len(steps))
    assert trends[0, 0, steps.index(4)] == pytest.approx(rows[0]["std"])
    assert [layer["name"] for layer in content["layers"]] == ["conv", "flatten", "out"]


def test_the_batch_comes_as_pictures_worst_first(page):
    page.ask("step")
    content, buffer = next((c, b) for c, b in page.sent if c["kind"] == "batch")
    dbg = page.panel.dbg
    assert content["show"] == "images" and content["image"] == [8, 8, 1]
    places = [s["place"] for s in content["samples"]]
    losses = dbg.sample_losses()
    assert places == sorted(range(8), key=lambda i: -losses[i])
    pixels = np.frombuffer(buffer, "uint8").reshape(8, 8, 8, 1)
    np.testing.assert_array_equal(pixels[0], np.round(dbg.batch.x[places[0]] * 255).astype("uint8"))
    worst = content["samples"][0]
    assert worst["row"] == dbg.batch.indices[places[0]] and worst["label"] == str(dbg.batch.y[places[0]])
    chosen = dbg.activations("out")[places[0]].argmax()
    assert worst["prediction"].startswith(f"{chosen} (") and worst["wrong"] == (chosen != dbg.batch.y[places[0]])


def test_a_layer_is_looked_into_and_followed(page):
    page.ask("layer", layer="conv", sample=2)
    detail = page.last("layer")
    assert [h["what"] for h in detail["histograms"]] == [
        "activations",
        "gradient of the loss, by activation",
        "kernel",
        "bias",
        "gradient of kernel",
        "gradient of bias",
        "update of kernel",
        "update of bias",
    ]
    assert sum(detail["histograms"][0]["counts"]) == page.panel.dbg.activations("conv").size
    assert detail["maps"]["what"] == "feature maps" and detail["maps"]["image"] == [4, 6, 6]
    kernel = next(v for path, v in page.panel.dbg.weights("conv").items() if path.endswith("kernel"))
    filters = detail["filters"]
    assert (filters["shape"], filters["image"]) == ([3, 3, 1, 4], [4, 3, 3]) and filters["start"] == 4 * 6 * 6
    assert filters["top"] == pytest.approx(np.abs(kernel).max()) and filters["names"] == ["0", "1", "2", "3"]
    colors = np.frombuffer(next(b for c, b in page.sent if c["kind"] == "layer"), "uint8")[filters["start"] :].reshape(
        4, 3, 3, 3
    )
    assert np.array_equal(colors[2, ..., 0] < colors[2, ..., 2], kernel[..., 0, 2] < 0)  # blue below zero
    page.ask("step")
    assert page.last("layer")["position"] == 5 and page.last("layer")["sample"] == 2
    page.ask("layer", layer="flatten")
    assert "maps" not in page.last("layer")
    page.ask("layer", layer=EVIL)
    assert "No layer" in page.last("layer")["missing"]
    page.ask("layer", layer="")
    assert page.last("layer") is None


def test_attention_scores_are_maps_where_a_layer_gives_them():
    what, pictures, count, low, high = maps_of([np.zeros((2, 5, 4)), np.random.rand(2, 3, 5, 5)], 1)
    assert (what, pictures.shape, count) == ("attention", (3, 5, 5), 3) and 0 <= low < high <= 1
    assert maps_of([np.zeros((2, 5))], 0) is None


def test_what_broke_is_explained_unasked():
    kk.utils.clear_session()
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1, name="out")])

    def bad(y_true, y_pred):
        return kk.ops.log(y_pred - y_pred + y_true)

    model.compile("sgd", bad)
    y = np.ones((32, 1), "float32")
    y[17] = 0
    page = Page(model.debug(np.ones((32, 3), "float32"), y, batch_size=8, shuffle=False))
    page.ask("ready")
    page.ask("break", on="nan", above=None)
    state = page.ask("run")
    assert state["position"] == 3 and isinstance(state["logs"]["loss"], str)
    found = page.last("explanation")
    assert (found["found"], found["step"]) == ("nan", 2) and "log" in found["title"] and found["advice"]
    assert page.last("batch")["samples"][0]["row"] == 17
    assert any(layer["trouble"] for layer in page.last("table")["layers"])
    page.ask("ready")
    assert "explanation" in page.kinds  # a page that comes later sees it too
    page.ask("back")
    page.ask("explain")
    assert page.last("explanation")["found"] != "nan"


def test_a_step_that_fails_is_told():
    model, x, y = images()
    page = Page(model.debug(x, y, batch_size=8))
    page.ask("ready")
    dbg = page.panel.dbg
    dbg.timeline.steps.program.prepare = lambda *rest: (_ for _ in ()).throw(RuntimeError(EVIL))
    state = page.ask("step")
    assert EVIL in state["error"] and EVIL in state["notice"] and state["position"] == 0
    assert page.last("explanation")["found"] == "error"


# Cells, several pages, recordings ------------------------------------------------------------------------------------


def test_what_a_cell_does_is_told(page):
    dbg = page.panel.dbg
    page.sent.clear()
    dbg.step(2)
    page.loop.run()
    assert page.last("state")["position"] == 6 and page.last("table")["position"] == 6
    fork = dbg.fork(learning_rate=0.25)
    page.loop.run()
    assert [b["name"] for b in page.last("state")["branches"]] == ["main", "learning rate 0.25"]
    other = Page(fork)
    other.ask("ready")
    page.sent.clear()
    other.ask("step", count=2)
    page.loop.run()
    assert page.last("state")["branches"][1]["position"] == 8  # another panel's doing
    assert page.last("state")["branch"] == "main"


def test_nothing_is_sent_and_nothing_looked_at_before_a_page_asks():
    model, x, y = images()
    dbg = model.debug(x, y, batch_size=8)
    page = Page(dbg)
    dbg.step()
    page.loop.run()
    assert page.sent == [] and dbg.taps.looks == 0


def test_a_recording_is_walked_through(tmp_path):
    model, x, y = images()
    dbg = model.debug(x, y, batch_size=8)
    dbg.step(7)
    dbg.record(tmp_path / "run.kkrec", layers=["conv", "out"], every=3, batches=True)
    page = Page(kk.viz.replay(tmp_path / "run.kkrec"))
    state = page.ask("ready")
    assert set(state["can"]) == {"step", "back", "goto"} and state["looked"] == [0, 3, 6]
    assert page.ask("goto", position=4)["position"] == 4
    assert page.last("batch")["show"] == "images" and page.last("batch")["samples"][0]["prediction"]
    assert state["branches"][0]["count"] == 7
    page.ask("layer", layer="conv")
    assert page.last("layer")["maps"]["image"] == [4, 6, 6]
    page.ask("step")
    assert "was not looked into" in page.last("blind")["why"]
    assert page.ask("fork", learning_rate=0.1)["notice"]
    assert "image/png" in bundle(Shot.of(page.panel.dbg))


# Messages -------------------------------------------------------------------------------------------------------------


def test_messages_stay_small_for_deep_models_and_long_trainings():
    kk.utils.clear_session()
    model = kk.Sequential([kk.Input((4,))] + [kk.layers.Dense(4, name=f"a_rather_long_name_{i}") for i in range(300)])
    model.compile("sgd", "mse")
    dbg = model.debug(np.ones((8, 4), "float32"), np.ones((8, 4), "float32"), batch_size=8)
    rows = [
        {"layer": f"a_rather_long_name_{i}", "type": "Dense", "shape": (8, 4)}
        | dict.fromkeys(STATISTICS, 0.5)
        | {"trouble": "dead units" if i == 299 else None}
        for i in range(300)
    ]
    seen = kk.viz.debugger.message.Seen()
    for step in range(60):
        shown = types.SimpleNamespace(timeline=dbg.timeline, shown=step)
        content, buffer = table_message(shown, type("Table", (), {"rows": rows}), seen)
    assert len(json.dumps(content)) + len(buffer) <= 64 << 10
    assert content["left_out"] == 44 and content["layers"][-1]["name"].endswith("299")  # in trouble: not left out
    records = dbg.timeline.records
    records.add(0, 100_000, {"loss": np.random.rand(100_000).astype("float32")}, 0, 0, 8)
    content, buffer = state_message(dbg)
    assert len(json.dumps(content)) + len(buffer) <= 64 << 10
    (branch,) = content["branches"]
    assert branch["count"] == 100_000 and branch["points"] <= 2 * BUCKETS
    values = np.frombuffer(buffer, "<f4")
    assert values.max() == pytest.approx(records.losses().max(), rel=1e-4)  # no spike is lost


def test_values_and_tokens_are_a_table():
    model, (x, y) = fresh("small")
    dbg = model.debug(x, y, batch_size=BATCH)
    content, buffer = batch_message(dbg)
    assert content["show"] == "values" and buffer == b"" and content["columns"] == [f"x[{i}]" for i in range(4)]
    place = content["samples"][0]["place"]
    assert [float(v) for v in content["values"][0]] == pytest.approx(dbg.batch.x[place], rel=1e-3)


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (np.zeros((2, 100, 60, 3), "uint8"), (2, 34, 20, 3)),
        (np.zeros((2, 3, 20, 20)), (2, 20, 20, 3)),
        (np.zeros((2, 28, 28)), (2, 28, 28, 1)),
        (np.full((2, 8, 8, 1), np.nan), (2, 8, 8, 1)),
        (np.zeros((2, 9)), None),
        (np.zeros((2, 30, 5)), None),
    ],
)
def test_what_is_a_picture(x, shape):
    found = as_pictures(x)
    assert found is None if shape is None else found.shape == shape and found.dtype == np.uint8


def test_what_is_said_of_predictions():
    p = np.array([[0.2], [0.9]])
    assert said(np.array([1, 1]), p, 2) == (["1", "1"], ["0.2", "0.9"], [True, False])
    assert said(np.array([1.5, 2.5]), p, 2) == (["1.5", "2.5"], ["0.2", "0.9"], [None, None])
    onehot = np.eye(3)[[2, 0]]
    assert said(onehot, np.array([[5.0, 1, 9], [0, 8, 1]]), 2) == (["2", "0"], ["2", "1"], [False, True])
    assert said(None, np.full((1, 2), np.nan), 1)[1] == ["NaN"]
    assert said(np.zeros((2, 4, 4)), None, 2) == ([None] * 2, [None] * 2, [None] * 2)


def test_the_picture_that_stays(page):
    page.ask("fork", learning_rate=0.5)
    page.ask("step", count=2)
    made = bundle(Shot.of(page.panel.dbg), "key")
    assert made.keys() == {"text/plain", "text/html", "image/png"}
    assert 'data-kernelkit-debugger="key"' in made["text/html"] and "<svg" in made["text/html"]
    assert "conv" in made["text/plain"] and "learning rate 0.5" in made["text/html"]
    assert made["text/html"].count("<figure") == 8
    assert sum(map(len, made.values())) < 300_000


def test_names_stay_text_in_the_picture():
    kk.utils.clear_session()
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, name="a<b>&")], name="<b>model")
    model.compile("sgd", "mse", metrics=[kk.metrics.MeanSquaredError(name=EVIL)])
    dbg = model.debug(np.ones((8, 2), "float32"), np.ones((8, 1), "float32"))
    dbg.step()
    dbg.stopped = EVIL
    text = bundle(Shot.of(dbg))["text/html"]
    assert EVIL not in text and "<b>model" not in text and "a<b>" not in text


def test_a_png_file_is_what_it_should_be():
    image = pytest.importorskip("PIL.Image")
    import io

    pixels = np.arange(24, dtype="uint8").reshape(2, 4, 3)
    np.testing.assert_array_equal(np.asarray(image.open(io.BytesIO(png_of(pixels)))), pixels)


def test_the_built_frontend_is_small_and_fetches_nothing():
    source = (ROOT / "kernelkit" / "viz" / "static" / "debugger.js").read_text(encoding="utf-8")
    assert len(source.encode()) <= 120 << 10
    assert re.findall(r"https?://[^\s\"'`]+", source) == ["http://www.w3.org/2000/svg"]  # a name, not a place
    assert not re.search(
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|eval|fetch|XMLHttpRequest|importScripts)\b", source
    )
