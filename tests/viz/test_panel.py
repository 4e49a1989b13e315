"""The live panel, driven by a training that only looks like one."""

from __future__ import annotations

import itertools
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from kernelkit.viz.curves import bundle, earlier
from kernelkit.viz.curves.panel import INTERVAL, LivePanel
from kernelkit.viz.curves.saved import saved
from kernelkit.viz.curves.text import text
from tests.viz.decoder import Decoder
from tests.viz.fake import Block, DeviceArray, FakeOutput, Run, StillPanel, train


def drive(output: FakeOutput, blocks: int, seconds: float, size: int = 10, metrics: int = 2, **changes) -> LivePanel:
    """A training of one epoch whose every block takes the same time."""
    panel = StillPanel(output)
    panel.begin(Run(epochs=1, steps=blocks * size, **changes))
    panel.epoch_begin(0)
    for i in range(blocks):
        logs = {f"m{k}": DeviceArray(np.full(size, i, np.float32)) for k in range(metrics)}
        panel.steps(Block(i * size, size, 0, i * size, logs))
        output.clock.now += seconds
    return panel


def decoded(output: FakeOutput) -> Decoder:
    decoder = Decoder()
    for content, buffer in output.messages:
        assert decoder.receive(content, buffer)
    return decoder


@pytest.mark.parametrize("seconds", [0.0001, 0.01, 0.5])
def test_messages_are_few_however_fast_training_is(seconds):
    output = FakeOutput()
    drive(output, 2000, seconds)
    spent = 2000 * seconds
    assert len(output.messages) <= spent / INTERVAL + 2
    assert all(b - a >= INTERVAL * 0.999 for a, b in itertools.pairwise(output.times[1:]))


def test_all_that_was_logged_arrives_by_deltas_alone():
    output = FakeOutput()
    panel = drive(output, 500, 0.02)
    panel.epoch_end(0, {"m0": 1.0, "val_m0": 2.0})
    panel.end("done")
    decoder = decoded(output)
    assert decoder.curves["step", "m0"]["count"] == 5000
    columns = decoder.curves["step", "m0"]["columns"]
    assert columns[1].min() == 0 and columns[2].max() == 499
    assert decoder.curves["epoch", "val_m0"]["columns"][0, 0] == 2.0
    assert decoder.facts["state"] == "done" and decoder.facts["done"] == 5000


def test_only_what_is_computed_is_fetched_and_the_newest_steps_are_not_waited_for():
    output = FakeOutput()
    panel = StillPanel(output)
    panel.begin(Run(epochs=1, steps=20))
    ready, pending = DeviceArray(np.ones(13)), DeviceArray(np.ones(10), ready_at=float("inf"))
    panel.steps(Block(0, 10, 0, 0, {"loss": ready}))
    output.clock.now += 1
    panel.steps(Block(10, 10, 0, 10, {"loss": pending}))
    assert (ready.fetched, pending.fetched) == (1, 0)
    assert decoded(output).curves["step", "loss"]["count"] == 10


def test_a_lost_message_is_noticed_and_asking_heals_it():
    output = FakeOutput()
    panel = drive(output, 100, 0.05)
    decoder = Decoder()
    answers = [decoder.receive(*m) for i, m in enumerate(output.messages) if i not in (3, 4)]
    assert answers[:4] == [True, True, True, False]
    output.clock.now += 1
    output.receive({"kind": "ready", "nonce": "page"})
    assert decoder.receive(*output.messages[-1])
    assert decoder.facts["answered"] == ["page"]
    panel.steps(Block(1000, 10, 0, 1000, {"m0": DeviceArray(np.ones(10))}))
    output.clock.now += 1
    panel.end("done")
    for message in output.messages[-2:]:
        decoder.receive(*message)
    assert decoder.curves["step", "m0"]["count"] == 1010


def test_messages_in_another_order_end_right():
    output = FakeOutput()
    drive(output, 100, 0.05).end("done")
    decoder = Decoder()
    order = np.random.default_rng(0).permutation(len(output.messages) - 1)
    for i in [*order, len(output.messages) - 1]:
        decoder.receive(*output.messages[i])
    assert decoder.curves["step", "m0"]["count"] == 1000


def test_pages_that_cannot_ask_get_everything_now_and_then():
    output = FakeOutput()
    drive(output, 700, 0.05)
    full = [t for t, (content, _) in zip(output.times, output.messages, strict=True) if content["full"]]
    assert len(full) >= 3 and max(b - a for a, b in itertools.pairwise(full)) < 11


