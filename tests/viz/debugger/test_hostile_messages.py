"""Messages from a page: whatever they hold, nothing raises, hangs or holds the kernel; what is refused is told."""

import itertools
import threading
import time

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.debugger.panel import MOST_WAITING, SLICED
from kernelkit.viz.debugger.requests import _FIELDS, checked
from tests.viz.debugger.models import BATCH, fresh
from tests.viz.debugger.test_panel import Page

VALUES = [None, True, -1, 0, 2.5, float("nan"), float("inf"), 10**9, 10**400, "", "x" * 5000, [], [[[]]], {}, {"a": 1}]


@pytest.fixture(scope="module")
def page():
    model, (x, y) = fresh("mlp")
    page = Page(model.debug(x, y, batch_size=BATCH))
    page.ask("step")
    return page


@pytest.mark.parametrize("content", [*VALUES, b"bytes", ("a",), {"kind": None}, {"kind": []}, {"kind": "no such"}])
def test_what_is_no_request_is_refused_with_a_notice(page, content):
    page.sent.clear()
    page.panel.receive(content)
    page.loop.run()
    assert "There is no request" in page.last("state")["notice"]


def test_every_field_of_every_request_takes_any_value(page):
    fields = {(kind, name) for kind, known in _FIELDS.items() for name in known}
    assert len(fields) > 10
    here = page.panel.dbg.position
    for (kind, name), value in itertools.product(sorted(fields), VALUES):
        good = {"position": here, "what": "step", "value": 1.0, "on": "nan", "number": 0, "name": "x"}
        page.panel.receive({"kind": kind, **good, name: value, "page": value, "id": value})
        page.loop.run()
    state = page.ask("ready")
    assert not state["running"]
    assert state["handled"] == {"a": page.id}


@pytest.mark.parametrize(("kind", "more"), [("goto", {"position": 10**9}), ("step", {"count": 10**9})])
def test_a_step_far_away_is_refused(page, kind, more):
    before = page.panel.dbg.position
    assert page.ask(kind, **more)["notice"]
    assert page.panel.dbg.position == before


def test_long_moves_go_in_slices_that_stop_ends():
    model, (x, y) = fresh("mlp")
    page = Page(model.debug(x, y, batch_size=BATCH))
    page.ask("step")
    page.post("step", count=100_000)
    page.loop.run(most=30)
    assert page.panel.running
    assert 0 < page.panel.dbg.position < 100_000
    state = page.ask("stop")
    stopped = page.panel.dbg.position
    assert not state["running"]
    assert stopped < 100_000
    page.panel.dbg.goto(3 * SLICED)
    expected = dict(page.panel.dbg.logs)
    page.ask("goto", position=3 * SLICED + 100)
    assert page.ask("goto", position=3 * SLICED)["position"] == 3 * SLICED
    assert page.panel.dbg.logs == expected
    assert page.ask("back", count=2 * SLICED)["position"] == SLICED


def test_a_flood_of_clicks_from_four_threads_ends():
    model, (x, y) = fresh("mlp")
    page = Page(model.debug(x, y, batch_size=BATCH))
    page.ask("step")
    begin = time.process_time()

    def click(number):
        for i in range(2000):
            kind = ("step", "back", "layer", "ready", "stop", "goto")[i % 6]
            page.panel.receive({"kind": kind, "position": 3, "page": f"p{number}", "id": i})

    threads = [threading.Thread(target=click, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(page.panel._queue) <= MOST_WAITING + 1
    assert page.loop.calls < 1000
    page.loop.run()
    state = page.ask("ready")
    assert all(state["handled"][f"p{n}"] == 1999 for n in range(4))
    assert time.process_time() - begin < 60


def test_a_request_keeps_only_its_own_fields():
    asked = {"kind": "layer", "layer": "x", "sample": 1, "page": "a", "id": 3, "__class__": 5}
    assert checked(asked) == {"kind": "layer", "layer": "x", "sample": 1, "page": "a", "id": 3}


def test_a_replay_takes_any_message_too(tmp_path):
    model, (x, y) = fresh("mlp")
    dbg = model.debug(x, y, batch_size=BATCH)
    dbg.step(4)
    dbg.record(tmp_path / "run.kkrec", layers=["hidden"])
    page = Page(kk.viz.replay(tmp_path / "run.kkrec"))
    for kind in _FIELDS:
        page.ask(kind, position=2, count=3, what="step", value=1.0, on="nan", number=1, learning_rate=0.1, name="x")
    assert page.ask("goto", position=2)["position"] == 2
    assert np.isfinite(page.panel.dbg.logs["loss"])
