"""Models drawn at random, built in kernelkit and in Keras: the same outputs, and the same weights after training steps.

A seed decides on the layers and how they are wired; weights are carried across in Keras's order. More of them:
``RANDOM_MODELS=100 pytest tests/models/test_random_models.py``. To look at one:
``python tests/models/test_random_models.py 7``.
"""

from __future__ import annotations

import os

import keras
import numpy as np
import pytest

import kernelkit

pytestmark = pytest.mark.one_in(3)

BATCH, LAYERS = 4, 7

ACTIVATIONS = ["relu", "tanh", "sigmoid", "gelu", "elu", "swish", "softplus", "linear"]


class Draw:
    """A model drawn for one package. The choices depend on the seed and on shapes alone, so that packages agree."""

    def __init__(self, package, seed):
        self.package, self.layers = package, package.layers
        self.rng = np.random.default_rng(seed)
        self.tensors = []

    def one(self, options):
        return options[self.rng.integers(len(options))]

    def activation(self):
        return self.one(ACTIVATIONS)

    def model(self):
        shape = self.one([(9, 8, 3), (6, 5), (7,)])
        inputs = self.package.Input(shape)
        self.tensors = [inputs]
        for _ in range(LAYERS):
            self.tensors.append(self.next(self.tensors[-1 if self.rng.random() < 0.8 else 0]))
        ends = [self.as_vector(t) for t in self.tensors[-2:]]
        merged = self.layers.Concatenate()(ends)
        outputs = [self.layers.Dense(3, "softmax", name="class")(merged), self.layers.Dense(2, name="size")(ends[0])]
        return self.package.Model(inputs, outputs)

    def next(self, x):
        partners = [t for t in self.tensors[:-1] if t.shape == x.shape]
        if partners and self.rng.random() < 0.5:
            merge = self.one(["Add", "Multiply", "Average", "Maximum", "Subtract", "Concatenate"])
            return getattr(self.layers, merge)()([x, self.one(partners)])
        kinds = {4: self.of_image, 3: self.of_sequence, 2: self.of_vector}[len(x.shape)]
        return self.one(kinds(x))()

    def of_image(self, x):
        lay, (_, height, width, channels) = self.layers, x.shape
        options = [
            lambda: lay.Conv2D(4, 3, padding="same", activation=self.activation())(x),
            lambda: lay.Conv2D(5, 2, strides=2, padding="same")(x),
            lambda: lay.Conv2D(3, 2, dilation_rate=2, padding="same", use_bias=False)(x),
            lambda: lay.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x),
            lambda: lay.SeparableConv2D(4, 3, padding="same")(x),
            lambda: lay.Conv2DTranspose(3, 2, strides=1, padding="same")(x),
            lambda: lay.BatchNormalization()(x),
            lambda: lay.GroupNormalization(1)(x),
            lambda: lay.Activation(self.activation())(x),
            lambda: lay.PReLU(shared_axes=[1, 2])(x),
            lambda: lay.ZeroPadding2D(1)(x),
            lambda: lay.Permute((2, 1, 3))(x),
            lambda: lay.Reshape((height, width * channels))(x),
        ]
        if height > 2 and width > 2:
            options += [lambda: lay.MaxPooling2D(2)(x), lambda: lay.AveragePooling2D(2, padding="same")(x)]
        if height * width < 40:
            options += [lambda: lay.UpSampling2D(2)(x)]
        return options

    def of_sequence(self, x):
        lay, units = self.layers, 4
        return [
            lambda: lay.Conv1D(4, 3, padding="causal", activation=self.activation())(x),
            lambda: lay.LSTM(units, return_sequences=True)(x),
            lambda: lay.GRU(units, return_sequences=True, reset_after=bool(self.rng.integers(2)))(x),
            lambda: lay.SimpleRNN(units, return_sequences=True, go_backwards=True)(x),
            lambda: lay.Bidirectional(lay.GRU(units, return_sequences=True), merge_mode=self.one(["sum", "concat"]))(x),
            lambda: lay.MultiHeadAttention(2, 3)(x, x),
            lambda: lay.LayerNormalization()(x),
            lambda: lay.TimeDistributed(lay.Dense(units, activation=self.activation()))(x),
            lambda: lay.EinsumDense("abc,cd->abd", (None, units), bias_axes="d")(x),
            lambda: lay.UnitNormalization()(x),
            lambda: lay.MaxPooling1D(2, padding="same")(x),
            lambda: lay.GlobalAveragePooling1D()(x),
            lambda: lay.LSTM(units)(x),
        ]

    def of_vector(self, x):
        lay = self.layers
        return [
            lambda: lay.Dense(6, activation=self.activation(), kernel_regularizer="l2")(x),
            lambda: lay.Dense(5, kernel_constraint="max_norm")(x),
            lambda: lay.BatchNormalization(momentum=0.9)(x),
            lambda: lay.LayerNormalization()(x),
            lambda: lay.RMSNormalization()(x),
            lambda: lay.Activation(self.activation())(x),
            lambda: lay.LeakyReLU()(x),
            lambda: lay.ActivityRegularization(l2=0.01)(x),
            lambda: lay.RepeatVector(3)(x),
        ]

    def as_vector(self, x):
        return x if len(x.shape) == 2 else self.layers.Flatten()(x)


@pytest.mark.parametrize("seed", range(int(os.environ.get("RANDOM_MODELS", "6"))))
def test_a_random_model(seed):
    theirs, ours = Draw(keras, seed).model(), Draw(kernelkit, seed).model()
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(BATCH, *ours.input_shape[1:])).astype("float32")
    y = [rng.integers(0, 3, BATCH), rng.normal(size=(BATCH, 2)).astype("float32")]
    for a, b in zip(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for model in (ours, theirs):
        losses = ["sparse_categorical_crossentropy", "mse"]
        model.compile(package_of(model).optimizers.SGD(0.05, momentum=0.9), losses, metrics=[["accuracy"], ["mae"]])
    logs = [[m.train_on_batch(x, y, return_dict=True) for _ in range(2)][-1] for m in (ours, theirs)]
    assert set(logs[0]) == set(logs[1])
    for name, value in logs[1].items():
        assert logs[0][name] == pytest.approx(float(value), rel=2e-3, abs=1e-4), name
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), np.asarray(other), rtol=5e-3, atol=5e-4, err_msg=mine.path)


def package_of(model):
    return kernelkit if type(model).__module__.startswith("kernelkit") else keras


if __name__ == "__main__":
    import sys

    Draw(kernelkit, int(sys.argv[1])).model().summary()
