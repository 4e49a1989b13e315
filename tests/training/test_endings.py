"""However training ends: whatever began gets its end, with the outcome, and nothing that only watches can end it."""

import os
import signal
import sys
import threading
import warnings

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.training.display import Display

pytestmark = pytest.mark.one_in(2)


@pytest.fixture(autouse=True)
def pythons_own_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_stop():
    os.kill(os.getpid(), signal.SIGINT)


def model_of(**settings):
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, kernel_initializer="ones", use_bias=False)], name="line")
    model.compile("sgd", "mse", **settings)
    return model


X = np.ones((16, 2), "float32")
Y = np.zeros((16, 1), "float32")


class Books(kk.callbacks.Callback):
    """Keeps every hook that was called, and does something at one of them."""

    def __init__(self, at=None, action=None):
        super().__init__()
        self.at, self.action, self.calls = at, action, []

    def __getattribute__(self, name):
        if not name.startswith("on_") or name in ("on_batch_begin", "on_batch_end"):
            return super().__getattribute__(name)

        def hook(*args, **kwargs):
            self.calls.append((name, self.params.get("outcome")))
            if name == self.at:
                self.action()

        return hook

    @property
    def open(self):
        """Hooks that began and have not ended."""
        names = [name for name, _ in self.calls]
        kinds = {name.rpartition("_")[0] for name in names}
        return {kind: n for kind in kinds if (n := names.count(f"{kind}_begin") - names.count(f"{kind}_end"))}

    def outcomes(self, hook):
        return [outcome for name, outcome in self.calls if name == hook]


def fail():
    raise OSError("the disk is full")


HOOKS = ["on_train_batch_begin", "on_train_batch_end", "on_epoch_begin", "on_epoch_end", "on_test_begin"]
HOOKS += ["on_test_end", "on_test_batch_begin", "on_test_batch_end", "on_train_begin", "on_train_end"]


@pytest.mark.parametrize("steps", ["auto", 2])
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(("action", "error"), [(fail, OSError), (press_stop, KeyboardInterrupt)])
def test_whatever_began_gets_its_end_with_the_outcome(hook, action, error, steps):
    outcome = {OSError: "failed", KeyboardInterrupt: "interrupted"}[error]
    model = model_of(steps_per_execution=steps)
    first, last = Books(), Books()
    with pytest.raises(error):
        told = [first, Books(hook, action), last]
        model.fit(X, Y, batch_size=4, epochs=2, verbose=0, validation_data=(X, Y), callbacks=told)
    assert not first.open and not last.open
    assert first.outcomes("on_train_end") == ["done" if hook == "on_train_end" else outcome]
    assert model.evaluate(X, Y, verbose=0) >= 0


@pytest.mark.parametrize("kind", ["test", "predict"])
@pytest.mark.parametrize("where", ["data", "begin", "batch_end", "end"])
def test_evaluations_and_predictions_end_too(kind, where):
    def broken():
        yield X[:4], Y[:4]
        raise OSError("the disk is full")

    first, last = Books(), Books(f"on_{kind}_{where}", fail)
    data = broken() if where == "data" else [(X[:4], Y[:4])].__iter__()
    work = {"test": model_of().evaluate, "predict": model_of().predict}[kind]
    with pytest.raises(OSError, match="the disk is full"):
        work(data, verbose=0, callbacks=[first, last])
    assert not first.open
    assert first.outcomes(f"on_{kind}_end") == ["done" if where == "end" else "failed"]


def test_a_second_error_in_an_end_hook_is_a_note_and_the_others_are_told_all_the_same():
    last = Books()
    with pytest.raises(OSError, match="the disk is full") as caught:
        told = [Books("on_train_batch_end", fail), Books("on_epoch_end", fail), last]
        model_of().fit(X, Y, verbose=0, callbacks=told)
    assert caught.value.__notes__ == ["Books.on_epoch_end() failed too: OSError: the disk is full"]
    assert not last.open


