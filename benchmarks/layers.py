"""A training step of each layer, loss, optimizer and metric beside Keras's, to find what nobody tuned.

    python -m benchmarks.layers [PART OF A NAME ...] [--seconds 0.4]

A model is an input, the layer and one unit; both libraries train it in turns in one process. Prints the CPU
milliseconds of a step in both, which depend little on other programs, and their ratio, the slowest first.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

import kernelkit

IMAGE, SERIES, VOLUME, ROW = (24, 24, 16), (80, 32), (8, 8, 8, 8), (256,)
Make = Callable[[Any], Any]
LAYERS: dict[str, tuple[tuple[int, ...], Make]] = {
    "Dense": (ROW, lambda k: k.layers.Dense(256, "relu")),
    "Dense on series": (SERIES, lambda k: k.layers.Dense(64, "relu")),
    "EinsumDense": (SERIES, lambda k: k.layers.EinsumDense("abc,cd->abd", (80, 64), bias_axes="d")),
    "Conv1D": (SERIES, lambda k: k.layers.Conv1D(32, 5, padding="same")),
    "Conv1D causal": (SERIES, lambda k: k.layers.Conv1D(32, 3, padding="causal", dilation_rate=4)),
    "Conv2D": (IMAGE, lambda k: k.layers.Conv2D(16, 3, padding="same")),
    "Conv2D strided": (IMAGE, lambda k: k.layers.Conv2D(32, 3, strides=2)),
    "Conv2D dilated": (IMAGE, lambda k: k.layers.Conv2D(16, 3, dilation_rate=2)),
    "Conv2D grouped": (IMAGE, lambda k: k.layers.Conv2D(32, 3, groups=4)),
    "Conv3D": (VOLUME, lambda k: k.layers.Conv3D(8, 3, padding="same")),
    "Conv1DTranspose": (SERIES, lambda k: k.layers.Conv1DTranspose(16, 4, strides=2)),
    "Conv2DTranspose": (IMAGE, lambda k: k.layers.Conv2DTranspose(8, 3, strides=2, padding="same")),
    "Conv3DTranspose": (VOLUME, lambda k: k.layers.Conv3DTranspose(4, 2, strides=2)),
    "DepthwiseConv1D": (SERIES, lambda k: k.layers.DepthwiseConv1D(5)),
    "DepthwiseConv2D": (IMAGE, lambda k: k.layers.DepthwiseConv2D(3)),
    "SeparableConv1D": (SERIES, lambda k: k.layers.SeparableConv1D(32, 5)),
    "SeparableConv2D": (IMAGE, lambda k: k.layers.SeparableConv2D(32, 3)),
    "MaxPooling1D": (SERIES, lambda k: k.layers.MaxPooling1D(2)),
    "MaxPooling2D": (IMAGE, lambda k: k.layers.MaxPooling2D(2)),
    "MaxPooling2D 3, strides 2": (IMAGE, lambda k: k.layers.MaxPooling2D(3, 2, "same")),
    "MaxPooling3D": (VOLUME, lambda k: k.layers.MaxPooling3D(2)),
    "AveragePooling1D": (SERIES, lambda k: k.layers.AveragePooling1D(2)),
    "AveragePooling2D": (IMAGE, lambda k: k.layers.AveragePooling2D(2)),
    "AveragePooling2D 3, same": (IMAGE, lambda k: k.layers.AveragePooling2D(3, 1, "same")),
    "AveragePooling3D": (VOLUME, lambda k: k.layers.AveragePooling3D(2)),
    "AdaptiveAveragePooling2D": (IMAGE, lambda k: k.layers.AdaptiveAveragePooling2D(5)),
    "AdaptiveMaxPooling2D": (IMAGE, lambda k: k.layers.AdaptiveMaxPooling2D(5)),
    "GlobalMaxPooling1D": (SERIES, lambda k: k.layers.GlobalMaxPooling1D()),
    "GlobalMaxPooling2D": (IMAGE, lambda k: k.layers.GlobalMaxPooling2D()),
    "GlobalAveragePooling2D": (IMAGE, lambda k: k.layers.GlobalAveragePooling2D()),
    "UpSampling1D": (SERIES, lambda k: k.layers.UpSampling1D(2)),
    "UpSampling2D": (IMAGE, lambda k: k.layers.UpSampling2D(2)),
    "UpSampling2D bilinear": (IMAGE, lambda k: k.layers.UpSampling2D(2, interpolation="bilinear")),
    "UpSampling3D": (VOLUME, lambda k: k.layers.UpSampling3D(2)),
    "ZeroPadding2D": (IMAGE, lambda k: k.layers.ZeroPadding2D(2)),
    "Cropping2D": (IMAGE, lambda k: k.layers.Cropping2D(2)),
    "Resizing": (IMAGE, lambda k: k.layers.Resizing(36, 36)),
    "Permute": (SERIES, lambda k: k.layers.Permute((2, 1))),
    "RepeatVector": (ROW, lambda k: k.layers.RepeatVector(8)),
    "BatchNormalization": (IMAGE, lambda k: k.layers.BatchNormalization()),
    "BatchNormalization of rows": (ROW, lambda k: k.layers.BatchNormalization()),
    "LayerNormalization": (SERIES, lambda k: k.layers.LayerNormalization()),
    "RMSNormalization": (SERIES, lambda k: k.layers.RMSNormalization()),
    "GroupNormalization": (IMAGE, lambda k: k.layers.GroupNormalization(4)),
    "UnitNormalization": (SERIES, lambda k: k.layers.UnitNormalization()),
    "SpectralNormalization": (ROW, lambda k: k.layers.SpectralNormalization(k.layers.Dense(64))),
    "Dropout": (SERIES, lambda k: k.layers.Dropout(0.3)),
    "SpatialDropout2D": (IMAGE, lambda k: k.layers.SpatialDropout2D(0.3)),
    "AlphaDropout": (SERIES, lambda k: k.layers.AlphaDropout(0.3)),
    "GaussianDropout": (SERIES, lambda k: k.layers.GaussianDropout(0.3)),
    "GaussianNoise": (SERIES, lambda k: k.layers.GaussianNoise(0.3)),
    "LSTM": (SERIES, lambda k: k.layers.LSTM(32)),
    "GRU": (SERIES, lambda k: k.layers.GRU(32)),
    "SimpleRNN": (SERIES, lambda k: k.layers.SimpleRNN(32)),
    "LSTM with dropout": (SERIES, lambda k: k.layers.LSTM(32, dropout=0.2, recurrent_dropout=0.2)),
    "Bidirectional LSTM": (SERIES, lambda k: k.layers.Bidirectional(k.layers.LSTM(16, return_sequences=True))),
    "RNN of two cells": (SERIES, lambda k: k.layers.RNN([k.layers.LSTMCell(16), k.layers.GRUCell(16)])),
    "ConvLSTM1D": ((8, 24, 8), lambda k: k.layers.ConvLSTM1D(8, 3)),
    "ConvLSTM2D": ((5, 12, 12, 4), lambda k: k.layers.ConvLSTM2D(8, 3)),
    "TimeDistributed": (SERIES, lambda k: k.layers.TimeDistributed(k.layers.Dense(32))),
    "PReLU": (IMAGE, lambda k: k.layers.PReLU()),
    "Softmax": (SERIES, lambda k: k.layers.Softmax()),
    **{
        f"Activation {name}": (IMAGE, lambda k, name=name: k.layers.Activation(name))
        for name in (
            "relu gelu elu selu silu softplus mish tanh sigmoid hard_sigmoid leaky_relu softsign exponential".split()
        )
    },
    "Embedding": ((80,), lambda k: k.layers.Embedding(5000, 32)),
    "Normalization": (ROW, lambda k: k.layers.Normalization(mean=0.0, variance=1.0)),
    "Rescaling": (IMAGE, lambda k: k.layers.Rescaling(2.0)),
    "RandomFlip": (IMAGE, lambda k: k.layers.RandomFlip()),
    "RandomRotation": (IMAGE, lambda k: k.layers.RandomRotation(0.1)),
    "RandomZoom": (IMAGE, lambda k: k.layers.RandomZoom(0.1)),
    "RandomTranslation": (IMAGE, lambda k: k.layers.RandomTranslation(0.1, 0.1)),
    "RandomContrast": (IMAGE, lambda k: k.layers.RandomContrast(0.1)),
    "RandomBrightness": (IMAGE, lambda k: k.layers.RandomBrightness(0.1)),
}


def attention(library: Any, kind: str) -> Any:
    layers = library.layers
    x = layers.Input(SERIES)
    if kind == "MultiHeadAttention":
        y = layers.MultiHeadAttention(4, 16)(x, x)
    elif kind == "MultiHeadAttention causal":
        y = layers.MultiHeadAttention(4, 16, dropout=0.1)(x, x, use_causal_mask=True)
    elif kind == "GroupQueryAttention":
        y = layers.GroupQueryAttention(16, 4, 2)(x, x)
    else:
        y = getattr(layers, kind)()([layers.Dense(32)(x), x])
    return library.Model(x, layers.Dense(1)(layers.Flatten()(y)))


ATTENTION = (
    "MultiHeadAttention",
    "MultiHeadAttention causal",
    "GroupQueryAttention",
    "Attention",
    "AdditiveAttention",
    "Dot",
)
LOSSES = (
    "mean_squared_error mean_absolute_error huber log_cosh mean_absolute_percentage_error "
    "mean_squared_logarithmic_error cosine_similarity poisson kl_divergence hinge squared_hinge categorical_hinge "
    "binary_crossentropy categorical_crossentropy binary_focal_crossentropy categorical_focal_crossentropy dice tversky"
).split()
OPTIMIZERS = "SGD RMSprop Adam AdamW Adamax Nadam Adagrad Adadelta Ftrl Lion Lamb Muon Adafactor".split()
METRICS: dict[str, Make] = {
    "AUC": lambda k: k.metrics.AUC(),
    "Precision": lambda k: k.metrics.Precision(),
    "Recall": lambda k: k.metrics.Recall(),
    "F1Score": lambda k: k.metrics.F1Score(),
    "R2Score": lambda k: k.metrics.R2Score(),
    "PrecisionAtRecall": lambda k: k.metrics.PrecisionAtRecall(0.5),
    "TopKCategoricalAccuracy": lambda k: k.metrics.TopKCategoricalAccuracy(3),
    "CategoricalAccuracy": lambda k: k.metrics.CategoricalAccuracy(),
    "OneHotMeanIoU": lambda k: k.metrics.OneHotMeanIoU(8),
    "RootMeanSquaredError": lambda k: k.metrics.RootMeanSquaredError(),
}


def with_layer(library: Any, name: str) -> Any:
    """Return a model of a layer and one unit."""
    layers = library.layers
    shape, make = LAYERS[name]
    x = layers.Input(shape, dtype="int32" if name == "Embedding" else "float32")
    first = (
        x if len(shape) != 3 and name == "Embedding" else layers.Dense(shape[-1])(x)
    )  # so that a gradient flows back
    return library.Model(x, layers.Dense(1)(layers.Flatten()(make(library)(first))))


def cases() -> dict[str, tuple[Make, dict[str, Any]]]:
    """Return the models by name, each with the arguments of ``compile``."""
    plain: dict[str, Any] = {"optimizer": lambda k: k.optimizers.SGD(1e-4), "loss": "mse"}
    found: dict[str, tuple[Make, dict[str, Any]]] = {}
    for name in LAYERS:
        found[name] = (lambda k, name=name: with_layer(k, name)), plain
    for name in ATTENTION:
        found[name] = (lambda k, name=name: attention(k, name)), plain

    def classifier(library: Any) -> Any:
        layers = library.layers
        return library.Sequential(
            [layers.Input((64,)), layers.Dense(64, "relu"), layers.Dense(8, "softmax"), layers.Dense(8, "softmax")]
        )

    for name in LOSSES:
        found[f"loss {name}"] = classifier, plain | {"loss": name}
    for name in OPTIMIZERS:
        found[f"optimizer {name}"] = (
            classifier,
            plain | {"optimizer": lambda k, name=name: getattr(k.optimizers, name)()},
        )
    for name, make in METRICS.items():
        found[f"metric {name}"] = classifier, plain | {"metrics": lambda k, make=make: [make(k)]}
    return found


def measure(make: Make, arguments: dict[str, Any], seconds: float, batch: int = 32, steps: int = 20) -> list[float]:
    """Return CPU milliseconds of a training step of each library: the median of five turns."""
    random = np.random.default_rng(0)
    fits = []
    for library in (kernelkit, keras):
        model = make(library)
        model.compile(**{k: v(library) if callable(v) else v for k, v in arguments.items()})
        shape = (batch * steps, *model.input_shape[1:])
        x = random.integers(0, 5000, shape) if "int" in str(model.inputs[0].dtype) else random.random(shape, dtype="f4")
        y = (
            np.eye(8, dtype="f4")[random.integers(0, 8, len(x))]
            if model.output_shape[-1] == 8
            else random.random((len(x), 1))
        )
        fits.append((model, x, y))
        model.fit(x, y, batch_size=batch, verbose=0)
    found: list[list[float]] = [[], []]
    for _ in range(5):
        for (model, x, y), times in zip(fits, found, strict=True):
            start, done = time.process_time(), 0
            while time.process_time() - start < seconds / 5:
                model.fit(x, y, batch_size=batch, epochs=2, verbose=0)
                done += 2 * steps
            times.append((time.process_time() - start) / done * 1e3)
    return [statistics.median(times) for times in found]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--seconds", type=float, default=0.4)
    chosen = arguments.parse_args()
    rows = []
    for name, (make, how) in cases().items():
        if not chosen.names or any(part.lower() in name.lower() for part in chosen.names):
            try:
                ours, theirs = measure(make, how, chosen.seconds)
            except Exception as error:  # one library has another name or cannot train it: shown, and the rest goes on
                print(f"{name:32s} {type(error).__name__}: {str(error).splitlines()[0][:80]}", flush=True)
                continue
            rows.append((theirs / ours, name, ours, theirs))
            print(f"{name:32s} {ours:8.3f} / {theirs:8.3f} = {theirs / ours:5.2f}", flush=True)
    print("\n| slowest first | kernelkit ms | Keras ms | times as fast |\n|---|---|---|---|")
    for ratio, name, ours, theirs in sorted(rows):
        print(f"| {name} | {ours:.3g} | {theirs:.3g} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
