"""Models as users have them when they think of export: trained, quantized, with preprocessing, with state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

import kernelkit as kk
from kernelkit import layers as L

STEPS = 6


class Case(NamedTuple):
    """A model and what it is asked.

    Attributes:
        model: The model.
        inputs: Arrays, nested as the model takes them.
        atol: How far a runtime may be from it.
    """

    model: Any
    inputs: Any
    atol: float = 1e-5


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def floats(*shape: int) -> np.ndarray:
    return rng().normal(size=shape).astype("float32")


class OwnStep(kk.Model):
    """A model whose training is the user's own, with a tracker that counts."""

    def __init__(self):
        super().__init__(name="own_step")
        self.hidden, self.head = L.Dense(8, activation="relu"), L.Dense(2)
        self.tracker = kk.metrics.Mean(name="loss")

    def call(self, x, training=False):
        return self.head(self.hidden(x))

    def train_step(self, state, data):
        x, y = data
        return self.minimize(state, lambda: kk.ops.mean((self(x, training=True) - y) ** 2))


def own_loss():
    """A trained subclass that adds losses and metrics."""

    class Penalized(kk.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.norm, self.head = L.Dense(8), L.BatchNormalization(), L.Dense(2)

        def call(self, x, training=False):
            h = self.norm(self.hidden(x), training=training)
            self.add_loss(0.01 * kk.ops.mean(h**2))
            return self.head(h)

    model = Penalized()
    model.compile("adam", "mse")
    model.fit(floats(32, 5), floats(32, 2), verbose=0)
    return Case(model, floats(3, 5))


def lambdas():
    i = kk.Input((STEPS, 4))
    h = L.Lambda(lambda x: kk.ops.flip(kk.ops.cumsum(x, axis=1), axis=2))(i)
    h = L.Lambda(lambda x: kk.ops.where(x > 0, kk.ops.log1p(kk.ops.abs(x)), kk.ops.expm1(-kk.ops.abs(x))))(h)
    return Case(kk.Model(i, L.Dense(3)(h)), floats(3, STEPS, 4))


def nested_preprocessing():
    norm = L.Normalization()
    norm.adapt(floats(50, 5) * 3 + 2)
    front = kk.Sequential([norm, L.Rescaling(0.5, offset=1.0)], name="front")
    body = kk.Sequential([L.Dense(8, activation="silu"), L.UnitNormalization()], name="body")
    model = kk.Sequential([kk.Input((5,)), front, body, kk.Sequential([L.Dense(2)], name="head")])
    return Case(model, floats(3, 5))


def augmentation():
    """Augmentation in front, which prediction leaves alone, and uint8 pictures."""
    i = kk.Input((12, 12, 3), dtype="uint8")
    h = L.RandomRotation(0.2)(L.RandomFlip("horizontal")(L.Rescaling(1 / 255)(i)))
    h = L.Conv2D(4, 3, activation="relu")(L.RandomContrast(0.2)(h))
    model = kk.Model(i, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(h)))
    return Case(model, rng().integers(0, 256, (3, 12, 12, 3)).astype("uint8"))


def mixed_half():
    policy = kk.mixed_precision.Policy("mixed_float16")
    i = kk.Input((8, 8, 3))
    h = L.Conv2D(4, 3, activation="relu", dtype=policy)(i)
    h = L.BatchNormalization(dtype=policy)(h)
    h = L.Dense(6, dtype=policy)(L.GlobalAveragePooling2D(dtype=policy)(h))
    return Case(kk.Model(i, L.Dense(3, activation="softmax", dtype="float32")(h)), floats(3, 8, 8, 3), 2e-3)


def mixed_brain():
    policy = kk.mixed_precision.Policy("mixed_bfloat16")
    i = kk.Input((10,))
    h = L.LayerNormalization(dtype=policy)(L.Dense(8, activation="gelu", dtype=policy)(i))
    return Case(kk.Model(i, L.Dense(3, dtype="float32")(h)), floats(3, 10), 3e-2)


def quantized():
    i = kk.Input((STEPS,), dtype="int32")
    h = L.Dense(8, activation="relu")(L.Embedding(11, 8)(i))
    model = kk.Model(i, L.Dense(3)(h))
    model.quantize("int8")
    return Case(model, rng().integers(0, 11, (3, STEPS)).astype("int32"), 1e-4)


