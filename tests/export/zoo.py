"""Small models of every kind, each with the sizes that its file may leave open and a way to draw inputs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import jax
import numpy as np

import kernelkit as kk
from kernelkit import layers as L

STEPS = 6


def mlp():
    i = kk.Input((10,), name="features")
    h = L.Dropout(0.2)(L.BatchNormalization()(L.Dense(16, activation="relu")(i)))
    return kk.Model(i, L.Dense(3, activation="softmax", name="classes")(h))


def cnn():
    i = kk.Input((12, 12, 1))
    h = L.MaxPooling2D(2)(L.Conv2D(8, 3, activation="relu")(i))
    h = L.AveragePooling2D(2, padding="same")(L.Conv2D(6, 3, padding="same", activation="elu")(h))
    return kk.Model(i, L.Dense(4)(L.Flatten()(h)))


def resnet():
    i = kk.Input((8, 8, 3))
    h = L.Conv2D(6, 3, padding="same", use_bias=False)(i)
    for _ in range(2):
        r = L.Activation("gelu")(L.BatchNormalization()(h))
        h = L.add([h, L.Conv2D(6, 3, padding="same")(r)])
    return kk.Model(i, L.Dense(4)(L.GlobalAveragePooling2D()(h)))


def mobile():
    i = kk.Input((8, 8, 3))
    h = L.SeparableConv2D(6, 3, strides=2, padding="same", activation="swish")(i)
    h = L.LayerNormalization()(L.DepthwiseConv2D(3, depth_multiplier=2)(h))
    return kk.Model(i, L.Dense(4)(L.GlobalMaxPooling2D()(h)))


def unet():
    i = kk.Input((8, 8, 2))
    a = L.Conv2D(4, 3, padding="same", activation="relu")(i)
    b = L.Conv2D(6, 3, strides=2, padding="same", activation="relu")(a)
    c = L.Conv2DTranspose(4, 3, strides=2, padding="same")(b)
    d = L.UpSampling2D(2)(L.MaxPooling2D(2)(a))
    return kk.Model(i, L.Conv2D(1, 1, activation="sigmoid")(L.concatenate([a, c, d])))


def simplernn():
    i = kk.Input((STEPS, 4))
    return kk.Model(i, L.Dense(2)(L.SimpleRNN(5)(i)))


def lstm():
    i = kk.Input((STEPS, 4))
    return kk.Model(i, L.Dense(2)(L.LSTM(5)(L.LSTM(6, return_sequences=True)(i))))


def gru():
    i = kk.Input((STEPS, 4))
    return kk.Model(i, L.Dense(2)(L.GRU(5, return_sequences=True)(i)))


def bilstm():
    i = kk.Input((STEPS, 4))
    return kk.Model(i, L.Dense(2)(L.Bidirectional(L.LSTM(5))(i)))


def masked_lstm():
    i = kk.Input((STEPS,), dtype="int32")
    return kk.Model(i, L.Dense(2)(L.LSTM(5)(L.Embedding(11, 4, mask_zero=True)(i))))


def transformer():
    i = kk.Input((STEPS, 8))
    h = L.add([i, L.MultiHeadAttention(2, 4)(i, i)])
    h = L.LayerNormalization()(h)
    return kk.Model(i, L.Dense(2)(L.add([h, L.Dense(8)(L.Dense(12, activation="gelu")(h))])))


def causal_lm():
    i = kk.Input((STEPS,), dtype="int32")
    h = L.Embedding(11, 8)(i)
    h = L.add([h, L.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True)])
    return kk.Model(i, L.Dense(11)(L.LayerNormalization()(h)))


def conv1d():
    i = kk.Input((16, 4))
    h = L.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu")(i)
    return kk.Model(i, L.Dense(2)(L.AveragePooling1D(2)(L.GroupNormalization(4)(h))))


def conv3d():
    i = kk.Input((6, 6, 6, 1))
    h = L.MaxPooling3D(2)(L.Conv3D(4, 3, padding="same", activation="relu")(i))
    return kk.Model(i, L.Dense(2)(L.Flatten()(h)))


def multi_io():
    a, b = kk.Input((4,), name="a"), kk.Input((3,), name="b")
    h = L.Dense(6, activation="tanh")(L.concatenate([a, b]))
    return kk.Model({"a": a, "b": b}, {"mean": L.Dense(1, name="mean")(h), "kind": L.Dense(3, name="kind")(h)})


def preproc():
    i = kk.Input((10, 10, 3))
    h = L.CenterCrop(6, 6)(L.Resizing(8, 8)(L.Rescaling(1 / 255)(i)))
    return kk.Model(i, L.Dense(2)(L.Flatten()(h)))


ZOO: dict[str, Callable] = {
    f.__name__: f
    for f in (
        *(mlp, cnn, resnet, mobile, unet, simplernn, lstm, gru, bilstm, masked_lstm, transformer, causal_lm),
        *(conv1d, conv3d, multi_io, preproc),
    )
}


class Gated(L.Layer):
    """A layer of a user: weights of its own, and `ops`."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 6), name="kernel")
        self.scale = self.add_weight((3,), "ones", name="scale")

    def call(self, x):
        value, gate = kk.ops.split(kk.ops.einsum("btf,fo->bto", x, self.kernel), 2, axis=-1)
        strongest = kk.ops.top_k(kk.ops.norm(value, axis=-1), 2)[0]
        total = kk.ops.logsumexp(value * self.scale, axis=1, keepdims=True)
        return value * kk.ops.sigmoid(gate) + total + kk.ops.mean(strongest, axis=-1)[:, None, None]


