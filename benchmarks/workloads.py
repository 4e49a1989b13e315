"""The models that people teach with, each written once in the code that Keras and kernelkit both run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np


class Workload(NamedTuple):
    """A model, its data and its batch size."""

    model: Callable[[Any], Any]
    samples: int
    batch_size: int
    shape: tuple[int, ...]
    tokens: int  # 0: the inputs are floats
    classes: int

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        size = (self.samples, *self.shape)
        x = rng.integers(1, self.tokens, size, "int32") if self.tokens else rng.random(size, "float32")
        return x, rng.integers(0, self.classes, self.samples, "int32")


def mlp(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((784,)), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    )


def cnn(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def lstm(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((80,), dtype="int32"),
            layers.Embedding(20_000, 64),
            layers.LSTM(64),
            layers.Dense(2, activation="softmax"),
        ]
    )


def transformer(keras: Any) -> Any:
    layers = keras.layers
    inputs = layers.Input((64,), dtype="int32")
    h = layers.Embedding(5_000, 128)(inputs)
    for _ in range(2):
        h = layers.LayerNormalization()(h + layers.MultiHeadAttention(4, 32)(h, h))
        h = layers.LayerNormalization()(h + layers.Dense(128)(layers.Dense(256, activation="relu")(h)))
    outputs = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(h))
    return keras.Model(inputs, outputs)


WORKLOADS = {
    "mlp": Workload(mlp, 20_000, 32, (784,), 0, 10),
    "cnn": Workload(cnn, 2_048, 64, (28, 28, 1), 0, 10),
    "lstm": Workload(lstm, 1_024, 32, (80,), 20_000, 2),
    "transformer": Workload(transformer, 1_024, 32, (64,), 5_000, 10),
}


def enough(seconds: list[float]) -> Iterator[None]:
    """Go on until a list holds the seconds of six epochs, or of three where they take long.

    The first one compiles and is not counted among the rest.
    """
    while len(seconds) < 3 or (len(seconds) < 6 and sum(seconds) < 8):
        yield
