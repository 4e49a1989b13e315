"""What is seen of a search: the picture, the table, and the panel in a kernel that runs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kernelkit.tuner.board import Lines, Safely, Snapshot, page, rows
from kernelkit.tuner.panel import Panel, choose, message_of
from kernelkit.tuner.picture import MOST_LINES, svg
from kernelkit.tuner.results import TrialResult

EVIL = "<img src=x onerror=alert(1)>\x00"
ROOT = Path(__file__).absolute().parents[2]


def trial(number, state="complete", value=None, ended="", curve=(), **values):
    return TrialResult(number, state, value, values, len(curve), 1.0, ended, tuple(curve))


RESULTS = [
    trial(0, value=0.5, curve=[1.0, 0.5], units=8, kind="a"),
    trial(1, "pruned", 0.9, "pruned after epoch 1", curve=[0.9], units=16, kind="b"),
    trial(2, "failed", None, "OSError: no", units=4, kind="a"),
    trial(3, value=0.1, curve=[0.3, 0.1], units=12, kind="b", rate=1e-3),
    trial(4, "running", None, curve=[0.4], units=9, kind="a"),
]


def marks(drawing, tag):
    return [e for e in ElementTree.fromstring(drawing).iter() if e.tag.endswith(f"}}{tag}")]


def words(drawing):
    return [e.text for e in marks(drawing, "text")]


def test_the_picture_shows_values_curves_and_an_axis_for_each_name_that_varies():
    drawing = svg(RESULTS, "val_loss", "min")
    told = words(drawing)
    assert [w for w in told if "by" in w or "Hyper" in w] == [
        "val_loss by trial",
        "val_loss by epoch",
        "Hyperparameters",
    ]
    assert "best 0.1 · trial 3" in told and "units" in told and "kind" in told
    assert "rate" not in told, "a name with one value has no axis"
    assert [w for w in told if w in ("complete", "pruned", "failed", "best", "running", "others")] == [
        "complete",
        "pruned",
        "failed",
        "best",
        "running",
        "others",
    ]
    assert "best 0.9 · trial 1" not in words(svg(RESULTS, "accuracy", "max"))
    assert "best 0.5 · trial 0" in words(svg(RESULTS, "accuracy", "max"))
    assert svg([], "loss", "min") == svg([RESULTS[2]], "loss", "min") == ""


def test_a_long_search_is_drawn_from_its_best_and_newest_trials():
    many = [trial(i, value=1.0 + (i % 997), x=float(i)) for i in range(5000)]
    drawing = svg(many, "loss", "min")
    assert len(marks(drawing, "circle")) <= MOST_LINES + 1 and len(drawing) < 150_000


@pytest.mark.parametrize(
    "values",
    [[1.0], [2.0, 2.0], [0.0, 0.0], [1e-300, 1e300], [-1e300, 1e300], [1.0] * 20 + [1e9], [5e-324, 1.0]],
    ids=["one", "equal", "zeros", "all decades", "all numbers", "one far off", "denormal"],
)
def test_any_finite_values_can_be_drawn(values):
    found = [trial(i, value=v, curve=[v, v], x=v, y=str(v)) for i, v in enumerate(values)]
    drawing = svg(found, "loss", "min")
    assert "nan" not in drawing.replace("NaN", "nan").lower().replace("nano", "") and "inf" not in drawing


def test_no_name_value_or_error_can_become_markup_or_break_the_picture():
    found = [trial(i, value=float(i), curve=[1.0, 2.0], **{EVIL: EVIL + str(i)}) for i in range(3)]
    found.append(trial(3, "failed", None, EVIL * 1000, **{EVIL: EVIL}))
    html = page(Snapshot(EVIL, "min", found, state="failed", note=EVIL))
    ElementTree.fromstring(svg(found, EVIL, "min"))
    assert "<img src=x" not in html and "&lt;img src=x" in html and len(html) < 60_000


def test_the_table_has_running_trials_first_then_the_best_then_what_failed_last():
    table = rows(Snapshot("loss", "min", RESULTS, planned=((4, 10),)))
    assert table[0] == ["trial", "loss", "state", "epochs", "seconds", "units", "kind", "rate", "note"]
    assert [row[0] for row in table[1:]] == ["4", "3", "0", "2", "1"]
    assert table[1][:5] == ["4", "0.4", "running", "1 of 10", ""]
    many = [trial(i, value=float(i)) for i in range(500)] + RESULTS[1:3]
    assert len(rows(Snapshot("loss", "min", many))) == 13


def test_outside_of_a_notebook_lines_are_printed_and_a_wrong_verbose_is_named():
    assert isinstance(choose("auto", print)._board, Lines)
    with pytest.raises(ValueError, match="verbose must be 'auto', 0, 1 or 2, got 'loud'"):
        choose("loud", print)


def test_a_board_that_fails_is_given_up_and_the_search_goes_on(capsys):
    class Broken(Lines):
        def begin(self, snapshot):
            raise RuntimeError("no page")

    board = Safely(Broken())
    board.begin(Snapshot("loss", "min", []))
    board.end(Snapshot("loss", "min", RESULTS))
    assert capsys.readouterr().out == "The display of the search failed and was removed: RuntimeError('no page')\n"


def test_a_panel_sends_epochs_not_more_often_than_its_interval_and_trials_always(monkeypatch):
    now, sent = [0.0], []
    panel = Panel(print, live=False, where="headless", clock=lambda: now[0])
    monkeypatch.setattr(panel, "_send", lambda snapshot: sent.append(snapshot) or setattr(panel, "_sent", now[0]))
    snapshot = Snapshot("loss", "min", RESULTS)
    for _ in range(10):
        panel.epoch(lambda: snapshot)
        now[0] += 0.1
    assert len(sent) == 4
    panel.trial_begins(lambda: snapshot)
    panel.trial_ended(RESULTS[0], lambda: snapshot)
    assert len(sent) == 6
    assert message_of(snapshot)["rows"] == rows(snapshot)


SETUP = """
import numpy as np, kernelkit as keras
from kernelkit.tuner import GridSearch
x = np.ones((64, 2), "float32")
def build(hp):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Choice("rate", [0.25, 0.125, 0.0625])), "mse")
    return model
