"""An architecture built by Keras and by kernelkit, without drawing the weights, which takes most of the time."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kernelkit as kk

# One variant of each family, with the smallest images that it takes.
ONE_EACH = {
    "VGG16": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "DenseNet121": 32,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "Xception": 71,
    "InceptionV3": 75,
    "InceptionResNetV2": 75,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "ConvNeXtTiny": 32,
    "NASNetMobile": 32,
}
ALL = sorted(n for n, f in vars(keras.applications).items() if n[0].isupper() and callable(f))


@pytest.fixture
def no_draws(monkeypatch):
    """Weights begin with zeros."""
    for package in (keras, kk):
        for name in ("VarianceScaling", "TruncatedNormal", "RandomNormal"):
            cls = getattr(package.initializers, name)
            monkeypatch.setattr(cls, "__call__", lambda self, shape, dtype=None, **_: np.zeros(shape, "float32"))


def build(package, name, **options):
    package.utils.clear_session()
    return getattr(package.applications, name)(**{"weights": None, **options})


def plain(value):
    if isinstance(value, (list, tuple)):
        return tuple(plain(v) for v in value)
    return round(value, 9) if isinstance(value, float) else value


SETTINGS = """
filters kernel_size strides padding use_bias activation epsilon momentum scale units pool_size rate groups
target_shape depth_multiplier cropping keepdims mean variance offset negative_slope max_value noise_shape center
""".split()


def described(model):
    """The layers of a model: name, class, settings, and the names and shapes of the weights."""
    rows = []
    for layer in model.layers:
        config = layer.get_config()
        settings = {k: plain(config[k]) for k in SETTINGS if config.get(k) is not None}
        weights = [(w.name, tuple(w.shape)) for w in layer.weights]
        rows.append((layer.name, type(layer).__name__, settings, weights))
    return rows


def random_weights(model, seed=0):
    """Weights with which signals neither die nor explode on their way."""
    rng = np.random.default_rng(seed)
    values = []
    for w in model.weights:
        shape = tuple(w.shape)
        if "variance" in w.name or w.name == "gamma":
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) >= 2:
            sources = np.prod(shape[:2]) if "depthwise" in w.path else np.prod(shape[:-1])
            value = rng.normal(size=shape) * np.sqrt(2 / sources)
        elif shape == ():
            value = np.asarray(w)
        else:
            value = rng.normal(size=shape) * 0.1
        values.append(np.asarray(value, np.asarray(w).dtype))
    return values
