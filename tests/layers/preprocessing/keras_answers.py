"""Write what Keras answers to the questions of `cases.py`. Needs TensorFlow:

KERAS_BACKEND=jax python tests/layers/preprocessing/keras_answers.py
"""

import json
import pathlib
import sys
import zipfile

import keras
import numpy as np


def plain(value):
    if isinstance(value, np.generic):
        return value.item()
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def answer(question):
    options = dict(question["options"])
    if isinstance(options.get("ngrams"), list):
        options["ngrams"] = tuple(options["ngrams"])
    layer = getattr(keras.layers, question["layer"])(**options)
    if question["adapt"] is not None:
        layer.adapt(np.array(question["adapt"]))
    outputs = [np.asarray(layer(np.array(inputs))) for inputs in question["calls"]]
    config = {k: plain(v) for k, v in layer.get_config().items() if k not in ("name", "dtype")}
    return {
        "outputs": [{"values": o.tolist(), "shape": o.shape, "dtype": o.dtype.name} for o in outputs],
        "vocabulary": plain(layer.get_vocabulary()) if hasattr(layer, "get_vocabulary") else None,
        "config": config,
    }


def cross(columns, bins):
    return np.asarray(keras.layers.HashedCrossing(bins)([np.array(c) for c in columns])).tolist()


def main():
    here = pathlib.Path(__file__).parent
    sys.path.insert(0, str(here))
    from cases import CASES, CROSSINGS

    answers = {
        "cases": {name: answer(question) for name, question in CASES.items()},
        "crossings": {name: [cross(columns, bins) for bins in (5, 100000)] for name, columns in CROSSINGS.items()},
    }
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in flat(answers).items())
    (here / "keras_answers.json").write_text(f"{{\n{lines}\n}}\n")


TEXTS = np.array(["the cat sat", "the dog", "", "Ein Fluß, breit", "the the cat"])
IDS = np.array([[7, 8], [7, 7], [9, 1], [1, 1], [0, 5]])
NUMBERS = np.array([[0.0, 7.0], [2.0, 9.0], [1.0, 3.0], [5.0, 5.0], [4.0, 4.0]], "float32")


def model():
    """Save a model whose layers learned from data, with what it answers."""
    from keras import layers

    text, ids, numbers = (
        keras.Input((), dtype="string", name="text"),
        keras.Input((2,), dtype="int64", name="ids"),
        keras.Input((2,), name="numbers"),
    )
    learners = [
        (layers.TextVectorization(name="words"), text, TEXTS),
        (layers.TextVectorization(name="weighed", output_mode="tf_idf", ngrams=(1, 2)), text, TEXTS),
        (layers.StringLookup(name="lookup", mask_token="", num_oov_indices=2), text, TEXTS[:3]),
        (layers.IntegerLookup(name="numbered", output_mode="count"), ids, IDS),
        (layers.Normalization(name="normal"), numbers, NUMBERS),
        (layers.Discretization(name="bins", num_bins=3), numbers, NUMBERS),
    ]
    for layer, _, data in learners:
        layer.adapt(data)
    fixed = [
        layers.StringLookup(name="given", vocabulary=["the dog"])(text),
        layers.Hashing(name="hashed", num_bins=10, salt=[1, 2])(text),
        layers.Normalization(name="known", mean=[1.0, 2.0], variance=[4.0, 9.0])(numbers),
    ]
    whole = keras.Model([text, ids, numbers], [layer(inputs) for layer, inputs, _ in learners] + fixed)
    here = pathlib.Path(__file__).parent
    whole.save(here / "whole.keras")
    with (
        zipfile.ZipFile(here / "whole.keras") as stored,
        zipfile.ZipFile(here / "keras_model.keras", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    (here / "whole.keras").unlink()
    outputs = [np.asarray(output).tolist() for output in whole([TEXTS, IDS, NUMBERS])]
    (here / "keras_model.json").write_text(json.dumps(outputs) + "\n")


def read(path):
    whole = keras.models.load_model(path)
    print(json.dumps([np.asarray(output).tolist() for output in whole([TEXTS, IDS, NUMBERS])]))


def flat(answers):
    """One line for each answer."""
    return {f"{kind}/{name}": value for kind, named in answers.items() for name, value in named.items()}


if __name__ == "__main__":
    {"model": model, "read": lambda: read(sys.argv[2])}.get("".join(sys.argv[1:2]), main)()
