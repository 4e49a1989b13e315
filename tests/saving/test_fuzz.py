"""Files that are good archives with nonsense inside: values of the config exchanged, bytes of the weights changed.

Each is read within memory and time, or refused with a text that says why. `FUZZ=5000 pytest tests/saving/test_fuzz.py`
draws that many.
"""

import copy
import io
import json
import os
import random
import resource
import zipfile

import pytest

import kernelkit as kk

CASES = int(os.environ.get("FUZZ", "80"))
NONSENSE = [
    *(None, True, False, 0, 1, -1, 3.5, 2**31, 2**63, 10**30, -(2**40), 1e308, float("nan"), float("inf")),
    *("", "x", "float32", "string", "channels_first", "../../x", "os.system", "a" * 5000, "0" * 100),
    *([], {}, [0], [None], [[[]]], ["a", "b"], [10**9, 10**9], [2**40], {"a": 1}),
    {"class_name": "Dense", "config": {"units": 3}, "module": "keras.layers", "registered_name": None},
    {"class_name": "__lambda__", "config": {"value": "x"}},
    {"class_name": "function", "module": "os", "config": "system", "registered_name": "system"},
]
KEYS = ["name", "shape", "units", "fn", "function", "class_name", "module", "trainable", "vocabulary"]


def image_model():
    layers = kk.layers
    x = kk.Input((8, 8, 3))
    h = layers.RandomFlip()(layers.Resizing(6, 6)(x))
    h = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(h))
    model = kk.Model(x, layers.Dense(3, activation="softmax")(layers.Flatten()(layers.MaxPooling2D()(h))))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def text_model():
    layers = kk.layers
    vectorize = layers.TextVectorization(max_tokens=10, output_sequence_length=4)
    vectorize.adapt(["a b c", "d e"])
    x = kk.Input((1,), dtype="string")
    h = layers.Bidirectional(layers.LSTM(3))(layers.Embedding(10, 3, mask_zero=True)(vectorize(x)))
    model = kk.Model({"text": x}, {"score": layers.Dense(2, name="score")(h), "sum": h + 1.0})
    rate = kk.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model.compile(kk.optimizers.SGD(rate), {"score": "mse", "sum": kk.losses.Huber()})
    return model


def places(value):
    """Yield `(container, key)` of everything inside nested dicts and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield value, key
        yield from places(inside)


def exchange(draw, config):
    """Return a config with one to four values exchanged, dropped, swapped or added."""
    config = copy.deepcopy(config)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        container, key = draw.choice(list(places(config)) or [(config, "config")])
        kind = draw.random()
        if kind < 0.7:
            container[key] = copy.deepcopy(draw.choice(NONSENSE))
        elif kind < 0.8:
            del container[key]
        elif kind < 0.9 and isinstance(container, dict):
            container[draw.choice(KEYS)] = copy.deepcopy(draw.choice(NONSENSE))
        else:
            other, place = draw.choice(list(places(config)))
            container[key] = copy.deepcopy(other[place])
    return config


def damage(draw, data):
    """Return bytes of which some are changed, half of the time near the beginning, where the structure lies."""
    data = bytearray(data)
    for _ in range(draw.choice([1, 3, 10, 40])):
        place = draw.randrange(len(data) if draw.random() < 0.5 else min(4096, len(data)))
        data[place] = draw.choice([0, 255, draw.randrange(256), data[place] ^ (1 << draw.randrange(8))])
    return bytes(data)


def archive(parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [image_model, text_model])
def test_nonsense_in_a_good_archive(make, tmp_path):
    path = tmp_path / "m.keras"
    make().save(path)
    with zipfile.ZipFile(path) as file:
        good = {name: file.read(name) for name in file.namelist()}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read, refused = 0, []
    for case in range(CASES):
        draw = random.Random(case)
        parts = dict(good)
        if draw.random() < 0.75:
            parts["config.json"] = json.dumps(exchange(draw, json.loads(good["config.json"])))
        else:
            parts["model.weights.h5"] = damage(draw, good["model.weights.h5"])
        path.write_bytes(archive(parts))
        try:
            kk.models.load_model(path)
            read += 1
        except (ValueError, NotImplementedError) as error:
            refused.append(str(error))
    assert read + len(refused) == CASES
    assert read > CASES / 10
    assert len(refused) > CASES / 10
    assert min(map(len, refused)) > 15
    assert os.listdir(tmp_path) == ["m.keras"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 500_000  # KiB
