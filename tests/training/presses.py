"""Presses of the stop button at random moments of everything that holds them back: how many are lost?

    python tests/training/presses.py 1000

A press is lost if no KeyboardInterrupt comes within ten seconds. Garbage is collected at random moments, since
destructors and weakref callbacks swallow what is raised in them.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import kernelkit as kk

PATIENCE = 10.0


def model_of() -> kk.Sequential:
    model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(16, activation="relu"), kk.layers.Dense(3)])
    model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def works(folder: str) -> dict[str, Callable[[], object]]:
    """What is pressed on, by name; each is called again and again until a press ends it."""
    rng = np.random.default_rng(0)
    x, y = rng.random((512, 8), dtype="float32"), rng.integers(0, 3, 512)
    model = model_of()
    model.fit(x, y, verbose=0)
    model.save(f"{folder}/a.keras")
    model.save_weights(f"{folder}/a.weights.h5")

    class Looks(kk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.layers[0].kernel.numpy()

        def on_epoch_end(self, epoch, logs=None):
            self.model.predict(x[:32], verbose=0)

    def batches() -> Iterator[tuple]:
        for i in range(0, 512, 32):
            yield x[i : i + 32], y[i : i + 32]

    def in_background() -> None:
        handle = model.fit(x, y, epochs=10**6, verbose=0, background=True)
        try:
            handle.wait()
        finally:
            handle.stop()
            handle.wait()

    dbg = model.debug(x, y, batch_size=32)

    def step() -> None:
        dbg.step(3)
        dbg.back(2)
        dbg.look()

    return {
        "fit": lambda: model.fit(x, y, epochs=50, verbose=0),
        "fit with validation and callbacks": lambda: model.fit(
            x, y, epochs=3, verbose=0, validation_data=(x, y), callbacks=[Looks(), kk.callbacks.EarlyStopping("loss")]
        ),
        "fit from a generator": lambda: model.fit(batches(), verbose=0),
        "evaluate": lambda: model.evaluate(x, y, verbose=0),
        "predict": lambda: model.predict(x, verbose=0),
        "train_on_batch": lambda: [model.train_on_batch(x[:32], y[:32]) for _ in range(20)],
        "save": lambda: model.save(f"{folder}/b.keras"),
        "load_model": lambda: kk.models.load_model(f"{folder}/a.keras"),
        "save_weights": lambda: model.save_weights(f"{folder}/b.weights.h5"),
        "load_weights": lambda: model.load_weights(f"{folder}/a.weights.h5"),
        "the step debugger": step,
        "waiting for a background fit": in_background,
    }


class Presser:
    """Presses the button once, some seconds from now, and says when it has."""

    def __init__(self, seconds: float) -> None:
        self.pressed_at = float("inf")
        self._seconds = seconds
        self.go = False
        self._thread = threading.Thread(target=self._press)
        self._thread.start()

    def _press(self) -> None:
        while not self.go:
            time.sleep(0.001)
        time.sleep(self._seconds)
        self.pressed_at = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    def join(self) -> None:
        self._thread.join()


def storm(work: Callable[[], object], presses: int, longest: float, seed: int = 0) -> int:
    """Return how many of some presses, each within the first seconds of a piece of work, were lost."""
    rng = random.Random(seed)
    lost = 0
    before = gc.get_threshold()
    outside: list = []  # swallowed by Python in a destructor between two calls, where kernelkit has no guard

    def swallow(unraisable: Any) -> None:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            outside.append(unraisable.exc_type)

    hook, sys.unraisablehook = sys.unraisablehook, swallow
    try:
        for _ in range(presses):
            gc.set_threshold(rng.choice([1, 20, 400]))
            presser = Presser(rng.uniform(0, longest))
            outside.clear()
            try:
                presser.go = True
                while time.monotonic() < presser.pressed_at + PATIENCE:
                    work()
                lost += KeyboardInterrupt not in outside
            except KeyboardInterrupt:
                pass
            gc.set_threshold(*before)
            presser.join()
    finally:
        gc.set_threshold(*before)
        sys.unraisablehook = hook
    return lost


def main(presses: int) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        every = works(folder)
        for name, work in every.items():
            lost = storm(work, -(-presses // len(every)), 0.1)
            total += lost
            print(f"{name}: {lost} lost of {-(-presses // len(every))}, {threading.active_count()} threads", flush=True)
    return total


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000) > 0)
