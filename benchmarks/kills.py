"""A training of four processes of which one is killed, again and again: none may hang, no checkpoint be lost.

`python -m benchmarks.kills [--times 20] [--seed 0]`. Each round starts four processes, which go on from the last
backup, waits for a random step, and kills one of them with SIGKILL at a random moment of it. The others must end by
themselves. The last round is not disturbed; its weights must be those of an unbroken training, bit for bit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

COUNT, EPOCHS, STEPS = 4, 20, 5
LIMIT = 30.0
"""Seconds after a death in which the others must have ended."""


def train(number: int, port: str, folder: str) -> None:
    """Train in one of the processes, going on from a backup, and print each step and at last the weights."""
    import faulthandler

    import numpy as np

    import kernelkit as kk

    faulthandler.dump_traceback_later(240, exit=True)
    address = f"127.0.0.1:{port}"
    kk.distribution.initialize(address, COUNT, number, coordinator_bind_address=address)
    kk.distribution.set_distribution(kk.distribution.DataParallel())
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(75, 8)).astype("float32"), rng.integers(0, 4, 75)
    kk.utils.set_random_seed(3)
    model = kk.Sequential(
        [kk.Input((8,)), kk.layers.Dense(16, "relu"), kk.layers.BatchNormalization(), kk.layers.Dropout(0.2)]
    )
    model.add(kk.layers.Dense(4))
    model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True))

    class Say(kk.callbacks.Callback):
        epoch = 0

        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            print("STEP", self.epoch * STEPS + batch + 1, flush=True)

    backup = kk.callbacks.BackupAndRestore(folder, save_freq=1, delete_checkpoint=False)
    model.fit(x, y, batch_size=16, epochs=EPOCHS, callbacks=[Say(), backup], verbose=0)
    bits = {v.path: v.numpy().tobytes().hex() for v in [*model.weights, *model.optimizer.variables]}
    print("WEIGHTS", json.dumps(bits), flush=True)


class Round:
    """Four processes, and what the first one says."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | {"JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-m", "benchmarks.kills", "--train"]
        self.errors = [tempfile.TemporaryFile() for _ in range(COUNT)]  # noqa: SIM115
        self.running = [
            subprocess.Popen(
                [*command, str(i), port, str(folder)],
                stdout=subprocess.PIPE,
                stderr=self.errors[i],
                text=True,
                env=environment,
            )
            for i in range(COUNT)
        ]
        self.steps: list[list[int]] = [[] for _ in range(COUNT)]
        self.weights: list[dict[str, str]] = [{} for _ in range(COUNT)]
        self._readers = [threading.Thread(target=self._read, args=(i,), daemon=True) for i in range(COUNT)]
        for reader in self._readers:
            reader.start()

    def _read(self, number: int) -> None:
        for line in self.running[number].stdout or ():
            word, _, rest = line.partition(" ")
            if word == "STEP":
                self.steps[number].append(int(rest))
            elif word == "WEIGHTS":
                self.weights[number] = json.loads(rest)

    def wait(self, seconds: float) -> float:
        """Wait until all have ended, and return the seconds that took; those left at the end are killed."""
        began = time.monotonic()
        try:
            for process in self.running:
                process.wait(max(0.0, seconds - (time.monotonic() - began)))
        except subprocess.TimeoutExpired:
            return float("inf")
        finally:
            for process in self.running:
                process.kill()
                process.wait()
            for reader in self._readers:
                reader.join()
        return time.monotonic() - began

    def said(self, number: int) -> str:
        """Return what a process wrote to stderr."""
        self.errors[number].seek(0)
        return self.errors[number].read().decode(errors="replace")


def killed(folder: Path, draw: random.Random, victim: int) -> dict[str, Any]:
    """Run a round in which one process is killed, and return what happened."""
    one = Round(folder)
    after, moment = draw.randrange(1, 8), draw.uniform(0, 0.05)
    until = time.monotonic() + 180
    while len(one.steps[victim]) < after and time.monotonic() < until and one.running[victim].poll() is None:
        time.sleep(0.002)
    time.sleep(moment)
    one.running[victim].kill()
    seconds = one.wait(LIMIT * 4)
    others = [i for i in range(COUNT) if i != victim]
    said = [i for i in others if "of the 4 processes of this training has ended" in one.said(i)]
    by_jax = [i for i in others if i not in said and "coordination service" in one.said(i)]
    steps = [s for each in one.steps for s in each]
    return {
        "victim": victim,
        "first": min(steps, default=0),
        "last": max(steps, default=0),
        "seconds": seconds,
        "said": len(said),
        "by_jax": len(by_jax),
        "codes": [p.returncode for p in one.running],
    }


def finished(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Run a round that nobody disturbs, and return the first process's variables and what is wrong with the round."""
    one = Round(folder)
    one.wait(240)
    wrong = [
        f"process {i} ended with code {p.returncode}: {' '.join(one.said(i).splitlines()[-1:])}"
        for i, p in enumerate(one.running)
        if p.returncode
    ]
    wrong += [f"process {i} has other {', '.join(names)}" for i in range(1, COUNT) if (names := differing(one, i))]
    return one.weights[0], wrong


def differing(one: Round, number: int) -> list[str]:
    """Return the paths of the variables that are not the first process's."""
    return [path for path, bits in one.weights[0].items() if one.weights[number].get(path) != bits]


def main() -> int:
    """Run what the command line asks for; return 1 if a process hung, a checkpoint was lost or a bit differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", nargs=3, metavar=("NUMBER", "PORT", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.train:
        train(int(chosen.train[0]), *chosen.train[1:])
        return 0
    draw = random.Random(chosen.seed)
    bad = 0
    reached = 0
    longest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(chosen.times):
            found = killed(Path(folder) / "cut", draw, draw.randrange(COUNT))
            # A backup follows each step: the next round may repeat the step in which the death fell, and no other.
            lost = found["first"] < reached
            silent = found["said"] + found["by_jax"] < COUNT - 1
            reached, longest = max(reached, found["last"]), max(longest, found["seconds"])
            trouble = lost or silent or found["seconds"] > LIMIT
            bad += trouble
            print(f"{number + 1:3}: {found}{'  <- TROUBLE' if trouble else ''}", flush=True)
        cut, unbroken = finished(Path(folder) / "cut"), finished(Path(folder) / "unbroken")
    print(f"{chosen.times} kills: {bad} with trouble; the last process ended {longest:.1f} s after the death at most;")
    if wrong := cut[1] + unbroken[1]:  # a process that did not come to its end says nothing of the weights
        print("a round that nobody disturbed did not end well:", *wrong, sep="\n  ")
        return 1
    others = [path for path, bits in unbroken[0].items() if cut[0].get(path) != bits]
    if others:
        print("at the end DIFFER FROM an unbroken run:", ", ".join(others))
    else:
        print("weights and optimizer at the end equal those of an unbroken run, bit for bit")
    return int(bad > 0 or bool(others))


if __name__ == "__main__":
    sys.exit(main())