def custom():
    i = kk.Input((STEPS, 4))
    return kk.Model(i, L.Dense(2)(L.Lambda(lambda x: kk.ops.roll(x, 1, axis=1))(Gated(name="gated")(i))))


def shared():
    """Two inputs through one nested model, whose inner model is a Sequential with a layer that is used twice."""
    tower_input = kk.Input((8, 8, 1))
    twice = L.Conv2D(3, 3, padding="same", activation="relu", name="twice")
    h = twice(L.Conv2D(3, 1)(tower_input))
    inner = kk.Sequential([L.MaxPooling2D(2), L.Flatten(), L.Dense(5)], name="inner")
    tower = kk.Model(tower_input, inner(twice(h)), name="tower")
    a, b = kk.Input((8, 8, 1), name="left"), kk.Input((8, 8, 1), name="right")
    distance = kk.ops.sum(kk.ops.square(tower(a) - tower(b)), axis=-1, keepdims=True)
    return kk.Model([a, b], L.Dense(1, activation="sigmoid")(distance))


def bert():
    """Tokens and a mask of padding, as BERT takes them."""
    tokens, real = kk.Input((STEPS,), dtype="int32", name="token_ids"), kk.Input((STEPS,), dtype="int32", name="mask")
    h = L.Embedding(11, 16)(tokens) + L.Embedding(STEPS, 16)(kk.ops.arange(STEPS))
    h = L.LayerNormalization(epsilon=1e-12)(h)
    allowed = kk.ops.cast(real, "bool")[:, None, :]
    for _ in range(2):
        attended = L.MultiHeadAttention(2, 8, dropout=0.1)(h, h, attention_mask=allowed)
        h = L.LayerNormalization(epsilon=1e-12)(h + L.Dropout(0.1)(attended))
        h = L.LayerNormalization(epsilon=1e-12)(h + L.Dense(16)(L.Dense(32, activation="gelu")(h)))
    pooled = L.Dense(16, activation="tanh", name="pooled")(h[:, 0])
    return kk.Model({"token_ids": tokens, "mask": real}, {"sequence": h, "pooled": pooled})


SCORES: dict = {"weights": None, "input_shape": (32, 32, 3), "classes": 7, "classifier_activation": None}
"""Scores of classes rather than probabilities: those of a network that was not trained may be zeros and ones, which
many files would equal."""


def resnet50():
    return kk.applications.ResNet50(**SCORES)


def mobilenet():
    return kk.applications.MobileNet(**SCORES, alpha=0.25)


