"""Training, evaluation, prediction and the first epoch of models as textbooks have them, beside Keras on jax.

    python -m benchmarks.textbook [NAME ...] [--steps 30] [--rounds 2]

Both libraries run each model in a process of its own, in turn. Milliseconds are the clock's, the median of three
epochs and the rounds; a machine must be quiet for that. The first epoch includes compiling, without a cache on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Made = tuple[Any, Any, Any, int, Any]
"""A model without `compile`, samples and labels for any number of rows, the batch size, the loss."""

RNG = np.random.default_rng(0)


def images(*shape: int) -> Callable:
    return lambda count: RNG.random((count, *shape), dtype="float32")


def words(length: int, vocabulary: int = 5000) -> Callable:
    return lambda count: RNG.integers(1, vocabulary, (count, length)).astype("int32")


def classes(many: int) -> Callable:
    return lambda count: RNG.integers(0, many, count).astype("int32")


CATEGORIES = "sparse_categorical_crossentropy"


def resnet(library: Any) -> Made:
    layers = library.layers
    inputs = layers.Input((32, 32, 3))
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(inputs)
    for filters in (32, 64, 128):
        skipped = layers.Conv2D(filters, 1, strides=2)(x)
        x = layers.Conv2D(filters, 3, padding="same", strides=2)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(x))
        x = layers.Activation("relu")(layers.add([x, skipped]))
    outputs = layers.Dense(10, "softmax")(layers.GlobalAveragePooling2D()(x))
    return library.Model(inputs, outputs), images(32, 32, 3), classes(10), 32, CATEGORIES


def conv_autoencoder(library: Any) -> Made:
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same"),
            layers.LeakyReLU(),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )
    return model, images(28, 28, 1), images(28, 28, 1), 64, "mse"


def unet(library: Any) -> Made:
    layers = library.layers
    inputs = layers.Input((64, 64, 3))
    first = layers.SeparableConv2D(16, 3, padding="same", activation="relu")(inputs)
    second = layers.SeparableConv2D(32, 3, padding="same", activation="relu")(layers.MaxPooling2D()(first))
    x = layers.SeparableConv2D(64, 3, padding="same", activation="relu")(layers.MaxPooling2D()(second))
    x = layers.concatenate([layers.Conv2DTranspose(32, 3, strides=2, padding="same")(x), second])
    x = layers.concatenate([layers.UpSampling2D()(layers.Conv2D(16, 3, padding="same")(x)), first])
    return (
        library.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x)),
        images(64, 64, 3),
        images(64, 64, 1),
        8,
        "mse",
    )


def text_cnn(library: Any) -> Made:
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((500,), dtype="int32"),
            layers.Embedding(5000, 64),
            layers.Conv1D(64, 7, strides=3, activation="relu"),
            layers.Conv1D(64, 7, strides=3, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2, "softmax"),
        ]
    )
    return model, words(500), classes(2), 32, CATEGORIES


def dense_autoencoder(library: Any) -> Made:
    layers = library.layers
    widths = [layers.Dense(n, "relu") for n in (256, 32, 256)]
    model = library.Sequential([layers.Input((784,)), *widths, layers.Dense(784, "sigmoid")])
    return model, images(784), images(784), 128, "mse"


def bidirectional_gru(library: Any) -> Made:
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((60,), dtype="int32"),
            layers.Embedding(5000, 32, mask_zero=True),
            layers.Bidirectional(layers.GRU(32, return_sequences=True)),
            layers.Bidirectional(layers.GRU(32)),
            layers.Dense(2, "softmax"),
        ]
    )
    return model, words(60), classes(2), 32, CATEGORIES


def vision_transformer(library: Any) -> Made:
    layers = library.layers
    inputs = layers.Input((64, 48))
    x = layers.Dense(64)(inputs)
    for _ in range(3):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, 16, dropout=0.1)(y, y)
        y = layers.Dense(128, "gelu")(layers.LayerNormalization()(x))
        x = x + layers.Dense(64)(layers.Dropout(0.1)(y))
    outputs = layers.Dense(10, "softmax")(layers.GlobalAveragePooling1D()(x))
    return library.Model(inputs, outputs), images(64, 48), classes(10), 32, CATEGORIES


def tabular(library: Any) -> Made:
    layers = library.layers
    inputs = [layers.Input((n,)) for n in (8, 5, 3)]
    x = layers.concatenate([layers.Dense(32, "relu")(i) for i in inputs])
    x = layers.Dense(64, "relu")(x)
    model = library.Model(inputs, [layers.Dense(1)(x), layers.Dense(1)(layers.Dense(16, "relu")(x))])

    def samples(count: int) -> list:
        return [RNG.random((count, n), dtype="float32") for n in (8, 5, 3)]

    def labels(count: int) -> list:
        return [RNG.random((count, 1), dtype="float32") for _ in range(2)]

    return model, samples, labels, 64, ["mse", "mse"]


MODELS = {
    m.__name__: m
    for m in (
        resnet,
        conv_autoencoder,
        unet,
        text_cnn,
        dense_autoencoder,
        bidirectional_gru,
        vision_transformer,
        tabular,
    )
}


def measure(library: str, name: str, steps: int) -> dict[str, float]:
    """Return milliseconds a step of `fit`, `evaluate` and `predict`, and seconds of the first epoch of 8 steps."""
    model, samples, labels, batch, loss = MODELS[name](__import__(library))
    model.compile("adam", loss)
    few, few_labels = samples(8 * batch), labels(8 * batch)
    x, y = samples(steps * batch), labels(steps * batch)

    def seconds(run: Callable[[], object]) -> float:
        started = time.perf_counter()
        run()
        return time.perf_counter() - started

    found = {"first": seconds(lambda: model.fit(few, few_labels, batch_size=batch, verbose=0))}
    work = {
        "fit": lambda: model.fit(x, y, batch_size=batch, verbose=0),
        "evaluate": lambda: model.evaluate(x, y, batch_size=batch, verbose=0),
        "predict": lambda: model.predict(x, batch_size=batch, verbose=0),
    }
    for kind, run in work.items():
        run()
        found[kind] = 1e3 * statistics.median(seconds(run) for _ in range(3)) / steps
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("names", nargs="*", default=list(MODELS))
    arguments.add_argument("--steps", type=int, default=30)
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.one:
        library, name = chosen.one
        print(json.dumps(measure(library, name, chosen.steps)))
        return
    environment = os.environ | {"KERAS_BACKEND": "jax", "KERNELKIT_COMPILE_CACHE": "0"}
    print("model, milliseconds a step of kernelkit / Keras = times as fast; the first epoch in seconds")
    for name in chosen.names:
        runs: dict[str, list[dict[str, float]]] = {"kernelkit": [], "keras": []}
        for _ in range(chosen.rounds):
            for library, found in runs.items():
                command = [sys.executable, "-m", "benchmarks.textbook", "--one", library, name]
                command += ["--steps", str(chosen.steps)]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                found.append(json.loads(done.stdout.splitlines()[-1]))
        row = [name]
        for kind in ("fit", "evaluate", "predict", "first"):
            own, theirs = (statistics.median(run[kind] for run in runs[lib]) for lib in ("kernelkit", "keras"))
            row.append(f"{kind} {own:.3g} / {theirs:.3g} = {theirs / own:.2f}")
        print("  ".join(row), flush=True)


if __name__ == "__main__":
    main()