def quantized_4():
    model = kk.Sequential([kk.Input((16,)), L.Dense(8, activation="relu"), L.Dense(3)])
    model.quantize("int4")
    return Case(model, floats(3, 16), 1e-4)


def lora():
    dense, table = L.Dense(8, activation="tanh"), L.Embedding(11, 8)
    i = kk.Input((STEPS,), dtype="int32")
    model = kk.Model(i, L.Dense(2)(dense(table(i))))
    dense.enable_lora(2)
    table.enable_lora(2)
    model.compile("adam", "mse")
    words = rng().integers(0, 11, (32, STEPS)).astype("int32")
    model.fit(words, floats(32, STEPS, 2), epochs=2, verbose=0)
    return Case(model, words[:3])


def transfer():
    """A frozen network, its statistics those of other pictures, under a trained head."""
    base = kk.Sequential([kk.Input((16, 16, 3)), L.Conv2D(8, 3, strides=2), L.BatchNormalization(), L.ReLU()])
    pictures = rng().integers(0, 256, (16, 16, 16, 3)).astype("uint8")
    base(pictures / np.float32(255), training=True)
    base.trainable = False
    i = kk.Input((16, 16, 3), dtype="uint8")
    h = kk.applications.mobilenet.preprocess_input(kk.ops.cast(i, "float32"))
    h = L.Flatten()(base(h, training=False))
    model = kk.Model(i, L.Dense(2, activation="softmax")(L.Dropout(0.3)(h)))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(pictures, np.arange(16) % 2, epochs=2, verbose=0)
    return Case(model, pictures[:3])


def doubles():
    """Inputs of 64 bits, as pandas gives them."""
    i = kk.Input((5,), dtype="float64", name="x")
    return Case(kk.Model(i, L.Dense(2)(i)), floats(3, 5).astype("float64"))


def long_numbers():
    i = kk.Input((4,), dtype="int64", name="ids")
    return Case(kk.Model(i, L.Dense(2)(L.Flatten()(L.Embedding(11, 3)(i)))), rng().integers(0, 11, (3, 4)))


def truths():
    a, b = kk.Input((4,)), kk.Input((4,), dtype="bool")
    return Case(kk.Model([a, b], L.Dense(2)(kk.ops.where(b, a, -a))), [floats(3, 4), floats(3, 4) > 0])


def scalars():
    """One number a row, without an axis."""
    a, b = kk.Input((), name="price"), kk.Input((), dtype="int32", name="kind")
    h = kk.ops.stack([a, kk.ops.cast(b, "float32")], axis=-1)
    return Case(
        kk.Model({"price": a, "kind": b}, L.Dense(2)(h)), {"price": floats(3), "kind": np.array([0, 1, 2], "int32")}
    )


def table():
    """Numbers in bins, whole numbers looked up, as one-hot."""
    age, kind = kk.Input((1,), name="age"), kk.Input((1,), dtype="int32", name="kind")
    bins = L.Discretization(bin_boundaries=[0.0, 0.5, 1.0], output_mode="one_hot")(age)
    looked = L.IntegerLookup(vocabulary=[3, 7, 9], output_mode="multi_hot")(kind)
    model = kk.Model([age, kind], L.Dense(2)(L.concatenate([bins, looked])))
    return Case(model, [floats(4, 1), np.array([[3], [7], [9], [1]], "int32")])


def hashed():
    zone = kk.Input((1,), dtype="int32", name="zone")
    codes = L.CategoryEncoding(num_tokens=5, output_mode="one_hot")(L.Hashing(num_bins=5)(zone))
    numbers = np.array([[1], [2], [30], [-4], [2**31 - 1], [-(2**31)], [7777777]], "int32")
    return Case(kk.Model(zone, L.Dense(2)(codes)), numbers)


def counted():
    tokens = kk.Input((STEPS,), dtype="int32")
    counts = L.CategoryEncoding(num_tokens=11, output_mode="count")(tokens)
    return Case(kk.Model(tokens, L.Dense(2)(counts)), rng().integers(0, 11, (3, STEPS)).astype("int32"))