def test_an_epoch_that_was_cut_short_is_not_in_the_history_nor_in_files(tmp_path):
    model = model_of()
    others = [
        kk.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True),
        kk.callbacks.CSVLogger(tmp_path / "log.csv"),
        kk.callbacks.EarlyStopping("loss", restore_best_weights=True),
        kk.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        kk.callbacks.ReduceLROnPlateau("loss"),
    ]

    class Stop(kk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1 and len(self.model.history.epoch) == 2:
                press_stop()

    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(X, Y, batch_size=4, epochs=5, verbose=0, callbacks=[*others, Stop()])
    assert not getattr(caught.value, "__notes__", [])
    assert model.history.epoch == [0, 1] and len(model.history.history["learning_rate"]) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.weights.h5", "2.weights.h5", "log.csv"]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("action", [fail, press_stop])
def test_early_stopping_restores_the_best_weights_however_training_ends(action):
    class Worse(kk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.best = self.model.get_weights()[0]
                self.model.set_weights([np.full((2, 1), 9.0, "float32")])
            if epoch == 2:
                action()

    worse = Worse()
    model = model_of()
    with pytest.raises((OSError, KeyboardInterrupt)):
        stopping = kk.callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True)
        model.fit(X, Y, epochs=4, verbose=0, callbacks=[stopping, worse])
    np.testing.assert_array_equal(model.get_weights()[0], worse.best)


@pytest.mark.parametrize("action", [fail, press_stop])
@pytest.mark.parametrize("swap_on_epoch", [False, True])
@pytest.mark.parametrize(
    "hook", ["on_test_begin", "on_test_batch_end", "on_test_end", "on_epoch_end", "on_train_batch_end"]
)
def test_averages_and_weights_are_in_their_places_however_training_ends(hook, action, swap_on_epoch):
    def run(*extra):
        model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, kernel_initializer="ones", use_bias=False)])
        model.compile(kk.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
        swap = kk.callbacks.SwapEMAWeights(swap_on_epoch)
        with pytest.raises((OSError, KeyboardInterrupt)):
            model.fit(X, Y, batch_size=8, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[swap, *extra])
        ((variable, average),) = model.optimizer.averaged_variables
        return variable.numpy()[0, 0], average.numpy()[0, 0], int(model.optimizer.iterations)

    weight, average, steps = run(Books(hook, action))
    expected, mean = 1.0, None
    for _ in range(steps):  # the loss is (2 w)^2, its derivative by each of the two weights 4 w
        expected -= 0.1 * 4 * expected
        mean = expected if mean is None else 0.5 * mean + 0.5 * expected
    np.testing.assert_allclose([weight, average], [expected, mean], rtol=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "epochs", "validate", "kernel"),
    [
        (lambda: kk.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), 1, False, 0.52),
        (lambda: kk.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), 3, False, 0.35287),
        (lambda: kk.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.9), 2, False, 0.84499),
        (lambda: kk.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), 2, True, 0.3992),
    ],
)
def test_the_averages_of_the_weights_are_in_place_after_fit(optimizer, epochs, validate, kernel):
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer(), "mse")
    x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, shuffle=False, validation_data=(x, y) if validate else None)
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), kernel, atol=6e-5)


def test_an_evaluation_in_a_batch_hook_leaves_the_metrics_of_the_epoch_alone():
    class Evaluates(kk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X * 3, Y, verbose=0)
            self.model.test_on_batch(X * 3, Y)

        def on_epoch_begin(self, epoch, logs=None):
            self.model.evaluate(X * 3, Y, verbose=0)

    def losses(*callbacks):
        return model_of(metrics=["mae"]).fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=list(callbacks)).history

    assert losses(Evaluates()) == losses()


# Displays -------------------------------------------------------------------------------------------------------------


class Broken(Display):
    def __init__(self, at):
        self.at, self.ended = at, []

    def __getattribute__(self, name):
        if name == object.__getattribute__(self, "at"):
            raise RuntimeError("the page is gone")
        return super().__getattribute__(name)

    def end(self, outcome, error=None):
        self.ended.append(outcome)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("at", ["begin", "epoch_begin", "steps", "epoch_end", "end"])
def test_a_display_that_fails_changes_nothing_and_lines_take_its_place(at, strict, capsys):
    expected = model_of().fit(X, Y, batch_size=4, epochs=3, verbose=0).history
    display = Broken(at)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error" if strict else "always")
        history = model_of().fit(X, Y, batch_size=4, epochs=3, verbose=display).history
    assert history == expected
    text = f"Broken.{at}() failed: RuntimeError: the page is gone. Training goes on; progress is printed as lines."
    out = capsys.readouterr().out
    assert ([str(w.message) for w in seen] == [text]) is not strict
    assert (text in out) is strict
    assert out.count("Epoch ") == {"begin": 3, "epoch_begin": 3, "steps": 3, "epoch_end": 3, "end": 0}[at]


def test_a_listener_of_the_control_that_fails_is_dropped():
    class Listens(Display):
        def begin(self, run):
            run.control.subscribe(lambda event: fail())
            run.control.set_learning_rate(0.5)
            self.run = run

        def epoch_end(self, epoch, logs):
            self.run.control.set_learning_rate(0.25)

    model = model_of()
    with pytest.warns(RuntimeWarning, match="A listener of the training's control failed"):
        model.fit(X, Y, epochs=3, verbose=Listens())
    assert float(model.optimizer.learning_rate) == 0.25


@pytest.mark.parametrize("verbose", ["auto", 0, 1, 2, 3, None, True, False])
def test_a_program_without_a_console_trains(verbose, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    history = model_of().fit(X, Y, epochs=2, verbose=verbose)
    model_of().evaluate(X, Y, verbose=verbose)
    assert history.epoch == [0, 1]


def test_the_second_of_two_threads_that_fit_a_model_is_told_so():
    model = model_of()
    inside, errors = threading.Event(), []

    class Waits(kk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            inside.set()
            assert done.wait(60)

    done = threading.Event()
    thread = threading.Thread(target=lambda: model.fit(X, Y, verbose=0, callbacks=[Waits()]), name="first")
    thread.start()
    assert inside.wait(60)
    for work in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        try:
            work(X, Y)
        except RuntimeError as error:
            errors.append(str(error))
    done.set()
    thread.join()
    assert len(errors) == 4
    assert all("model 'line' is being trained in another thread, 'first'" in error for error in errors)
    model.fit(X, Y, verbose=0)