def test_ten_views_that_ask_at_once_share_an_answer():
    output = FakeOutput()
    panel = drive(output, 20, 0.05)
    sent = len(output.messages)
    for i in range(10):
        output.receive({"kind": "ready", "nonce": f"page {i}"})
    assert len(output.messages) <= sent + 1
    output.clock.now += 1
    panel.steps(Block(200, 10, 0, 200, {"m0": DeviceArray(np.ones(10))}))
    content, _ = output.messages[-1]
    assert content["full"] and content["facts"]["answered"] == [f"page {i}" for i in range(10)]


def test_the_last_steps_count_for_the_speed_that_is_told_at_the_end():
    output = FakeOutput()
    panel = drive(output, 2, 0.2, size=1)  # a tick sees these two, 0.2 s before the clock stands ...
    for i in range(2, 1002, 10):
        panel._told.add(Block(i, 10, 0, i, {"m0": DeviceArray(np.ones(10))}))
    output.clock.now += 0.6
    panel.end("done")  # ... and the end finds 1,000 more, 0.6 s later
    assert output.messages[-1][0]["facts"]["rate"] == pytest.approx(1000 / 0.8)


def test_a_view_that_comes_after_the_end_gets_everything():
    output = FakeOutput()
    drive(output, 50, 0.05).end("done")
    output.receive({"kind": "ready", "nonce": "late"})
    decoder = Decoder()
    assert decoder.receive(*output.messages[-1])
    assert decoder.curves["step", "m0"]["count"] == 500 and decoder.facts["state"] == "done"
    assert decoder.facts["rate"] == pytest.approx(200, rel=0.1)


def test_a_million_steps():
    output = FakeOutput()
    panel = drive(output, 1000, 0.05, size=1000, metrics=4)
    panel.end("done")
    decoder = decoded(output)
    assert decoder.curves["step", "m3"]["count"] == 1_000_000
    assert panel.store.nbytes <= 64 << 20


def test_the_training_thread_sends_nothing_between_begin_and_end():
    class Watched(FakeOutput):
        def send(self, content, buffer):
            super().send(content, buffer)
            senders.append(threading.current_thread() is threading.main_thread())

    output, senders = Watched(), []
    train(LivePanel(output), epochs=2, steps=200, pause=0.02)
    assert senders[0] and senders[-1] and len(senders) > 3 and not any(senders[1:-1])
    decoder = decoded(output)
    assert decoder.curves["step", "loss"]["count"] == 400 and decoder.facts["state"] == "done"


def test_steps_are_shown_when_computed_though_training_tells_nothing_more():
    output = FakeOutput()
    panel = LivePanel(output)
    panel.begin(Run(epochs=1, steps=20))
    panel.epoch_begin(0)
    panel.steps(Block(0, 10, 0, 0, {"loss": DeviceArray(np.ones(10), ready_at=time.perf_counter() + 0.2)}))
    deadline = time.monotonic() + 30
    while output.messages[-1][0]["facts"]["done"] != 10:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    panel.end("done")


def panel_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "kernelkit-panel"]


def test_no_thread_outlives_its_training():
    others = set(panel_threads())  # of earlier tests: closed, but not yet given time to end
    cut_off = LivePanel(FakeOutput())
    cut_off.begin(Run())  # an interrupt comes here, and no one calls end
    assert set(panel_threads()) <= others
    train(LivePanel(FakeOutput()), epochs=2, steps=20, pause=0.01)
    with pytest.raises(ValueError):
        train(LivePanel(FakeOutput()), epochs=2, steps=20, fail_at=10)
    for thread in panel_threads():
        thread.join(5)
    assert not panel_threads()


def test_an_output_that_fails_is_told_of_and_training_goes_on():
    class Broken(FakeOutput):
        def send(self, content, buffer):
            if content["facts"]["state"] == "running":
                raise OSError("the page is gone")
            super().send(content, buffer)

    output = Broken()
    with pytest.warns(RuntimeWarning, match="the page is gone"):
        run = train(LivePanel(output), epochs=2, steps=200, pause=0.02)
    assert len(run.history.epoch) == 2 and output.picture.facts[0] == "done"


def test_stop_reaches_training_from_another_thread():
    output = FakeOutput()
    panel = LivePanel(output)
    timer = threading.Timer(0.1, lambda: output.receive({"kind": "stop"}))
    timer.start()
    run = train(panel, epochs=50, steps=100, pause=0.01)
    assert run.stopping and len(run.history.epoch) < 50
    assert output.messages[-1][0]["facts"]["state"] == "stopped"
    output.receive({"kind": "stop"})  # nothing is left to stop