tuner = GridSearch(build, "loss")
"""
SEARCH = "tuner.search(x, x[:, :1], epochs=10**6)"


@pytest.mark.notebook
def test_a_notebook_shows_trials_while_they_run_and_its_buttons_stop_one_or_all():
    import ipykernel
    from jupyter_client.manager import start_new_kernel

    if ipykernel.version_info[0] < 7:
        pytest.skip("buttons act while a cell runs from ipykernel 7 on")

    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    manager, client = start_new_kernel(kernel_name="python3", env=environment, startup_timeout=180)
    try:
        done = client.execute(SETUP)
        _hear(client, lambda m: m["msg_type"] == "status" and _ends(m, done))
        # A page answers input(), and sends the messages of widgets to a subshell.
        done = client.execute(SEARCH, allow_stdin=True)
        client.control_channel.send(client.session.msg("create_subshell_request", {}))
        subshell = client.get_control_msg(timeout=180)["content"]["subshell_id"]
        opened = _hear(client, lambda m: m["msg_type"] == "comm_open" and "_esm" in str(m["content"]["data"]))
        comm = opened["content"]["comm_id"]

        def click(**content):
            message = client.session.msg(
                "comm_msg", {"comm_id": comm, "data": {"method": "custom", "content": content}}
            )
            message["header"]["subshell_id"] = subshell
            client.shell_channel.send(message)

        def shows(message, trial):
            content = message["content"].get("data", {}).get("content", {})
            told = content.get("rows", []) if message["msg_type"] == "comm_msg" else []
            return any(row[0] == str(trial) and row[2] == "running" and row[3][0] in "123456789" for row in told)

        told = _hear(client, lambda m: shows(m, 0))["content"]["data"]["content"]
        assert told["running"] == [0] and told["rows"][1][3].endswith(" of 1000000") and "0.25" in told["rows"][1]
        click(kind="stop_trial", trial=0)
        told = _hear(client, lambda m: shows(m, 1))["content"]["data"]["content"]
        assert told["facts"].startswith("1 trial ·") and "stopped by the user" in str(told["rows"])
        click(kind="stop")
        left = _hear(client, lambda m: m["msg_type"] == "update_display_data")["content"]["data"]
        _hear(client, lambda m: m["msg_type"] == "status" and _ends(m, done))
        assert set(left) == {"text/plain", "text/html"}
        assert "stopped · 1 trial" in left["text/html"] and "<svg" in left["text/html"]
        assert left["text/plain"].startswith("1 trial · best loss")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _ends(message, parent):
    return message["content"]["execution_state"] == "idle" and message["parent_header"].get("msg_id") == parent


def _hear(client, wanted, seconds=180):
    """Take the kernel's messages until one is wanted, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = client.get_iopub_msg(timeout=seconds)
        assert message["msg_type"] != "error", message["content"]["traceback"]
        if wanted(message):
            return message
    raise AssertionError("the kernel did not say what was waited for")
