"""Data that are slow to load, larger than memory, or many: what they cost beside a training step.

python -m benchmarks.data [--rows 1300000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

import kernelkit as kk
from benchmarks.workloads import WORKLOADS


def loader() -> None:
    """A generator that takes as long as a step of the CNN."""
    work = WORKLOADS["cnn"]
    (x, y), size = work.data(), work.batch_size
    model = work.model(kk)
    model.compile("adam", "sparse_categorical_crossentropy")

    def batches(seconds: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            for first in range(0, work.samples, size):
                time.sleep(seconds)
                yield x[first : first + size], y[first : first + size]

    def step(seconds: float, steps: int = 96) -> float:
        started = time.perf_counter()
        model.fit(batches(seconds), steps_per_epoch=steps, verbose=0)
        return (time.perf_counter() - started) / steps

    step(0)
    alone = step(0)
    beside = step(alone)
    print(f"step {1e3 * alone:.2f} ms; with a loader as slow as the step {1e3 * beside:.2f} ms: {beside / alone:.2f}")


def many_steps() -> None:
    """Steps per second of an MLP as an epoch gets longer."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (3_200_000, 784), dtype="uint8")  # 2.5 GB
    y = rng.integers(0, 10, 3_200_000)
    model = WORKLOADS["mlp"].model(kk)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:32_000], y[:32_000], verbose=0)
    speeds = []
    for steps in (1_000, 10_000, 100_000):
        started = time.perf_counter()
        epochs = max(1, 10_000 // steps)
        model.fit(x[: 32 * steps], y[: 32 * steps], epochs=epochs, verbose=0)
        speeds.append(f"{steps:,} steps an epoch: {epochs * steps / (time.perf_counter() - started):,.0f} steps/s")
    print("; ".join(speeds))


def memory_map(rows: int) -> None:
    """One shuffled epoch over a file of rows x 784 floats."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.dat"
        with path.open("wb") as file:
            for first in range(0, rows, 50_000):
                np.full((min(50_000, rows - first), 784), 0.5, "float32").tofile(file)
        x, y = np.memmap(path, "float32", "r", shape=(rows, 784)), np.zeros(rows, "int32")
        model = WORKLOADS["mlp"].model(kk)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x[:2560], y[:2560], batch_size=256, verbose=0)
        process, peak = psutil.Process(), 0
        before = process.memory_info().rss

        def look(batch: int, logs: dict | None) -> None:
            nonlocal peak
            if batch % 64 == 0:
                peak = max(peak, process.memory_info().rss)

        watch = kk.callbacks.LambdaCallback(on_train_batch_end=look)
        watch.batch_hooks = "logs"
        started = time.perf_counter()
        model.fit(x, y, batch_size=256, verbose=0, callbacks=[watch])
        speed = rows / 256 / (time.perf_counter() - started)
        growth = (peak - before) / 2**20
        print(
            f"map of {x.nbytes / 2**30:.1f} GB: {speed:,.0f} steps/s, resident memory grew by {growth:,.0f} MB at most"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_300_000, help="rows of 3 KB in the memory map")
    arguments = parser.parse_args()
    loader()
    many_steps()
    memory_map(arguments.rows)


if __name__ == "__main__":
    main()