def steer(output, ask, *requests, **changes):
    """A whole training during which a page asks for things, each when `ask` says that it is time."""
    panel = LivePanel(output)

    def page():
        for request in requests:
            while not ask(output, panel):
                time.sleep(0.002)
            output.receive(request)

    thread = threading.Thread(target=page)
    thread.start()
    run = train(panel, **{"epochs": 500, "steps": 100, "pause": 0.002} | changes)
    thread.join()
    return run, [content["facts"] for content, _ in output.messages]


def has_steps(output, panel) -> bool:
    return panel._steps_done > 20


def test_a_page_pauses_steps_and_resumes():
    output, rests = FakeOutput(), []

    def wait_for(notice) -> None:
        deadline = time.monotonic() + 30
        while (output.messages[-1][0]["facts"]["notice"] or "") != notice():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def page(output, panel) -> bool:
        if not has_steps(output, panel):
            return False
        output.receive({"kind": "pause"})
        wait_for(lambda: f"Paused after {panel._steps_done:,} steps")
        for _ in range(3):
            rests.append(panel._steps_done)
            output.receive({"kind": "step"})
            wait_for(lambda: f"Paused after {rests[-1] + 1:,} steps")
        output.receive({"kind": "resume"})
        wait_for(lambda: "Resumed")
        return True

    run, facts = steer(output, page, {"kind": "stop"})
    assert run.stopping and rests == [rests[0], rests[0] + 1, rests[0] + 2]
    assert {f["done"] for f in facts if f["state"] == "paused"} >= set(rests)
    assert facts[-1]["state"] == "stopped" and facts[-1]["done"] > rests[-1]


def test_a_page_sets_the_learning_rate_and_the_next_epoch_logs_it():
    output = FakeOutput()
    steer(output, has_steps, {"kind": "learning_rate", "value": 0.25}, {"kind": "stop", "value": "epoch"})
    assert any("Learning rate 0.25" in (content["facts"]["notice"] or "") for content, _ in output.messages)
    assert decoded(output).curves["epoch", "learning_rate"]["columns"][0][-1] == 0.25
    assert output.messages[-1][0]["facts"]["rate_changes"]


def test_a_page_saves_a_checkpoint():
    output = FakeOutput()
    _, facts = steer(output, has_steps, {"kind": "save"}, {"kind": "stop"})
    assert any((f["notice"] or "").startswith("Saved fake_mlp-step") for f in facts)


@pytest.mark.parametrize("value", ["fast", None, -1, float("nan"), [1]])
def test_nonsense_from_a_page_is_answered_and_harms_nothing(value):
    output = FakeOutput()
    nonsense = [{"kind": "learning_rate", "value": value}, {"kind": "checkpoint"}, {"kind": "_ask"}, {}]
    run, facts = steer(output, has_steps, *nonsense, epochs=4, pause=0.01)
    assert len(run.history.epoch) == 4 and facts[-1]["state"] == "done"
    assert run.model.optimizer.learning_rate == 1e-3


def test_earlier_runs_of_the_same_metrics_are_told():
    earlier.forget()
    train(LivePanel(FakeOutput()), epochs=3, steps=20)
    train(LivePanel(FakeOutput()), epochs=200, steps=10, block=10)
    train(LivePanel(FakeOutput()), epochs=1, steps=20)
    output = FakeOutput()
    train(LivePanel(output), epochs=2, steps=20)
    told = [content["earlier"] for content, _ in output.messages if content["full"]]
    assert told[0] == [] and [len(run["epochs"]) for run in told[-1]] == [3, 25]
    assert told[-1][1]["epochs"][-1] == 200
    assert told[-1][0]["title"] == "fake_mlp" and [run["same"] for run in told[-1]] == [True, True]
    assert told[-1][0]["logs"].keys() == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all("earlier" not in content for content, _ in output.messages if not content["full"])
    other = FakeOutput()
    drive(other, 30, 0.05).end("done")
    assert other.messages[-1][0]["earlier"] == []
    earlier.forget()


def test_only_what_can_be_done_is_offered():
    output = FakeOutput()
    run = Run(rate=None, epochs=1)
    del run.model.save
    train(LivePanel(output), run)
    assert output.messages[0][0]["facts"]["can"] == ["pause", "resume", "step", "stop"]


