"""The classic mistakes, planted in models of other kinds: CNNs, RNNs, tables, several outputs, subclassed models."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as kl
from kernelkit.losses import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy

pytestmark = pytest.mark.one_in(8)

RNG = np.random.default_rng(11)
COUNT = 240
LABELS = RNG.integers(0, 3, COUNT)
IMAGES = (0.3 * RNG.random((COUNT, 6, 6, 1))).astype("float32")
for i, label in enumerate(LABELS):
    IMAGES[i, 2 * label : 2 * label + 2] += 0.7  # a bright bar says the class
WAVES = np.sin(np.linspace(0, 6, 8)[None] * (1 + LABELS[:, None]) + RNG.normal(0, 0.2, (COUNT, 1)))
WAVES = (WAVES + RNG.normal(0, 0.1, WAVES.shape)).astype("float32")[..., None]
TABLE = (RNG.normal(0, 1.3, (3, 5))[LABELS] + RNG.normal(0, 0.5, (COUNT, 5))).astype("float32")
AMOUNT = (TABLE @ RNG.normal(0, 0.6, 5) + RNG.normal(0, 0.1, COUNT)).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
IDS = RNG.integers(1, 12, (COUNT, 6))
IDS[:, 0] = np.array([5, 2, 9])[LABELS]
IDS[:, 4:] = 0
TAGS = (IDS % 3).astype("int32")
SPARSE = "sparse_categorical_crossentropy"


def cnn(*last, shape=(6, 6, 1), hidden="relu", loss=SPARSE, optimizer="adam", **conv):
    last = last or (kl.Dense(3, "softmax", name="head"),)
    body = [kl.Conv2D(4, 3, activation=hidden, name="conv", **conv), kl.Flatten()]
    return compiled(kk.Sequential([kk.Input(shape), *body, *last]), loss, optimizer)


def rnn(*last, cell=kl.LSTM, loss=SPARSE, optimizer="adam"):
    last = last or (kl.Dense(3, "softmax", name="head"),)
    return compiled(kk.Sequential([kk.Input((8, 1)), cell(6, name="cell"), *last]), loss, optimizer)


def table(*last, width=5, loss=SPARSE, optimizer="adam"):
    last = last or (kl.Dense(3, "softmax", name="head"),)
    return compiled(kk.Sequential([kk.Input((width,)), kl.Dense(8, "relu", name="body"), *last]), loss, optimizer)


def two_heads(kind="softmax", loss=SPARSE, frozen=False, amount=1):
    x = kk.Input((5,), name="facts")
    body = kl.Dense(8, "gelu")(x)
    first, second = kl.Dense(3, kind, name="kind"), kl.Dense(amount, name="amount")
    first.trainable = not frozen
    model = kk.Model(x, {"kind": first(body), "amount": second(body)})
    return compiled(model, {"kind": loss, "amount": "mse"})


class Own(kk.Model):
    """A subclassed model with a skip connection."""

    def __init__(self, softmax=False):
        super().__init__()
        self.first, self.second, self.head = kl.Dense(8, "silu"), kl.Dense(8, "silu"), kl.Dense(3, name="head")
        self.softmax = softmax

    def call(self, x):
        x = self.first(x)
        x = self.head(x + self.second(x))
        return kk.ops.softmax(x) if self.softmax else x


def compiled(model, loss=SPARSE, optimizer="adam"):
    model.compile(optimizer, loss)
    return model


def deep(make, count, *last, shape):
    return compiled(kk.Sequential([kk.Input(shape), *[make(i) for i in range(count)], *last]))


def attention():
    ids = kk.Input((6,), dtype="int32")
    x = kl.Embedding(12, 8)(ids)
    x = kl.LayerNormalization()(x + kl.MultiHeadAttention(2, 4)(x, x))
    return compiled(kk.Model(ids, kl.Dense(3, "softmax")(kl.GlobalAveragePooling1D()(x))))


def autoencoder():
    layers = [kk.Input((6, 6, 1)), kl.Conv2D(4, 3, padding="same", activation="relu"), kl.Conv2D(1, 3, padding="same")]
    return compiled(kk.Sequential(layers), "mse")


class Drops(kl.Layer):
    """A layer that hands no mask on."""

    def call(self, x):
        return x + 0.0

    def compute_mask(self, x, mask=None):
        return None


def tagger():
    layers = [kl.Embedding(12, 6, mask_zero=True), Drops(), kl.GRU(6, return_sequences=True), kl.Dense(3, "softmax")]
    return compiled(kk.Sequential([kk.Input((6,)), *layers]))


def sensors():
    layers = [kl.Masking(0.0), kl.SimpleRNN(5, return_sequences=True), Drops(), kl.Dense(1)]
    return compiled(kk.Sequential([kk.Input((8, 2)), *layers]), "mse")


def frozen_own():
    model = Own()
    model(TABLE[:2])
    model.head.trainable = False
    return compiled(model, SparseCategoricalCrossentropy(from_logits=True))


def normed():
    pooled = [kl.GlobalAveragePooling2D(), kl.BatchNormalization(name="norm"), kl.Dense(3, "softmax")]
    return compiled(kk.Sequential([kk.Input((6, 6, 1)), kl.Conv2D(4, 3), *pooled]))


def slipped(y):
    return np.concatenate([y[:90], y[89:-1]])


def both(kind=LABELS, amount=AMOUNT):
    return {"kind": kind, "amount": amount}


def stream(x, y, size=24):
    class Batches(kk.utils.PyDataset):
        def __len__(self):
            return len(x) // size

        def __getitem__(self, i):
            return x[i * size : (i + 1) * size], y[i * size : (i + 1) * size]

    return Batches()


RAW = np.concatenate([TABLE[:, :4], 40_000 + 9_000 * TABLE[:, 4:]], 1)
LEAK = np.concatenate([TABLE, 3 * AMOUNT[:, None] + 2], 1)
LATE = np.concatenate([WAVES[:, :-1], (LABELS[:, None, None] - 1) * 0.5], 1).astype("float32")
GAPS = np.concatenate([WAVES, WAVES**2], -1)
GAPS[:, 5:] = 0.0
SHUFFLED = RNG.permutation(LABELS)
ADAM = kk.optimizers.Adam

# What is planted: the model, the data, how many steps, and what explain() must say.
PLANTED = {
    "vanishing, cnn": (
        lambda: deep(
            lambda i: kl.Conv2D(4, 3, padding="same", activation="sigmoid"),
            9,
            kl.Flatten(),
            kl.Dense(3, "softmax"),
            shape=(6, 6, 1),
        ),
        IMAGES,
        LABELS,
        30,
        "vanishing gradients",
    ),
    "vanishing, rnn": (
        lambda: deep(
            lambda i: kl.SimpleRNN(6, activation="sigmoid", return_sequences=True),
            8,
            kl.Flatten(),
            kl.Dense(3, "softmax"),
            shape=(8, 1),
        ),
        WAVES,
        LABELS,
        30,
        "vanishing gradients",
    ),
    "small rate, rnn": (lambda: rnn(optimizer=ADAM(1e-9)), WAVES, LABELS, 40, "small learning rate"),
    "small rate, autoencoder": (
        lambda: compiled(autoencoder(), "mse", kk.optimizers.SGD(1e-8)),
        IMAGES,
        IMAGES,
        40,
        "small learning rate",
    ),
    "large rate, table": (
        lambda: table(optimizer=ADAM(3.0)),
        TABLE,
        LABELS,
        60,
        {"large learning rate", "exploding", "dead units"},
    ),
    "large rate, cnn": (
        lambda: cnn(optimizer=kk.optimizers.SGD(30.0)),
        IMAGES,
        LABELS,
        40,
        {"large learning rate", "exploding", "dead units"},
    ),
    "probabilities, one-hot cnn": (
        lambda: cnn(kl.Dense(3), kl.Softmax(), loss=CategoricalCrossentropy(from_logits=True)),
        IMAGES,
        ONE_HOT,
        2,
        "probabilities as logits",
    ),
    "probabilities, subclassed": (
        lambda: compiled(Own(softmax=True), SparseCategoricalCrossentropy(from_logits=True)),
        TABLE,
        LABELS,
        2,
        "probabilities as logits",
    ),
    "probabilities, binary rnn": (
        lambda: rnn(kl.Dense(1), kl.Activation("sigmoid"), loss=BinaryCrossentropy(from_logits=True)),
        WAVES,
        LABELS == 1,
        2,
        "probabilities as logits",
    ),
    "probabilities, one of two outputs": (
        lambda: two_heads(loss=SparseCategoricalCrossentropy(from_logits=True)),
        TABLE,
        both(),
        2,
        "probabilities as logits",
    ),
    "logits, subclassed": (lambda: compiled(Own()), TABLE, LABELS, 2, "logits as probabilities"),
    "logits, one of two outputs": (lambda: two_heads(kind=None), TABLE, both(), 2, "logits as probabilities"),
    "logits, binary table": (
        lambda: table(kl.Dense(1), loss="binary_crossentropy"),
        TABLE,
        LABELS == 1,
        2,
        "logits as probabilities",
    ),
    "inputs, bytes of a cnn": (cnn, (255 * IMAGES).astype("uint8"), LABELS, 20, "unscaled inputs"),
    "inputs, one column of a table": (table, RAW.astype("float32"), LABELS, 20, "unscaled inputs"),
    "targets, one of two outputs": (two_heads, TABLE, both(amount=300 + 90 * AMOUNT), 20, "unscaled targets"),
    "targets, rnn": (
        lambda: rnn(kl.Dense(1), cell=kl.GRU, loss="mae"),
        WAVES,
        5000 + 100 * AMOUNT,
        20,
        "unscaled targets",
    ),
    "dead, cnn": (lambda: cnn(bias_initializer=kk.initializers.Constant(-9.0)), IMAGES, LABELS, 5, "dead units"),
    "dead, relu of its own": (
        lambda: table(kl.Dense(8, bias_initializer=kk.initializers.Constant(-40.0)), kl.ReLU(), kl.Dense(3, "softmax")),
        TABLE,
        LABELS,
        5,
        "dead units",
    ),
    "saturated, rnn": (
        lambda: rnn(
            kl.Dense(6, "tanh", kernel_initializer=kk.initializers.RandomNormal(stddev=60.0)),
            kl.Dense(3, "softmax"),
            cell=kl.SimpleRNN,
        ),
        WAVES,
        LABELS,
        5,
        "saturated units",
    ),
    "saturated, sigmoid of its own": (
        lambda: table(
            kl.Dense(8, kernel_initializer=kk.initializers.RandomNormal(stddev=40.0)),
            kl.Activation("sigmoid"),
            kl.Dense(3, "softmax"),
        ),
        TABLE,
        LABELS,
        5,
        "saturated units",
    ),
    "shifted, one-hot cnn": (
        lambda: cnn(loss="categorical_crossentropy"),
        IMAGES,
        slipped(ONE_HOT),
        20,
        "shifted labels",
    ),
    "shifted, rnn": (rnn, WAVES, slipped(LABELS), 20, "shifted labels"),
    "shifted, two outputs": (two_heads, TABLE, both(kind=slipped(LABELS)), 20, "shifted labels"),
    "shuffled, cnn": (lambda: cnn(optimizer="sgd"), IMAGES, SHUFFLED, 60, "shuffled labels"),
    "shuffled, binary rnn": (
        lambda: rnn(kl.Dense(1, "sigmoid"), loss="binary_crossentropy", optimizer="sgd"),
        WAVES,
        SHUFFLED == 1,
        60,
        "shuffled labels",
    ),
    "shuffled, two outputs": (two_heads, TABLE, both(kind=SHUFFLED), 60, "shuffled labels"),
    "one class, cnn": (
        lambda: cnn(loss="categorical_crossentropy"),
        IMAGES,
        np.eye(3)[np.ones(COUNT, int)],
        10,
        "one class",
    ),
    "one class, two outputs": (two_heads, TABLE, both(kind=LABELS * 0), 10, "one class"),
    "one class, stream": (rnn, stream(WAVES, LABELS * 0 + 2), None, 10, "one class"),
    "sorted, stream": (
        cnn,
        stream(IMAGES[np.argsort(LABELS, kind="stable")], np.sort(LABELS), 8),
        None,
        6,
        "sorted labels",
    ),
    "leak, regression table": (lambda: table(kl.Dense(1), width=6, loss="mse"), LEAK, AMOUNT, 20, "leaking target"),
    "leak, last step of an rnn": (rnn, LATE, LABELS, 20, "leaking target"),
    "leak, one of two outputs": (
        two_heads,
        np.concatenate([TABLE[:, :4], AMOUNT[:, None]], 1),
        both(),
        20,
        "leaking target",
    ),
    "frozen, subclassed": (frozen_own, TABLE, LABELS, 5, "frozen layer"),
    "frozen, one of two outputs": (lambda: two_heads(frozen=True), TABLE, both(), 5, "frozen layer"),
    "one in a batch, cnn": (normed, IMAGES, LABELS, 3, "batch of one"),
    "mask, gru": (tagger, IDS, TAGS, 5, "lost mask"),
    "mask, regression of sensors": (sensors, GAPS, GAPS[..., :1], 5, "lost mask"),
}
HEALTHY = {
    "cnn": (cnn, IMAGES, LABELS),
    "one-hot cnn": (lambda: cnn(loss="categorical_crossentropy"), IMAGES, ONE_HOT),
    "rnn": (rnn, WAVES, LABELS),
    "gru, rmsprop": (lambda: rnn(cell=kl.GRU, optimizer="rmsprop"), WAVES, LABELS),
    "table, logits": (lambda: table(kl.Dense(3), loss=SparseCategoricalCrossentropy(from_logits=True)), TABLE, LABELS),
    "regression": (lambda: table(kl.Dense(1), loss="mse"), TABLE, AMOUNT),
    "binary": (lambda: table(kl.Dense(1, "sigmoid"), loss="binary_crossentropy"), TABLE, LABELS == 1),
    "two outputs": (two_heads, TABLE, both()),
    "subclassed": (lambda: compiled(Own(), SparseCategoricalCrossentropy(from_logits=True)), TABLE, LABELS),
    "attention": (attention, IDS, LABELS),
    "autoencoder": (autoencoder, IMAGES, IMAGES),
    "stream": (cnn, stream(IMAGES, LABELS), None),
    "ten layers": (
        lambda: deep(
            lambda i: kl.Dense(12, "relu", kernel_initializer="he_normal"), 10, kl.Dense(3, "softmax"), shape=(5,)
        ),
        TABLE,
        LABELS,
    ),
}


def explained(make, x, y, steps, batch_size=24):
    options = {} if y is None else {"y": y, "batch_size": batch_size}
    dbg = make().debug(x, **options)
    dbg.step(steps)
    return dbg.explain(), dbg


@pytest.mark.parametrize("case", PLANTED)
def test_a_mistake_is_found_in_any_kind_of_model(case):
    make, x, y, steps, kinds = PLANTED[case]
    found, _ = explained(make, x, y, steps, 1 if case.startswith("one in a batch") else 24)
    assert found.kind in ({kinds} if isinstance(kinds, str) else kinds), found
    assert found.title and found.evidence and found.advice


@pytest.mark.parametrize("case", HEALTHY)
def test_nothing_is_found_in_a_healthy_model_of_any_kind(case):
    make, x, y = HEALTHY[case]
    found, dbg = explained(make, x, y, 40)
    assert found.kind == "nothing", found
    assert [row["trouble"] for row in dbg.table().rows if row["trouble"]] == []