class Subclassed(kk.Model):
    """A model without a graph: a loop over its layers, a dict in, a dict out."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.blocks = [L.Dense(8, activation="gelu") for _ in range(2)]
        self.table, self.head = L.Embedding(11, 8), L.Dense(2)

    def call(self, inputs, training=False):
        h = self.table(inputs["words"])
        for block in self.blocks:
            h = h + block(h)
        return {"each": self.head(h), "all": kk.ops.max(h, axis=1) * inputs["scale"]}


def subclassed():
    model = Subclassed()
    model({"words": np.zeros((1, STEPS), "int32"), "scale": np.ones((1, 1), "float32")})
    return model


def kerashub_bert():
    """The BERT of KerasHub, made of kernelkit in Keras's place."""
    from kernelkit import as_keras

    as_keras.install()
    import keras_hub

    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=11, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=24, max_sequence_length=STEPS
    )
    names = ("token_ids", "segment_ids", "padding_mask")  # of a fixed length: its positions need one
    inputs = {name: kk.Input((STEPS,), dtype="int32", name=name) for name in names}
    return kk.Model(inputs, backbone(inputs))


MORE: dict[str, Callable] = {f.__name__: f for f in (custom, shared, subclassed, bert, resnet50, mobilenet)}
"""Other models: layers of a user, shared and nested ones, a small BERT, networks of `applications`, and of KerasHub
where that is installed."""
if importlib.util.find_spec("keras_hub"):
    MORE["kerashub_bert"] = kerashub_bert
APPLICATIONS = {"resnet50", "mobilenet"}


def atol(name: str) -> float:
    """How far a runtime may be from a model: sums of a deep network in another order differ by more.

    Scores of ResNet-50 are up to 10.7, and in 32 bits they lie 9e-4 from those in 64 bits; of MobileNet 7.8 and 5e-5.
    """
    return {"resnet50": 2e-3, "mobilenet": 2e-4}.get(name, 1e-5)


def report_atol(name: str) -> float:
    """The same for the inputs of a report, for which ResNet-50 has scores of up to 2,758."""
    return 2e-2 if name == "resnet50" else atol(name)


def build(name: str) -> kk.Model:
    """The model, with weights that are all different from zero and one; in `applications` only batch statistics are."""
    kk.utils.set_random_seed(3)
    if name in APPLICATIONS:
        return normalized(MORE[name]())
    model = (ZOO | MORE)[name]()
    rng = np.random.default_rng(4)
    for v in model.variables:
        if "seed" not in v.path:
            noise = rng.normal(0, 0.1, v.shape)
            v.assign(np.abs(v.numpy() + noise) + 0.1 if "variance" in v.path else v.numpy() + noise)
    return model


def normalized(model: kk.Model) -> kk.Model:
    """Give a new network the statistics of a batch: with those it is made with, all its outputs are about the same."""
    apply, weights = model.pure()
    run = jax.jit(lambda x: apply(weights, x, training=True, rng=jax.random.key(0), mutable=True)[1])
    moved = run(draw(model, 16, seed=1))
    rates = {v.path: 1 - layer.momentum for layer in norms(model) for v in (layer.moving_mean, layer.moving_variance)}
    seen = {path: (moved[path] - (1 - rate) * weights.state[path]) / rate for path, rate in rates.items()}
    kk.export.assign(model, weights._replace(state=weights.state | seen))
    scores = outputs(model, draw(model, 4))
    assert float(np.asarray(scores).std(axis=0).min()) > 0.1  # else any file would equal the model
    return model


def outputs(model: kk.Model, inputs):
    """What the model predicts, by one compiled program: op by op a deep network takes ten times as long."""
    apply, weights = model.pure()
    return jax.jit(apply)(weights, inputs)


def norms(model: kk.Model) -> list:
    return [layer for layer in model.layers if isinstance(layer, L.BatchNormalization)]


def draw(model: kk.Model, batch: int, seed: int = 0):
    """Inputs of a batch, nested as the model's."""
    rng = np.random.default_rng(seed)

    def one(t):
        shape = (batch, *(STEPS if d is None else d for d in t.shape[1:]))
        return rng.integers(0, 11, shape).astype(t.dtype) if "int" in t.dtype else rng.random(shape).astype(t.dtype)

    drawn = kk.tree.map_structure(one, model.input if model.inputs else model.called_with[0][0])
    for name in {"mask", "padding_mask", "segment_ids"} & set(drawn if isinstance(drawn, dict) else ()):
        drawn[name] = (drawn[name] < 7).astype("int32")
        drawn[name][:, 0] = 1
    return drawn