@pytest.mark.parametrize("outcome", ["done", "stopped", "interrupted", "failed"])
@pytest.mark.parametrize("live", [True, False])
def test_a_bundle_is_left_however_training_ends(outcome, live):
    output = FakeOutput(live)
    panel = drive(output, 30, 0.05)
    error = {"failed": ValueError("loss is NaN\nat step 3"), "interrupted": KeyboardInterrupt()}.get(outcome)
    panel.end(outcome, error)
    left = bundle.picture_bundle(output.picture, "key")
    assert left.keys() == {"text/plain", "text/html", "image/png"}
    assert outcome in left["text/plain"] and "<svg" in left["text/html"]
    assert ("ValueError: loss is NaN" in left["text/plain"]) is (outcome == "failed")
    assert output.last[0]["facts"]["state"] == outcome
    assert bool(output.messages) is live


def test_logs_of_a_failed_computation_do_not_hide_the_error():
    class Poisoned(DeviceArray):
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("XLA: the computation failed")

    output = FakeOutput()
    panel = StillPanel(output)
    panel.begin(Run())
    panel.steps(Block(0, 2, 0, 0, {"loss": Poisoned(np.ones(2))}))
    panel.end("failed", RuntimeError("XLA: the computation failed"))
    assert output.messages[-1][0]["facts"]["error"] == "RuntimeError: XLA: the computation failed"


def test_training_that_ends_before_its_first_step():
    output = FakeOutput()
    panel = StillPanel(output)
    panel.begin(Run())
    panel.end("failed", MemoryError())
    assert output.picture.charts == ()
    assert "<svg" in bundle.html(output.picture)


