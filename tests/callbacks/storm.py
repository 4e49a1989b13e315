"""Trainings in processes of their own that are killed (`kill -9`) at random times, and go on from their backups.

A few kills are a test. For more of them, by hand: ``python -m tests.callbacks.storm --rounds 30``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

EPOCHS = 40
SETTINGS = ({"save_freq": 7}, {"save_freq": 7, "double_checkpoint": True}, {"save_freq": "epoch"})


def live(folder: str | None, result: str, began: str, settings: dict, seed: int) -> None:
    """Train to the end, with a backup in a folder, and write the result. What a process does."""
    import kernelkit as kk

    class Began(kk.callbacks.Callback):
        batch_hooks = "logs"

        def on_epoch_begin(self, epoch, logs=None):
            Path(began).touch()

    kk.utils.set_random_seed(1)
    x = np.random.default_rng(0).random((36, 3), dtype="float32")
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(4, "relu"), kk.layers.Dropout(0.3), kk.layers.Dense(1)])
    model.compile("adam", "mse")
    if folder is not None and any(Path(folder).glob("*training_metadata.json")):  # only the backup knows the seeds now
        kk.utils.set_random_seed(seed)
    callbacks = [] if folder is None else [kk.callbacks.BackupAndRestore(folder, **settings)]
    history = model.fit(x, x.sum(1), batch_size=4, epochs=EPOCHS, verbose=0, callbacks=[*callbacks, Began()])
    values = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    np.savez(f"{result}.tmp.npz", *values, loss=history.history.get("loss", [np.nan])[-1])
    os.replace(f"{result}.tmp.npz", result)


def storm(folder: Path, kills: int, settings: dict, rng: random.Random) -> tuple[int, list[np.ndarray]]:
    """Kill a training some times, then let it end.

    Returns:
        How many processes died before their end, and the arrays of the result.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kernelkit"])
    result, died = folder / "result.npz", 0
    for attempt in range(kills + 1):
        began = folder / f"began.{attempt}"
        arguments = (str(folder / "backup"), str(result), str(began), settings, attempt)
        process = context.Process(target=live, args=arguments)
        process.start()
        if attempt < kills:
            end = time.monotonic() + 120
            while not began.exists() and process.is_alive() and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 0.4))
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
        process.join(120)
        died += process.exitcode == -signal.SIGKILL
        if result.exists():
            break
    return died, arrays_of(result)


def unbroken(folder: Path) -> list[np.ndarray]:
    """The arrays of a training that nobody kills."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kernelkit"])
    arguments = (None, str(folder / "whole.npz"), str(folder / "began"), {}, 0)
    process = context.Process(target=live, args=arguments)
    process.start()
    process.join(120)
    return arrays_of(folder / "whole.npz")


def arrays_of(path: Path) -> list[np.ndarray]:
    with np.load(path) as file:
        return [file[name] for name in file.files if name != "loss"]


def differences(expected: list[np.ndarray], got: list[np.ndarray]) -> int:
    return sum(not np.array_equal(a, b) for a, b in zip(expected, got, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, deaths, bad = random.Random(options.seed), 0, 0
    with tempfile.TemporaryDirectory() as top:
        expected = unbroken(Path(top))
        for number in range(options.rounds):
            folder = Path(top) / str(number)
            folder.mkdir()
            died, got = storm(folder, options.kills, SETTINGS[number % len(SETTINGS)], rng)
            deaths += died
            bad += differences(expected, got) > 0
    print(f"{options.rounds} trainings, {deaths} killed processes: {bad} trainings end with other numbers.")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
