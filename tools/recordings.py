"""The recordings beside the lessons: trainings that can be walked through with no kernel and no data.

    python tools/recordings.py              # writes notebooks/recordings/*.kkrec
    python tools/recordings.py NAME ...     # writes some of them

A double click in JupyterLab shows one, and so does ``kernelkit.viz.replay(path)`` in a cell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

import kernelkit as keras
from kernelkit import layers

FOLDER = ROOT / "notebooks" / "recordings"


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The pictures of digits, (1797, 64) from 0 to 1, and what they show."""
    from sklearn.datasets import load_digits

    pictures, shown = load_digits(return_X_y=True)
    return (pictures / 16).astype("float32"), shown


def network() -> Any:
    """The small network of lesson 02."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            layers.Input((64,)),
            layers.Dense(32, "relu", name="first"),
            layers.Dense(32, "relu", name="second"),
            layers.Dense(10, "softmax", name="last"),
        ]
    )


def healthy() -> Any:
    """A training that goes well: two epochs, the loss falls."""
    x, y = digits()
    model = network()
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    dbg = model.debug(x, y, batch_size=64)
    dbg.run(epochs=2)
    return dbg, {"layers": ["first"], "every": 7}


def exploding_rate() -> Any:
    """Lesson 02, number 1: a learning rate of 50."""
    x, y = digits()
    model = network()
    model.compile(keras.optimizers.SGD(50.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    dbg = model.debug(x, y, batch_size=32)
    dbg.run(epochs=1)
    return dbg, {"layers": ["first", "second"], "every": 4}


def first_nan() -> Any:
    """Lesson 02, number 2: the logarithm of zero at a picture that is far too bright."""

    def my_loss(y_true: Any, y_pred: Any) -> Any:
        right = keras.ops.take_along_axis(y_pred, keras.ops.cast(y_true, "int32")[:, None], axis=-1)
        return -keras.ops.log(right)

    x, y = digits()
    x[77] *= 10_000
    y[77] = network().predict(x[77:78], verbose=0).argmin()
    model = network()
    model.compile(keras.optimizers.SGD(1e-6), my_loss)
    dbg = model.debug(x, y, batch_size=32)
    dbg.break_on("nan")
    dbg.run(epochs=1)
    return dbg, {"layers": ["last"], "every": 5}


def filters() -> Any:
    """Lesson 05: what the filters of a convolution answer, while they are learned."""
    x, y = digits()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu", name="filters"),
            layers.Flatten(),
            layers.Dense(10, "softmax", name="answer"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    dbg = model.debug(x[:640].reshape(-1, 8, 8, 1), y[:640], batch_size=16)
    dbg.run(epochs=2)
    return dbg, {"layers": ["filters"], "every": 20, "batches": True}


TRAININGS: dict[str, Callable[[], Any]] = {
    training.__name__: training for training in (healthy, exploding_rate, first_nan, filters)
}


def write(name: str, folder: Path = FOLDER) -> Path:
    """Run a training and write its recording; return the file's path."""
    dbg, options = TRAININGS[name]()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.kkrec"
    dbg.record(path, **options)
    return path


def main() -> int:
    for name in sys.argv[1:] or TRAININGS:
        path = write(name)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
