"""Training speed on nets that nobody tuned for, drawn at random: kernelkit's `fit` against Keras's on jax.

    python -m benchmarks.random_nets [COUNT] [--seed S] [--family conv|rnn|dense]

Each net is drawn from (seed, number): sizes, channels, windows, strides, padding, pooling, normalization, depth, batch.
Both libraries train it in a process of its own, in turn. Times are CPU seconds of the process, so that other load on
the machine matters less; on a quiet one `--clock` takes the wall's. The first epoch, of 8 steps, compiles: without a
cache on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

FAMILIES = ("conv", "rnn", "dense")


class Draws:
    """Choices of one net, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self.text: list[str] = []

    def pick(self, *values: Any) -> Any:
        return values[int(self.generator.integers(len(values)))]

    def chance(self, probability: float) -> bool:
        return bool(self.generator.random() < probability)


def draw(library: Any, seed: int, family: str) -> tuple[Any, Any, Any, int, str]:
    """Return a compiled model, its samples and labels (for 8 steps), the batch size, and the net in words."""
    draws = Draws(seed)
    batch = draws.pick(8, 16, 32, 64)
    build = {"conv": _conv, "rnn": _rnn, "dense": _dense}[family]
    inputs, hidden, x = build(library, draws, 8 * batch)
    model = library.Model(inputs, library.layers.Dense(5, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    y = draws.generator.integers(0, 5, 8 * batch)
    return model, x, y, batch, f"batch {batch}: {' '.join(draws.text)}"


def _conv(library: Any, draws: Draws, count: int) -> tuple[Any, Any, Any]:
    layers = library.layers
    size, channels = draws.pick(12, 20, 32, 48), draws.pick(1, 3, 3, 8)
    inputs = hidden = layers.Input((size, size, channels))
    draws.text.append(f"{size}x{size}x{channels}")
    for _ in range(draws.pick(1, 2, 3, 4)):
        features, window, stride = draws.pick(4, 8, 16, 32, 64), draws.pick(1, 3, 3, 3, 5, 7), draws.pick(1, 1, 1, 2)
        padding = draws.pick("same", "valid") if hidden.shape[1] > window else "same"
        kind = draws.pick("conv", "conv", "conv", "separable", "depthwise", "transposed")
        draws.text.append(f"{kind} {features}/{window}")
        if kind == "conv":
            hidden = layers.Conv2D(features, window, strides=stride, padding=padding)(hidden)
        elif kind == "separable":
            hidden = layers.SeparableConv2D(features, window, padding=padding)(hidden)
        elif kind == "depthwise":
            hidden = layers.DepthwiseConv2D(window, padding=padding)(hidden)
        else:
            grows = 2 if hidden.shape[1] <= 24 else 1
            hidden = layers.Conv2DTranspose(min(features, 16), window, strides=grows, padding="same")(hidden)
        if draws.chance(0.4):
            hidden = layers.BatchNormalization()(hidden)
        hidden = layers.Activation(draws.pick("relu", "relu", "gelu"))(hidden)
        if draws.chance(0.35) and hidden.shape[1] >= 4:
            hidden = draws.pick(layers.MaxPooling2D, layers.AveragePooling2D)(2)(hidden)
            draws.text.append("pool")
    hidden = draws.pick(layers.Flatten, layers.GlobalAveragePooling2D)()(hidden)
    return inputs, hidden, draws.generator.random((count, size, size, channels), dtype="float32")


def _rnn(library: Any, draws: Draws, count: int) -> tuple[Any, Any, Any]:
    layers, words = library.layers, 5000
    length = draws.pick(10, 40, 100)
    inputs = layers.Input((length,), dtype="int32")
    hidden = layers.Embedding(words, draws.pick(16, 64), mask_zero=draws.chance(0.5))(inputs)
    draws.text.append(f"{length} words")
    for _ in range(draws.pick(1, 2)):
        kind, units = draws.pick("LSTM", "GRU", "SimpleRNN"), draws.pick(16, 48, 96)
        cell = getattr(layers, kind)(units, return_sequences=True)
        hidden = layers.Bidirectional(cell)(hidden) if draws.chance(0.4) else cell(hidden)
        draws.text.append(f"{kind} {units}")
    hidden = layers.GlobalAveragePooling1D()(hidden)
    return inputs, hidden, draws.generator.integers(0, words, (count, length))


def _dense(library: Any, draws: Draws, count: int) -> tuple[Any, Any, Any]:
    layers, width = library.layers, draws.pick(8, 64, 300, 784)
    inputs = hidden = layers.Input((width,))
    draws.text.append(f"{width} numbers")
    for _ in range(draws.pick(1, 2, 3, 4)):
        units = draws.pick(16, 64, 256, 512)
        hidden = layers.Dense(units, activation=draws.pick("relu", "gelu", "tanh"))(hidden)
        draws.text.append(f"dense {units}")
        if draws.chance(0.3):
            hidden = layers.BatchNormalization()(hidden)
        if draws.chance(0.3):
            hidden = layers.Dropout(0.3)(hidden)
    return inputs, hidden, draws.generator.random((count, width), dtype="float32")


def measure(library: str, seed: int, family: str, seconds: float, clock: bool) -> dict[str, Any]:
    """Return milliseconds a step, seconds of the first epoch of 8 steps, and the net in words."""
    now = time.perf_counter if clock else time.process_time
    model, x, y, batch, text = draw(__import__(library), seed, family)

    def epoch(steps: int) -> float:
        started = now()
        model.fit(x[: steps * batch], y[: steps * batch], batch_size=batch, verbose=0)
        return now() - started

    first = epoch(8)
    steps = int(np.clip(seconds / 4 / (epoch(8) / 8), 8, 512))
    x, y = np.resize(x, (steps * batch, *x.shape[1:])), np.resize(y, steps * batch)
    epoch(steps)
    return {"step_ms": 1e3 * min(epoch(steps) for _ in range(4)) / steps, "first_s": first, "text": text}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("count", nargs="?", type=int, default=12)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--family", choices=FAMILIES, default="conv")
    arguments.add_argument("--seconds", type=float, default=2)
    arguments.add_argument("--clock", action="store_true")
    arguments.add_argument("--one", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.one:
        print(json.dumps(measure(chosen.one, chosen.seed, chosen.family, chosen.seconds, chosen.clock)))
        return
    ratios, firsts = [], []
    environment = os.environ | {"KERAS_BACKEND": "jax", "KERNELKIT_COMPILE_CACHE": "0"}
    for number in range(chosen.count):
        found = []
        for library in ("kernelkit", "keras"):
            command = [sys.executable, "-m", "benchmarks.random_nets", "--one", library]
            command += ["--seed", str(1000 * chosen.seed + number), "--family", chosen.family]
            command += ["--seconds", str(chosen.seconds), *(["--clock"] if chosen.clock else [])]
            run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            found.append(json.loads(run.stdout.splitlines()[-1]))
        own, theirs = found
        ratios.append(theirs["step_ms"] / own["step_ms"])
        firsts.append(own["first_s"] / theirs["first_s"])
        print(
            f"{number:3d} {own['step_ms']:8.2f} / {theirs['step_ms']:8.2f} ms = {ratios[-1]:5.2f}x  "
            f"first epoch {firsts[-1]:4.2f}  {own['text']}",
            flush=True,
        )
    print(
        f"as fast as Keras: {min(ratios):.2f} times at least, median {statistics.median(ratios):.2f}; first epoch, of "
        f"Keras's: median {statistics.median(firsts):.2f}, at worst {max(firsts):.2f}"
    )


if __name__ == "__main__":
    main()
