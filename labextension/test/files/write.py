"""Writes the files that the tests of the file viewer read, with Keras itself: `python labextension/test/files/write.py`."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np

HERE = Path(__file__).parent
L = keras.layers


def network():
    """A model with a shared layer, a model inside of it with two outputs, functions, and blocks that repeat."""
    inside = i = keras.Input((8,), name="inside")
    inner = keras.Model(inside, [L.Dense(8, name="d")(i), L.Dense(4, name="e")(i)], name="inner")
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    shared = L.Dense(8, activation="relu", name="shared")
    x = L.Add(name="sum")([shared(a), shared(b)])
    for k in range(3):
        x = L.LayerNormalization(name=f"norm_{k}")(L.Dense(8, name=f"dense_{k}")(x))
    u, v = inner(x)
    w = L.LSTM(3, name="memory")(L.Reshape((2, 4), name="pairs")(u))
    y = keras.ops.concatenate([w, v * 2.0], axis=-1)
    outputs = [L.BatchNormalization(name="last")(y), L.Dense(1, name="<img src=x onerror=hack=1>")(y)]
    model = keras.Model({"a": a, "b": b}, outputs, name="net")
    model.compile(keras.optimizers.Adam(1e-3), loss=["mse", "mae"])
    return model


def statistics(path):
    """What h5py reads of each array."""
    found = {}

    def note(name, thing):
        if isinstance(thing, h5py.Dataset):
            values = np.asarray(thing, np.float64)
            found[f"/{name}"] = [list(thing.shape), float(values.mean()), float(values.std())]

    with h5py.File(path) as file:
        file.visititems(note)
    return found


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    model = network()
    model.save(HERE / "net.keras")
    model.save(HERE / "net.h5")
    model.save_weights(HERE / "net.weights.h5")
    with h5py.File(HERE / "hostile.h5", "w") as file:
        file["real"] = np.arange(6, dtype="float16")
        file["soft"] = h5py.SoftLink("/real")
        file["outside"] = h5py.ExternalLink("/etc/passwd", "/")
        file["again"] = file["/"]
        loop = file.create_group("loop")
        loop["a"] = loop["b"] = loop["c"] = loop
        file.create_dataset("huge", shape=(2**40,), dtype="float32")
        file.create_dataset("chunks", data=np.arange(105.0).reshape(7, 15), chunks=(4, 4), compression="gzip", shuffle=True)
    shapes = {layer.name: int(layer.count_params()) for layer in model.layers}
    expected = {"params": int(model.count_params()), "layers": shapes, "weights": statistics(HERE / "net.weights.h5")}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
