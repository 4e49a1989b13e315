"""What the examples share: weights that both libraries draw alike, a short training, and how the results are told."""

from __future__ import annotations

import json
import time
from typing import Any

import keras
import numpy as np

started = time.process_time()
keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)


def draw_weights(model: Any, size: float = 0.2) -> None:
    """Give trainable kernels drawn values; all else keeps its own."""
    drawn = np.random.default_rng(1)
    for weight in model.trainable_weights:
        if len(weight.shape) > 1:
            weight.assign(size * drawn.normal(size=weight.shape))


def train(model: Any, loss: Any, x: Any, y: Any, batch: int = 8, size: float = 0.2, **options: Any) -> list[float]:
    """Train a model for two epochs from drawn weights.

    Args:
        model: A model that takes `x`.
        loss: Its loss.
        x: Arrays, in the structure of the inputs.
        y: The targets.
        batch: Rows of a batch.
        size: The size of the drawn kernels.
        **options: More arguments for `compile`.

    Returns:
        The losses of both epochs and the outputs for the first row.
    """
    first = keras.tree.map_structure(lambda a: a[:1], x)
    model.predict(first, verbose=0)
    draw_weights(model, size)
    model.compile(**{"optimizer": keras.optimizers.SGD(0.01), "loss": loss, **options})
    losses = model.fit(x, y, epochs=2, batch_size=batch, shuffle=False, verbose=0).history["loss"]
    outputs = keras.tree.flatten(model.predict(first, verbose=0))
    return [float(v) for v in [*losses, *np.concatenate([np.ravel(o) for o in outputs])[:50]]]


def images(count: int, size: int, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return drawn pictures and a class of three for each."""
    return rng.normal(size=(count, size, size, channels)).astype("float32"), rng.integers(0, 3, count)


def tell(**found: Any) -> None:
    """Print what was found, for the comparison."""
    print(json.dumps({**found, "seconds": time.process_time() - started}))
