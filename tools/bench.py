"""Training steps per second of kernelkit beside Keras, each in a process of its own, in turn and in the same minutes.

    python tools/bench.py [mlp cnn lstm] [--rounds N]

Every workload is written once, in the code that both packages run. An epoch counts whole, with its shuffling and its
logs; the first one, which compiles, does not count.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

PACKAGES = ("kernelkit", "keras")
EPOCHS = 4


def mlp(keras: Any, rng: np.random.Generator) -> tuple[list, np.ndarray, int]:
    layers = keras.layers
    network = [layers.Input((784,)), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    return network, rng.random((12_800, 784), dtype=np.float32), 32


def cnn(keras: Any, rng: np.random.Generator) -> tuple[list, np.ndarray, int]:
    layers = keras.layers
    network = [
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
    return network, rng.random((1_024, 28, 28, 1), dtype=np.float32), 64


def lstm(keras: Any, rng: np.random.Generator) -> tuple[list, np.ndarray, int]:
    layers = keras.layers
    network = [
        layers.Input((80,), dtype="int32"),
        layers.Embedding(20_000, 64),
        layers.LSTM(64),
        layers.Dense(10, activation="softmax"),
    ]
    return network, rng.integers(0, 20_000, (1_024, 80)).astype("int32"), 32


WORKLOADS: dict[str, Callable] = {"mlp": mlp, "cnn": cnn, "lstm": lstm}


def steps_per_second(package: str, workload: str) -> float:
    """Train in this process and return the median over the epochs."""
    keras = importlib.import_module(package)
    rng = np.random.default_rng(0)
    network, x, batch_size = WORKLOADS[workload](keras, rng)
    y = rng.integers(0, 10, len(x)).astype("int32")
    model = keras.Sequential(network)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    seconds = []
    for _ in range(1 + EPOCHS):
        started = time.perf_counter()
        model.fit(x, y, batch_size=batch_size, verbose=0)
        seconds.append(time.perf_counter() - started)
    return len(x) / batch_size / statistics.median(seconds[1:])


def in_a_process(package: str, workload: str) -> float:
    command = [sys.executable, __file__, workload, "--inside", package]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), help="mlp, cnn or lstm; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often each package has its turn")
    parser.add_argument("--inside", choices=PACKAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(steps_per_second(arguments.inside, arguments.workloads[0]))
        return
    print(f"{'steps/s':10s}" + "".join(f"{package:>12s}" for package in PACKAGES) + f"{'ratio':>12s}")
    for workload in arguments.workloads:
        turns = [[in_a_process(package, workload) for package in PACKAGES] for _ in range(arguments.rounds)]
        ours, theirs = (statistics.median(column) for column in zip(*turns, strict=True))
        print(f"{workload:10s}{ours:12.0f}{theirs:12.0f}{ours / theirs:12.2f}", flush=True)


if __name__ == "__main__":
    main()