def stateful():
    """A recurrence that keeps its state between calls: a file begins at the state of the export."""
    i = kk.Input((STEPS, 4), batch_size=2)
    model = kk.Model(i, L.Dense(2)(L.GRU(5, stateful=True)(i)))
    return Case(model, floats(2, STEPS, 4))


def masked():
    x = floats(3, STEPS, 4)
    x[0, 4:] = x[1, 2:] = 0
    i = kk.Input((STEPS, 4))
    h = L.GRU(5, return_sequences=True)(L.Masking()(i))
    h = L.Bidirectional(L.LSTM(3, return_sequences=True))(h)
    return Case(kk.Model(i, L.GlobalAveragePooling1D()(L.TimeDistributed(L.Dense(2))(h))), x)


def attention_of_masks():
    tokens = kk.Input((STEPS,), dtype="int32")
    h = L.Embedding(11, 8, mask_zero=True)(tokens)
    h = L.MultiHeadAttention(2, 4)(h, h) + L.GroupQueryAttention(4, 4, 2)(h, h)
    words = rng().integers(1, 11, (3, STEPS)).astype("int32")
    words[:, 4:] = 0
    return Case(kk.Model(tokens, L.Dense(2)(L.GlobalAveragePooling1D()(h))), words)


def memory_of_pictures():
    i = kk.Input((3, 6, 6, 2))
    return Case(kk.Model(i, L.ConvLSTM2D(3, 3, padding="same")(i)), floats(2, 3, 6, 6, 2))


def stacked_cells():
    i = kk.Input((STEPS, 4))
    cells = L.StackedRNNCells([L.LSTMCell(4), L.GRUCell(3)])
    outputs = L.RNN(cells, return_state=True)(i)
    return Case(kk.Model(i, list(outputs)), floats(3, STEPS, 4))


def rare_layers():
    i = kk.Input((12, 8))
    h = L.SpectralNormalization(L.Dense(8))(i)
    h = L.LocallyConnected1D(4, 3)(h) if hasattr(L, "LocallyConnected1D") else L.Conv1D(4, 3)(h)
    h = L.RMSNormalization()(L.PReLU()(L.ZeroPadding1D(1)(h)))
    h = L.Cropping1D(1)(L.UpSampling1D(2)(L.GaussianNoise(0.1)(h)))
    h = L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")(h)
    return Case(kk.Model(i, L.Maximum()([h, L.Permute((1, 2))(h) * 0.5])), floats(3, 12, 8))


def many_outputs():
    i = kk.Input((8, 8, 2))
    h = L.Conv2DTranspose(3, 3, strides=2, padding="same")(i)
    return Case(kk.Model(i, {"up": h, "all": [L.Flatten()(i), kk.ops.argmax(h, axis=-1)], "in": i}), floats(3, 8, 8, 2))


def resized():
    """Pictures of any size, brought to one."""
    i = kk.Input((20, 14, 3))
    h = L.Resizing(9, 9, interpolation="bilinear", antialias=False, crop_to_aspect_ratio=True)(i)
    h = L.Concatenate()([h, L.Resizing(9, 9, interpolation="nearest")(i), L.Resizing(9, 9, interpolation="bicubic")(i)])
    return Case(kk.Model(i, L.Conv2D(2, 3, dilation_rate=2)(h)), floats(2, 20, 14, 3))


def autoencoder():
    """A functional model cut out of the middle of a trained one."""
    i = kk.Input((10,))
    code = L.Dense(3, name="code")(L.Dense(6, activation="relu")(i))
    whole = kk.Model(i, L.Dense(10)(code))
    whole.compile("adam", "mse")
    whole.fit(floats(32, 10), floats(32, 10), verbose=0)
    return Case(kk.Model(whole.input, whole.get_layer("code").output), floats(3, 10))


def drawing():
    """A variational encoder: what it draws in training, it draws in prediction too, so its mean is exported."""
    i = kk.Input((10,))
    mean, spread = L.Dense(3)(i), L.Dense(3, activation="softplus")(i)
    return Case(kk.Model(i, [mean, spread, L.GaussianDropout(0.3)(mean)]), floats(3, 10))


