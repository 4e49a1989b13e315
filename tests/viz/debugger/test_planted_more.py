"""The classic mistakes in Transformers, maps, two inputs, residual nets and 1D convolutions; healthy sweeps."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as kl
from kernelkit.initializers import Constant, RandomNormal
from kernelkit.losses import SparseCategoricalCrossentropy
from kernelkit.optimizers import SGD, Adam, RMSprop
from kernelkit.viz.debugger.finders import sure
from kernelkit.viz.debugger.finders.facts import Used
from tests.viz.debugger.test_planted import (
    AMOUNT,
    COUNT,
    IDS,
    IMAGES,
    LABELS,
    ONE_HOT,
    SHUFFLED,
    SPARSE,
    TABLE,
    WAVES,
    cnn,
    compiled,
    explained,
    rnn,
    slipped,
)
from tests.viz.debugger.test_verdicts import INITIALIZERS, OPTIMIZERS

RNG = np.random.default_rng(5)
MAPS = (IMAGES[..., 0] > 0.6).astype("int32")
PAIR = {"left": TABLE, "right": WAVES}
LONG = np.sin(np.linspace(0, 6, 24)[None] * (1 + LABELS[:, None]) + RNG.normal(0, 0.2, (COUNT, 1)))
LONG = LONG.astype("float32")[..., None]
LOGITS = SparseCategoricalCrossentropy(from_logits=True)
BIG = RandomNormal(stddev=30.0)


class Block(kl.Layer):
    """A block of a Transformer."""

    def __init__(self, width, **options):
        super().__init__(**options)
        self.attention, self.first, self.second = kl.MultiHeadAttention(2, width // 2), kl.Dense(2 * width), None
        self.second = kl.Dense(width)
        self.norms = [kl.LayerNormalization(), kl.LayerNormalization()]

    def call(self, x):
        x = self.norms[0](x + self.attention(x, x))
        return self.norms[1](x + self.second(kk.ops.gelu(self.first(x))))


def transformer(last=None, loss=SPARSE, optimizer="adam"):
    ids = kk.Input((6,), dtype="int32")
    x = Block(8)(Block(8)(kl.Embedding(12, 8)(ids)))
    last = last or kl.Dense(3, "softmax", name="head")
    return compiled(kk.Model(ids, last(kl.GlobalAveragePooling1D()(x))), loss, optimizer)


def segments(last="softmax", loss=SPARSE, optimizer="adam", **first):
    i = kk.Input((6, 6, 1))
    a = kl.Conv2D(6, 3, padding="same", activation="relu", **first)(i)
    b = kl.UpSampling2D()(kl.Conv2D(6, 3, padding="same", activation="relu")(kl.MaxPooling2D()(a)))
    return compiled(
        kk.Model(i, kl.Conv2D(2, 1, activation=last, name="head")(kl.Concatenate()([a, b]))), loss, optimizer
    )


def pair(last=None, loss=SPARSE, optimizer="adam"):
    left, right = kk.Input((5,), name="left"), kk.Input((8, 1), name="right")
    x = kl.Concatenate()([kl.Dense(6, "relu")(left), kl.Bidirectional(kl.GRU(4))(right)])
    last = last or kl.Dense(3, "softmax", name="head")
    return compiled(kk.Model({"left": left, "right": right}, last(x)), loss, optimizer)


def waves(last=None, loss=SPARSE, optimizer="adam", hidden="relu", **conv):
    body = [kl.Conv1D(6, 5, strides=s, activation=hidden, **conv) for s in (1, 2)]
    last = last or kl.Dense(3, "softmax", name="head")
    return compiled(kk.Sequential([kk.Input((24, 1)), *body, kl.GlobalMaxPooling1D(), last]), loss, optimizer)


def residual(last=None, loss=SPARSE, optimizer="adam"):
    i = kk.Input((5,))
    x = kl.Dense(8)(i)
    for _ in range(4):
        x = kl.Add()([x, kl.Dense(8)(kl.Dense(8, "relu")(x))])
    return compiled(kk.Model(i, (last or kl.Dense(3, "softmax", name="head"))(x)), loss, optimizer)


def dense(*layers, width=5, loss=SPARSE, optimizer="adam"):
    return compiled(kk.Sequential([kk.Input((width,)), *layers]), loss, optimizer)


def deep(make, count, shape, last=kl.Flatten):
    layers = [*[make() for _ in range(count)], last(), kl.Dense(3, "softmax")]
    return compiled(kk.Sequential([kk.Input(shape), *layers]))


def frozen(model):
    model.get_layer("head").trainable = False
    return compiled(model)


def huge(units, activation, loss=SPARSE):
    return dense(
        kl.Dense(units, activation, kernel_initializer=RandomNormal(stddev=500.0)), loss=loss, optimizer=SGD(0.01)
    )


WILD = {"large learning rate", "exploding", "dead units", "nan"}
SMALL = RandomNormal(stddev=0.05)
HEALTHY = {
    "transformer": (transformer, IDS, LABELS),
    "transformer, logits": (lambda: transformer(kl.Dense(3), LOGITS), IDS, LABELS),
    "maps": (segments, IMAGES, MAPS),
    "two inputs": (pair, PAIR, LABELS),
    "waves": (waves, LONG, LABELS),
    "residual": (residual, TABLE, LABELS),
    "residual regression": (lambda: residual(kl.Dense(1), "mse"), TABLE, AMOUNT),
    "dropout and norm": (
        lambda: dense(kl.Dense(16, "relu"), kl.Dropout(0.5), kl.BatchNormalization(), kl.Dense(3, "softmax")),
        TABLE,
        LABELS,
    ),
    "several labels": (
        lambda: dense(kl.Dense(8, "relu"), kl.Dense(3, "sigmoid"), loss="binary_crossentropy"),
        TABLE,
        ONE_HOT,
    ),
    "focal": (
        lambda: dense(kl.Dense(8, "relu"), kl.Dense(3, "softmax"), loss="categorical_focal_crossentropy"),
        TABLE,
        ONE_HOT,
    ),
}
RARE = (RNG.random(720) < 0.06).astype("int32")
FACTS = (RNG.normal(0, 1, (720, 8)) + 1.2 * RARE[:, None] * np.array([1, 0, 0, -1, 0, 0, 0, 0])).astype("float32")


class Batches(kk.utils.PyDataset):
    """Batches of a table with a rare class."""

    def __len__(self):
        return 30

    def __getitem__(self, i):
        return FACTS[24 * i : 24 * i + 24], RARE[24 * i : 24 * i + 24]


def rare(optimizer="sgd"):
    return dense(kl.Dense(8, "relu"), kl.Dense(2, "softmax"), width=8, optimizer=optimizer)


HEALTHY |= {
    "a rare class": (rare, FACTS, RARE),
    "a rare class, adam": (lambda: rare("adam"), FACTS, RARE),
    "a rare class, batch by batch": (rare, Batches(), None),
}
LEAKS = np.concatenate([TABLE, ONE_HOT], 1)
PLANTED = {
    "vanishing, waves": (
        lambda: deep(
            lambda: kl.Conv1D(4, 3, padding="same", activation="tanh", kernel_initializer=SMALL),
            8,
            (24, 1),
            kl.GlobalAveragePooling1D,
        ),
        LONG,
        LABELS,
        20,
        "vanishing gradients",
    ),
    "vanishing, gru": (
        lambda: deep(lambda: kl.GRU(4, return_sequences=True, kernel_initializer=SMALL), 7, (8, 1)),
        WAVES,
        LABELS,
        20,
        "vanishing gradients",
    ),
    "small rate, transformer": (lambda: transformer(optimizer=Adam(1e-9)), IDS, LABELS, 40, "small learning rate"),
    "small rate, two inputs": (lambda: pair(optimizer=SGD(1e-8)), PAIR, LABELS, 40, "small learning rate"),
    "small rate, maps": (lambda: segments(optimizer=RMSprop(1e-9)), IMAGES, MAPS, 40, "small learning rate"),
    "large rate, transformer": (lambda: transformer(optimizer=Adam(3.0)), IDS, LABELS, 40, WILD),
    "large rate, two inputs": (lambda: pair(optimizer=Adam(5.0)), PAIR, LABELS, 40, WILD),
    "large rate, maps": (lambda: segments(optimizer=Adam(5.0)), IMAGES, MAPS, 40, WILD),
    "large rate, waves": (lambda: waves(optimizer=Adam(3.0)), LONG, LABELS, 40, WILD),
    "large rate, RMSprop on an lstm": (lambda: rnn(optimizer=RMSprop(2.0)), WAVES, LABELS, 40, WILD),
    "large rate, RMSprop on a gru": (lambda: rnn(cell=kl.GRU, optimizer=RMSprop(2.0)), WAVES, LABELS, 40, WILD),
    "large rate, RMSprop on a cnn": (lambda: cnn(optimizer=RMSprop(2.0)), IMAGES, LABELS, 30, WILD),
    "probabilities, transformer": (lambda: transformer(loss=LOGITS), IDS, LABELS, 2, "probabilities as logits"),
    "probabilities, maps": (lambda: segments(loss=LOGITS), IMAGES, MAPS, 2, "probabilities as logits"),
    "probabilities, two inputs": (lambda: pair(loss=LOGITS), PAIR, LABELS, 2, "probabilities as logits"),
    "logits, transformer": (lambda: transformer(kl.Dense(3)), IDS, LABELS, 2, "logits as probabilities"),
    "logits, maps": (lambda: segments(None), IMAGES, MAPS, 2, "logits as probabilities"),
    "logits, two inputs": (lambda: pair(kl.Dense(3)), PAIR, LABELS, 2, "logits as probabilities"),
    "one unit, binary": (
        lambda: dense(kl.Dense(1, "softmax"), loss="binary_crossentropy"),
        TABLE,
        LABELS == 1,
        1,
        "softmax of one unit",
    ),
    "one unit, maps": (
        lambda: compiled(kk.Sequential([kk.Input((6, 6, 1)), kl.Conv2D(1, 1), kl.Softmax()]), "binary_crossentropy"),
        IMAGES,
        MAPS[..., None],
        3,
        "softmax of one unit",
    ),
    "inputs, waves": (waves, LONG * 400, LABELS, 20, "unscaled inputs"),
    "inputs, one of two": (pair, {"left": TABLE * 1000, "right": WAVES}, LABELS, 20, "unscaled inputs"),
    "targets, residual": (lambda: residual(kl.Dense(1), "mse"), TABLE, 4000 + 500 * AMOUNT, 20, "unscaled targets"),
    "targets, huber": (lambda: waves(kl.Dense(1), "huber"), LONG, 4000 + 500 * AMOUNT, 20, "unscaled targets"),
    "dead, waves": (lambda: waves(bias_initializer=Constant(-9.0)), LONG, LABELS, 5, "dead units"),
    "dead, relu6": (lambda: waves(hidden="relu6", bias_initializer=Constant(-9.0)), LONG, LABELS, 5, "dead units"),
    "dead, maps": (lambda: segments(bias_initializer=Constant(-9.0)), IMAGES, MAPS, 5, "dead units"),
    "saturated, tanh": (lambda: waves(hidden="tanh", kernel_initializer=BIG), LONG, LABELS, 5, "saturated units"),
    "saturated, hard sigmoid": (
        lambda: dense(kl.Dense(8, "hard_sigmoid", kernel_initializer=BIG), kl.Dense(3, "softmax")),
        TABLE,
        LABELS,
        5,
        "saturated units",
    ),
    "saturated, hard tanh": (
        lambda: dense(kl.Dense(8, "hard_tanh", kernel_initializer=BIG), kl.Dense(3, "softmax")),
        TABLE,
        LABELS,
        5,
        "saturated units",
    ),
    "sure, softmax": (lambda: huge(3, "softmax"), TABLE, LABELS, 20, "saturated outputs"),
    "sure, one-hot": (lambda: huge(3, "softmax", "categorical_crossentropy"), TABLE, ONE_HOT, 20, "saturated outputs"),
    "sure, sigmoid": (lambda: huge(1, "sigmoid", "binary_crossentropy"), TABLE, LABELS == 1, 20, "saturated outputs"),
    "sure, cnn": (
        lambda: cnn(kernel_initializer=RandomNormal(stddev=500.0)),
        IMAGES,
        LABELS,
        20,
        "saturated outputs",
    ),
    "shifted, transformer": (transformer, IDS, slipped(LABELS), 20, "shifted labels"),
    "shifted, two inputs": (pair, PAIR, slipped(LABELS), 20, "shifted labels"),
    "shuffled, transformer": (lambda: transformer(optimizer="sgd"), IDS, SHUFFLED, 60, "shuffled labels"),
    "shuffled, two inputs": (lambda: pair(optimizer="sgd"), PAIR, SHUFFLED, 60, "shuffled labels"),
    "shuffled, maps": (lambda: segments(optimizer="sgd"), IMAGES, RNG.permutation(MAPS), 60, "shuffled labels"),
    "shuffled, regression": (
        lambda: residual(kl.Dense(1), "mse", "sgd"),
        TABLE,
        RNG.permutation(AMOUNT),
        60,
        "shuffled labels",
    ),
    "shuffled, a rare class": (rare, FACTS, RNG.permutation(RARE), 60, "shuffled labels"),
    "one class, maps": (segments, IMAGES, MAPS * 0, 10, "one class"),
    "one value, regression": (lambda: residual(kl.Dense(1), "mse"), TABLE, AMOUNT * 0 + 3, 10, "one class"),
    "leak, one of two inputs": (
        pair,
        {"left": np.concatenate([TABLE[:, :4], LABELS[:, None]], 1).astype("float32"), "right": WAVES},
        LABELS,
        20,
        "leaking target",
    ),
    "leak, one-hot": (
        lambda: dense(kl.Dense(3, "softmax"), width=8, loss="categorical_crossentropy"),
        LEAKS,
        ONE_HOT,
        20,
        "leaking target",
    ),
    "frozen, transformer": (lambda: frozen(transformer()), IDS, LABELS, 5, "frozen layer"),
    "frozen, maps": (lambda: frozen(segments()), IMAGES, MAPS, 5, "frozen layer"),
    "frozen, two inputs": (lambda: frozen(pair()), PAIR, LABELS, 5, "frozen layer"),
    "one in a batch, relu behind": (
        lambda: dense(kl.Dense(8), kl.BatchNormalization(), kl.ReLU(), kl.Dense(3, "softmax")),
        TABLE,
        LABELS,
        3,
        "batch of one",
    ),
}


@pytest.mark.one_in(20)
@pytest.mark.parametrize("case", PLANTED)
def test_a_mistake_is_found_by_its_cause(case):
    make, x, y, steps, kinds = PLANTED[case]
    found, _ = explained(make, x, y, steps, 1 if case.startswith("one in a batch") else 24)
    assert found.kind in ({kinds} if isinstance(kinds, str) else kinds), found
    assert found.title and found.evidence and found.advice


@pytest.mark.one_in(10)
@pytest.mark.parametrize("case", HEALTHY)
def test_nothing_is_found_in_a_healthy_model(case):
    found, dbg = explained(*HEALTHY[case], 50)
    assert found.kind == "nothing", found
    assert [row["trouble"] for row in dbg.table().rows if row["trouble"]] == []


def plain_cnn(optimizer, initializer):
    convs = [kl.Conv2D(4, 3, activation="relu", kernel_initializer=initializer) for _ in range(2)]
    head = kl.Dense(3, "softmax", kernel_initializer=initializer)
    return compiled(kk.Sequential([kk.Input((6, 6, 1)), *convs, kl.Flatten(), head]), SPARSE, optimizer)


def plain_rnn(optimizer, initializer, cell):
    layers = [cell(6, kernel_initializer=initializer), kl.Dense(3, "softmax", kernel_initializer=initializer)]
    return compiled(kk.Sequential([kk.Input((8, 1)), *layers]), SPARSE, optimizer)


SWEEP = [(one, "glorot_uniform") for one in OPTIMIZERS] + [("adam", one) for one in INITIALIZERS]
KINDS = {
    "cnn": (plain_cnn, IMAGES),
    "lstm": (lambda *how: plain_rnn(*how, kl.LSTM), WAVES),
    "gru": (lambda *how: plain_rnn(*how, kl.GRU), WAVES),
    "simple rnn": (lambda *how: plain_rnn(*how, kl.SimpleRNN), WAVES),
}


@pytest.mark.one_in(40)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("optimizer", "initializer"), SWEEP)
def test_no_alarm_with_any_optimizer_and_initializer_from_the_first_step_to_the_fiftieth(kind, optimizer, initializer):
    make, x = KINDS[kind]
    dbg = make(optimizer, initializer).debug(x, LABELS, batch_size=24)
    for step in (0, 1, 2, 5, 20, 50):
        dbg.step(step - dbg.position) if step else None
        assert [row["trouble"] for row in dbg.table().rows if row["trouble"]] == [], step
        found = dbg.explain()
        assert found.kind == "nothing", (step, found)


def test_answers_are_sure_and_right_by_the_loss_that_reads_them():
    logits = np.array([[20.0, 0, 0], [0, 30, 0], [1, 1, 0]])
    sparse, binary = SparseCategoricalCrossentropy(from_logits=True), kk.losses.BinaryCrossentropy()
    found = sure.answers_of(Used("SparseCategoricalCrossentropy", sparse, np.array([0, 2, 0]), logits))
    assert (found.sure.tolist(), found.right.tolist()) == ([True, True, False], [True, False, True])
    found = sure.answers_of(Used("BinaryCrossentropy", binary, np.array([1, 0, 1]), np.array([[1.0], [1.0], [0.4]])))
    assert (found.sure.tolist(), found.right.tolist()) == ([True, True, False], [True, False, False])
    assert sure.answers_of(Used("mean_squared_error", None, np.zeros(3), logits)) is None
    assert sure.answers_of(Used("SparseCategoricalCrossentropy", sparse, np.zeros(2), logits)) is None