def test_two_panels_at_once_keep_apart():
    outputs = [FakeOutput(), FakeOutput()]
    panels = [LivePanel(output) for output in outputs]
    threads = [
        threading.Thread(
            target=train, args=(panel,), kwargs={"name": name, "epochs": 2, "steps": steps, "pause": 0.005}
        )
        for panel, name, steps in zip(panels, ("a", "b"), (100, 150), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for output, name, steps in zip(outputs, ("a", "b"), (200, 300), strict=True):
        decoder = decoded(output)
        assert decoder.facts["name"] == name and decoder.curves["step", "loss"]["count"] == steps


def test_nan_and_values_that_are_no_scalars():
    output = FakeOutput()
    panel = StillPanel(output)
    panel.begin(Run(epochs=1, steps=2, rate=None))
    logs = {"loss": DeviceArray(np.array([1, np.nan])), "confusion": DeviceArray(np.ones((2, 3, 3)))}
    panel.steps(Block(0, 2, 0, 0, logs))
    panel.epoch_end(0, {"loss": float("nan"), "confusion": np.ones((3, 3))})
    panel.end("done")
    facts = output.messages[-1][0]["facts"]
    assert facts["latest"] == {"loss": "nan"} and facts["best"] == {}


def test_the_learning_rate_is_read_at_each_epochs_end():
    output = FakeOutput()
    panel = StillPanel(output)
    run = Run(epochs=2, steps=1)
    panel.begin(run)
    for epoch, rate in enumerate([0.1, 0.01]):
        run.model.optimizer.learning_rate = np.float32(rate)
        panel.epoch_end(epoch, {"loss": 1.0})
    panel.end("done")
    assert decoded(output).curves["epoch", "learning_rate"]["columns"][0] == pytest.approx([0.1, 0.01])
    assert output.messages[-1][0]["facts"]["rate_changes"]


def test_a_continued_training_counts_its_epochs_on():
    output = FakeOutput()
    train(LivePanel(output), epochs=6, initial_epoch=4, steps=20)
    facts = output.messages[-1][0]["facts"]
    assert facts["first_epoch"] == 4 and facts["best"]["val_loss"][0] in (5, 6)
    assert [line.x.tolist() for line in output.picture.charts[0].lines[1:]] == [[4.5, 5.5], [5.0, 6.0]]


def test_the_memory_of_a_device_that_tells_is_told(monkeypatch):
    silent = SimpleNamespace(memory_stats=lambda: None)
    gpu = SimpleNamespace(memory_stats=lambda: {"bytes_in_use": 3 << 30, "bytes_limit": 16 << 30, "num_allocs": 7})
    monkeypatch.setattr("jax.local_devices", lambda: [silent, gpu])
    output = FakeOutput()
    train(LivePanel(output), epochs=1, steps=20)
    assert output.messages[-1][0]["facts"]["memory"] == [3 << 30, 16 << 30]
    monkeypatch.setattr("jax.local_devices", lambda: [silent])
    output = FakeOutput()
    train(LivePanel(output), epochs=1, steps=20)
    assert output.messages[-1][0]["facts"]["memory"] is None


def test_the_display_protocol_is_whole():
    display = pytest.importorskip("kernelkit.training.display").Display
    methods = [name for name in vars(display) if not name.startswith("_")]
    assert all(callable(getattr(LivePanel, name, None)) for name in methods)


def test_a_history_shown_by_its_panel_is_only_text_in_that_cell(monkeypatch):
    cell = [7]
    monkeypatch.setattr(bundle, "execution_count", lambda: cell[0])
    history = SimpleNamespace(history={"loss": [2.0, 1.0]}, epoch=[0, 1])
    bundle.mark_as_shown(history)
    assert bundle.history_bundle(history).keys() == {"text/plain"}
    cell[0] = 8
    assert "text/html" in bundle.history_bundle(history)


ODD = [None, 5, [], "x", b"x", {"kind": None}, {"kind": []}, {"kind": {}}, {"kind": "ready", "nonce": [[[]]]}]
ODD += [{"kind": "learning_rate", "value": value} for value in (10**400, [], {}, None, True, "nan", "x" * 10_000)]
ODD += [{"kind": "stop", "value": value} for value in (5, [], {}, "tomorrow")]


def test_any_message_of_a_page_is_taken():
    output = FakeOutput()
    panel = drive(output, 3, 0.1)
    for content in ODD:
        panel._receive(content)
    output.clock.now += 1
    panel._receive({"kind": "ready", "nonce": "n" * 1000})
    assert all(nonce is None or len(nonce) <= 64 for nonce in output.messages[-1][0]["facts"]["answered"])


def test_a_flood_of_clicks_saves_one_checkpoint():
    output = FakeOutput()
    panel = drive(output, 3, 0.1)
    for _ in range(1000):
        panel._receive({"kind": "save"})
    assert len(panel._run.control._jobs) == 1


def test_metrics_that_share_a_chart_do_so_in_the_picture_too():
    output = FakeOutput()
    panel = drive(output, 5, 0.2, metrics=3)
    panel._receive({"kind": "together", "value": ["m2", "m0", "nobody", 7]})
    assert output.messages[-1][0]["facts"]["together"] == [] and panel.picture().charts[0].title == "m0 · m2"
    panel._receive({"kind": "together", "value": "m0 and m1"})  # a page may send anything
    assert [chart.title for chart in panel.picture().charts] == ["m0", "m1", "m2"]
    panel._receive({"kind": "together", "value": ["m0", "m1"]})
    panel.epoch_end(0, {"m0": 1.0, "m1": 2.0, "m2": 3.0, "val_m0": 2.0})
    panel.end("stopped")
    joined, other = output.picture.charts
    assert (joined.title, other.title) == ("m0 · m1", "m2")
    assert {line.label for line in joined.lines} >= {"m0", "m1"} and len({line.color for line in joined.lines}) == 2
    content, buffer = output.last
    facts = saved("run", [(content, buffer)])["runs"][0]["facts"]
    assert facts["together"] == ["m0", "m1"]
    assert (facts["done"], facts["total"]) == (50, 50)  # a saved bar is as long as that of the training
    assert [line.split()[0] for line in text(output.picture).splitlines()[1:]].count("m0") == 1


def test_metrics_chosen_after_the_end_share_a_chart_in_the_picture_that_stays():
    output = FakeOutput()
    panel = drive(output, 5, 0.2, metrics=3)
    panel.epoch_end(0, {"m0": 1.0, "m1": 2.0, "m2": 3.0})
    panel.end("done")
    before = output.picture
    panel._receive({"kind": "together", "value": ["nobody"]})
    assert output.picture is before  # nothing to draw anew
    panel._receive({"kind": "together", "value": ["m2", "m1"]})
    assert [chart.title for chart in output.picture.charts] == ["m0", "m1 · m2"]
    assert output.picture.facts == before.facts  # the training took as long as it took
    run = saved("run", [output.last])["runs"][0]
    assert run["facts"]["together"] == ["m1", "m2"] and run["facts"]["state"] == "done"
    panel._receive({"kind": "together", "value": []})
    assert [chart.title for chart in output.picture.charts] == ["m0", "m1", "m2"]