class ClassToken(L.Layer):
    """The token in front of a picture's patches, and the patches' places, as in a vision transformer."""

    def build(self, shape):
        self.token = self.add_weight((1, 1, shape[-1]), "normal", name="token")
        self.places = self.add_weight((1, shape[1] + 1, shape[-1]), "normal", name="places")

    def call(self, x):
        token = kk.ops.repeat(self.token, kk.ops.shape(x)[0], axis=0)
        return kk.ops.concatenate([token, x], axis=1) + self.places


def class_token():
    i = kk.Input((8, 8, 3))
    h = ClassToken()(L.Reshape((16, 6))(L.Conv2D(6, 2, strides=2)(i)))
    h = h + L.MultiHeadAttention(2, 3)(L.LayerNormalization()(h), h)
    return Case(kk.Model(i, L.Dense(3)(h[:, 0])), floats(3, 8, 8, 3))


class Rotary(L.Layer):
    """Causal attention whose places are angles, written with ops."""

    def call(self, x):
        batch, steps, width = kk.ops.shape(x)
        angles = kk.ops.arange(steps)[:, None] / kk.ops.power(10.0, kk.ops.arange(width // 4) / 2)
        cos, sin = kk.ops.cos(angles)[None, :, None], kk.ops.sin(angles)[None, :, None]
        a, b = kk.ops.split(kk.ops.reshape(x, (batch, steps, 2, width // 2)), 2, axis=-1)
        turned = kk.ops.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
        seen = kk.ops.dot_product_attention(turned, turned, turned, is_causal=True)
        return kk.ops.reshape(seen, (batch, steps, width))


def rotary():
    i = kk.Input((STEPS, 8))
    return Case(kk.Model(i, L.Dense(2)(Rotary()(i))), floats(3, STEPS, 8))


class Updated(L.Layer):
    """jax.numpy inside: numbers put and added at known places, and at places that are computed."""

    def call(self, x):
        x = x.at[:, 1].set(0.0).at[:, -1].add(1.0).at[:, jnp.array([0, 2])].multiply(3.0)
        largest = jnp.argmax(x[..., 0], axis=1)
        return x.at[jnp.arange(x.shape[0]), largest].set(-1.0)


def updated():
    i = kk.Input((STEPS, 4))
    return Case(kk.Model(i, L.Dense(2)(Updated()(i))), floats(3, STEPS, 4))


def given_back():
    """The input as an output, and one output twice."""
    i = kk.Input((4,), name="x")
    h = L.Dense(2, name="h")(i)
    return Case(kk.Model(i, [h, h, i]), floats(3, 4))


def brains_out():
    """A model whose outputs are of 16 bits."""
    i = kk.Input((6,))
    return Case(kk.Model(i, L.Dense(3, dtype="bfloat16")(L.Dense(5, dtype="bfloat16")(i))), floats(3, 6), 3e-2)


USERS: dict[str, Callable[[], Case]] = {
    f.__name__: f
    for f in (
        *(own_loss, lambdas, nested_preprocessing, augmentation, mixed_half, mixed_brain, quantized, quantized_4),
        *(lora, transfer, doubles, long_numbers, truths, scalars, table, hashed, counted, stateful, masked),
        *(
            attention_of_masks,
            memory_of_pictures,
            stacked_cells,
            rare_layers,
            many_outputs,
            resized,
            autoencoder,
            drawing,
        ),
        *(class_token, rotary, updated, given_back, brains_out),
    )
}


class Sampled(L.Layer):
    """Draws in prediction too, as the encoder of a variational autoencoder may."""

    def __init__(self):
        super().__init__()
        self.seed_generator = kk.random.SeedGenerator(5)

    def call(self, x):
        return x + kk.random.normal(kk.ops.shape(x), seed=self.seed_generator)


class Counted(L.Layer):
    """Counts its calls."""

    def build(self, shape):
        self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def call(self, x):
        self.count.assign_add(1.0)
        return x + self.count


def of_layer(layer):
    i = kk.Input((3,))
    return kk.Model(i, L.Dense(2, kernel_initializer="ones")(layer(i)))
