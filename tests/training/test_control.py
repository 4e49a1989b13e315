"""Steering a training from another thread, without any notebook."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.training.control import Control
from kernelkit.training.display import Display


class Steered(Display):
    """A display that runs a function beside the training, and keeps what the control and the loop tell."""

    def __init__(self, steer):
        self.steer, self.events, self.blocks, self.outcome, self.epochs = steer, [], [], None, []

    def begin(self, run):
        self.run = run
        run.control.subscribe(self.events.append)
        self.thread = threading.Thread(target=self.steer, args=(self,))
        self.thread.start()

    def steps(self, block):
        self.blocks.append(block)

    def epoch_end(self, epoch, logs):
        self.epochs.append(epoch)

    def end(self, outcome, error=None):
        self.outcome = outcome
        self.thread.join(20)

    @property
    def done(self) -> int:
        return sum(block.count for block in self.blocks)

    def wait_for(self, what) -> None:
        deadline = time.monotonic() + 120
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def wait_for_steps(self, count) -> None:
        self.wait_for(lambda: self.done >= count)

    def wait_for_state(self, state) -> None:
        self.wait_for(lambda: self.run.control.state == state)


def fit(steer, epochs=100_000, optimizer="sgd", steps_per_execution=4, **arguments):
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)], name="line")
    model.compile(optimizer, "mse", steps_per_execution=steps_per_execution)
    x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    display = Steered(steer)
    history = model.fit(x, x[:, :1], batch_size=8, epochs=epochs, verbose=display, **arguments)
    return display, model, history


def test_paused_training_stands_still_and_goes_on():
    seen = []

    def steer(display):
        control = display.run.control
        display.wait_for_steps(10)
        control.pause()
        display.wait_for_state("paused")
        seen.append(display.done)
        time.sleep(0.3)
        seen.append(display.done)
        control.resume()
        display.wait_for_steps(seen[0] + 50)
        control.stop()

    display, _, history = fit(steer)
    assert seen[0] == seen[1]
    assert [event.kind for event in display.events] == ["paused", "resumed", "stopping"]
    assert display.events[0].value == seen[0]
    assert display.outcome == "stopped" and display.run.control.waited > 0.2
    assert len(history.batches["loss"]) == display.done


def test_one_step_at_a_time():
    seen = []

    def steer(display):
        control = display.run.control
        control.pause()
        display.wait_for_state("paused")
        before = display.done
        for _ in range(3):
            control.step()
            display.wait_for(lambda: not control._steps and control._quiet())
            display.wait_for_steps(before + len(seen) + 1)
            seen.append(display.done - before)
        control.step(2)
        display.wait_for_steps(before + 5)
        control.stop()

    display, _, _ = fit(steer)
    assert seen == [1, 2, 3]
    assert [block.count for block in display.blocks][-5:] == [1] * 5


def test_stop_after_the_epoch_ends_it_whole():
    def steer(display):
        display.wait_for_steps(5)
        display.run.control.stop("epoch")
        display.run.control.stop("epoch")

    display, _, history = fit(steer)
    assert display.outcome == "stopped"
    assert display.done == 32 * len(history.epoch) and len(history.epoch) < 1000


def test_a_paused_training_is_stopped():
    def steer(display):
        display.run.control.pause()
        display.wait_for_state("paused")
        display.run.control.stop()

    display, _, _ = fit(steer)
    assert display.outcome == "stopped"


def test_a_paused_training_sees_a_stop_by_other_means():
    def steer(display):
        display.run.control.pause()
        display.wait_for_state("paused")
        display.run.model.stop_training = True

    assert fit(steer)[0].outcome == "done"


def test_the_learning_rate_changes_between_batches():
    def steer(display):
        control = display.run.control
        control.pause()
        display.wait_for_state("paused")
        control.set_learning_rate(0.25)
        display.wait_for(lambda: len(display.events) == 2)
        control.stop()

    display, model, _ = fit(steer)
    assert float(np.asarray(model.optimizer.learning_rate)) == 0.25
    event = display.events[1]
    assert event.kind == "learning_rate" and event.value == 0.25 and "0.25" in event.text


def test_what_cannot_be_done_is_told_and_training_goes_on():
    def steer(display):
        display.run.control.set_learning_rate(0.1)
        display.wait_for(lambda: display.events)
        display.run.control.stop()

    schedule = kk.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    display, _, _ = fit(steer, optimizer=kk.optimizers.SGD(schedule))
    assert display.events[0].kind == "refused" and "learning rate" in display.events[0].text
    assert display.outcome == "stopped"


def test_a_checkpoint_is_saved_between_two_batches(tmp_path):
    saved = []

    def steer(display):
        display.run.model.save = saved.append
        display.run.model.save_weights = saved.append
        control = display.run.control
        control.save()
        control.save(str(tmp_path / "a.weights.h5"))
        display.wait_for(lambda: len(display.events) == 2)
        control.stop()

    display, _, _ = fit(steer)
    assert [event.kind for event in display.events[:2]] == ["saved", "saved"]
    assert saved == [event.value for event in display.events[:2]]
    assert saved[0].startswith("line-step") and saved[0].endswith(".keras")


def test_the_name_of_a_checkpoint_is_a_file_name():
    paths = []
    run = SimpleNamespace(
        name="../../<img src=x>", stopping=False, model=SimpleNamespace(save=paths.append, stop_training=False)
    )
    control = Control()
    control.save()
    control.checkpoint(run, 7)
    assert paths == ["img-src-x-step7.keras"]


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_impossible_rates_are_refused_at_once(rate):
    with pytest.raises(ValueError, match="positive"):
        Control().set_learning_rate(rate)


def test_impossible_requests_are_refused_at_once():
    with pytest.raises(ValueError, match="'batch' or 'epoch'"):
        Control().stop("now")
    with pytest.raises(ValueError, match="at least 1"):
        Control().step(0)


def test_steering_does_not_change_the_numbers():
    def pauses(display):
        for _ in range(5):
            display.run.control.step()
            display.wait_for(lambda: display.run.control._quiet() or display.outcome)
        display.run.control.resume()

    runs = []
    for steer in (lambda display: None, pauses):
        kk.utils.set_random_seed(1)
        _, model, history = fit(steer, epochs=4)
        runs.append((history.batches["loss"], model.get_weights()[0]))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    np.testing.assert_array_equal(runs[0][1], runs[1][1])


class InValidation(kk.callbacks.Callback):
    """Counts the batches of validations; calls a function after each."""

    def __init__(self, act=lambda count: None):
        super().__init__()
        self.act, self.count, self.ended = act, 0, 0

    def on_test_batch_end(self, batch, logs=None):
        self.count += 1
        self.act(self.count)

    def on_test_end(self, logs=None):
        self.ended += 1


def validated(steer, watch, epochs=3):
    x = np.random.default_rng(1).normal(size=(80, 4)).astype("float32")
    validation = {"validation_data": (x, x[:, :1]), "validation_batch_size": 8, "validation_freq": [2, 3]}
    return fit(steer, epochs, steps_per_execution="auto", callbacks=[watch], **validation)


def test_a_stop_in_validation_does_not_wait_for_its_end():
    displays = []
    watch = InValidation(lambda count: displays[0].run.control.stop() if count == 4 else None)
    display, model, history = validated(displays.append, watch)
    assert watch.count == 4 and watch.ended == 1
    assert display.outcome == "stopped" and display.done == 64 and display.epochs == [0, 1]
    assert len(history.history["loss"]) == 2 and "val_loss" not in history.history  # four batches are no validation
    assert model.evaluate(np.ones((8, 4)), np.ones((8, 1)), verbose=0) >= 0


def test_a_stop_in_training_leaves_validation_out():
    asked = threading.Event()

    def steer(display):
        display.wait_for_steps(33)
        display.run.control.stop()
        asked.set()

    class Holds(InValidation):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (1, 20):
                assert asked.wait(60)

    holds = Holds()
    display, _, history = validated(steer, holds)
    assert 32 < display.done < 64 and holds.count == 0 and len(history.history["loss"]) == 2


def test_a_stop_after_the_epoch_ends_validation_first():
    displays = []
    watch = InValidation(lambda count: displays[0].run.control.stop("epoch") if count == 4 else None)
    display, _, history = validated(displays.append, watch)
    assert watch.count == 10 and display.outcome == "stopped" and display.epochs == [0, 1]
    assert len(history.history["val_loss"]) == 1


def test_validation_pauses_and_goes_step_by_step():
    seen, asked = [], threading.Event()

    def steer(display):
        control = display.run.control
        display.wait_for(lambda: watch.count >= 3)
        control.pause()
        asked.set()
        display.wait_for_state("paused")
        seen.append(watch.count)
        for _ in range(2):
            control.step()
            display.wait_for(lambda: control._quiet() and watch.count > seen[-1])
            seen.append(watch.count)
        control.set_learning_rate(0.5)
        control.resume()

    watch = InValidation(lambda count: count != 5 or asked.wait(60))  # it does not end before it was asked to pause
    display, model, history = validated(steer, watch)
    assert seen == [seen[0], seen[0] + 1, seen[0] + 2] and watch.count == 20
    assert display.outcome == "done" and len(history.history["val_loss"]) == 2
    assert display.events[0].text == f"Paused after 64 steps, {seen[0]} of validation"
    assert float(model.optimizer.learning_rate) == 0.5
