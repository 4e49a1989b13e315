"""The debugger's verdicts: silence on healthy trainings, and the classic mistakes found by name."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.debugger.finders import LOOKED_FOR, depth

pytestmark = pytest.mark.one_in(4)

RNG = np.random.default_rng(7)
CENTERS = RNG.normal(0, 1.5, (3, 6))
LABELS = RNG.integers(0, 3, 240)
POINTS = (CENTERS[LABELS] + RNG.normal(0, 0.6, (240, 6))).astype("float32")
OPTIMIZERS = ["adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lamb", "lion", "muon", "nadam"]
OPTIMIZERS += ["rmsprop", "sgd"]
INITIALIZERS = ["glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform"]
INITIALIZERS += ["orthogonal", "random_normal", "random_uniform", "truncated_normal", "variance_scaling"]


def layered(*layers, optimizer="adam", loss="sparse_categorical_crossentropy", shape=(6,)):
    model = kk.Sequential([kk.Input(shape), *layers])
    model.compile(optimizer, loss)
    return model


def classifier(optimizer="adam", activation="softmax", loss="sparse_categorical_crossentropy", hidden="relu"):
    dense = kk.layers.Dense
    return layered(
        dense(8, hidden, name="a"),
        dense(8, hidden, name="b"),
        dense(3, activation, name="c"),
        optimizer=optimizer,
        loss=loss,
    )


def verdict(model, x=POINTS, y=LABELS, steps=50, **options):
    dbg = model.debug(x, y, batch_size=24, **options)
    if steps:
        dbg.step(steps)
    return dbg.explain()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_alarm_on_a_healthy_model_with_any_optimizer_from_the_first_step_on(optimizer):
    dbg = classifier(optimizer).debug(POINTS, LABELS, batch_size=24)
    assert [row["trouble"] for row in dbg.table().rows] == [None] * 3
    assert dbg.explain().kind == "nothing"
    for steps in (1, 49):
        dbg.step(steps)
        assert [row["trouble"] for row in dbg.table().rows] == [None] * 3
        found = dbg.explain()
        assert found.kind == "nothing", found
    assert [line.removeprefix("looked for: ") for line in found.evidence] == list(LOOKED_FOR)


def test_no_small_learning_rate_where_the_first_steps_changed_the_weights():
    for seed in range(8):
        kk.utils.set_random_seed(seed)
        found = verdict(classifier("ftrl"))  # its first steps shrink the weights to zero, later ones change nothing
        assert found.kind != "small learning rate", found


def test_no_alarm_with_any_initializer():
    dbg = classifier("sgd").debug(POINTS, LABELS, batch_size=24)
    kernels = [path for path in dbg.gradients() if path.endswith("kernel")]
    biases = [path for path in dbg.gradients() if path.endswith("bias")]
    shapes = {path: gradient.shape for path, gradient in dbg.gradients().items()}
    for name in INITIALIZERS:
        make = kk.initializers.get(name)
        fork = dbg.fork(weights={path: np.asarray(make(shapes[path])) for path in kernels}, name=name)
        for steps in (1, 20):
            fork.step(steps)
            assert [row["trouble"] for row in fork.table().rows] == [None] * 3, name
            assert fork.explain().kind == "nothing", (name, fork.explain())
    for value in (0.0, 0.1):  # "zeros" and "constant"
        fork = dbg.fork(weights={path: np.full(shapes[path], value, "float32") for path in biases})
        fork.step(3)
        assert fork.explain().kind == "nothing"


def test_a_model_that_has_learned_its_data_is_healthy():
    x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
    model = layered(kk.layers.Dense(1), optimizer=kk.optimizers.SGD(0.5), loss="mse", shape=(1,))
    assert verdict(model, x, 2 * x, 120).kind == "nothing"


def deep(activation, initializer):
    layers = [kk.layers.Dense(12, activation, kernel_initializer=initializer) for _ in range(12)]
    return layered(*layers, kk.layers.Dense(3, "softmax"))


def tokens():
    ids = RNG.integers(1, 9, (96, 7))
    ids[:, 4:] = 0
    return ids


class Forgets(kk.layers.Layer):
    """A layer that does not hand its mask on."""

    def call(self, x):
        return x * 1.0

    def compute_mask(self, x, mask=None):
        return None


def tagger():
    layers = [kk.layers.Embedding(9, 4, mask_zero=True), Forgets(), kk.layers.Dense(3, "softmax")]
    return layered(*layers, shape=(7,))


def frozen():
    model = classifier()
    model.layers[-1].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


SPARSE = kk.losses.SparseCategoricalCrossentropy
NOISE = np.random.default_rng(3).permutation(LABELS)
PRICES = (150 + 77 * np.tanh(POINTS[:, 0] * POINTS[:, 1])).astype("float32")
LEAKING = np.concatenate([POINTS, (LABELS[:, None] - 1) * 0.3], 1).astype("float32")
CASES = {
    "vanishing": (lambda: deep("sigmoid", "glorot_uniform"), {}, "vanishing gradients", "by a factor of about 0."),
    "small rate": (lambda: classifier(kk.optimizers.SGD(1e-8)), {}, "small learning rate", "has not moved in 50 steps"),
    "not logits": (
        lambda: classifier(loss=SPARSE(from_logits=True)),
        {"steps": 1},
        "probabilities as logits",
        "expects logits",
    ),
    "logits": (lambda: classifier(activation=None), {"steps": 1}, "logits as probabilities", "expects probabilities"),
    "targets": (
        lambda: layered(kk.layers.Dense(8, "relu"), kk.layers.Dense(1), loss="mse"),
        {"y": PRICES},
        "unscaled targets",
        "not scaled",
    ),
    "inputs": (classifier, {"x": POINTS * 100}, "unscaled inputs", "not scaled"),
    "saturated": (lambda: classifier(hidden="tanh"), {"x": POINTS * 15}, "saturated units", "'a'"),
    "one class": (classifier, {"y": np.ones(240, int)}, "one class", "All labels are 1"),
    "leak": (lambda: layered(kk.layers.Dense(3, "softmax"), shape=(7,)), {"x": LEAKING}, "leaking target", "column 6"),
    "shuffled": (lambda: classifier("sgd"), {"y": NOISE, "steps": 60}, "shuffled labels", "not related to the inputs"),
    "frozen": (frozen, {}, "frozen layer", "'c'"),
    "mask": (tagger, {"x": tokens(), "y": RNG.integers(0, 3, (96, 7))}, "lost mask", "counts padding"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_classic_mistake_is_found_and_named(case):
    make, options, kind, words = CASES[case]
    found = verdict(make(), **options)
    assert found.kind == kind and words in found.title, found
    assert found.evidence and found.advice


def test_batches_of_one_class_each():
    order = np.argsort(LABELS, kind="stable")
    dbg = classifier().debug(POINTS[order], LABELS[order], batch_size=8, shuffle=False)
    dbg.step(6)
    assert dbg.explain().kind == "sorted labels"


def test_batch_normalization_of_one_value():
    model = layered(kk.layers.Dense(4), kk.layers.BatchNormalization(name="norm"), kk.layers.Dense(3, "softmax"))
    dbg = model.debug(POINTS, LABELS, batch_size=1)
    dbg.step(2)
    found = dbg.explain()
    assert found.kind == "batch of one" and found.layer == "norm"


def test_gradients_that_grow_with_depth():
    layers = [kk.layers.Dense(12, kernel_initializer=kk.initializers.RandomNormal(stddev=1.5)) for _ in range(9)]
    model = layered(*layers, kk.layers.Dense(1), loss="mse", optimizer=kk.optimizers.SGD(1e-30))
    dbg = model.debug(POINTS, LABELS.astype("float32"), batch_size=24)
    dbg.step(2)
    found = depth.find(dbg.view())
    assert found.kind == "exploding gradients" and "grow from layer to layer" in found.title


def test_the_weights_of_an_rnns_cell_count_for_the_rnn():
    model = layered(kk.layers.LSTM(3, name="lstm"), kk.layers.Dense(3, "softmax"), shape=(6, 1))
    dbg = model.debug(POINTS[..., None], LABELS, batch_size=24)
    row = dbg.table().row("lstm")
    own = [g for path, g in dbg.gradients("lstm").items()]
    assert row["grad"] == pytest.approx(np.sqrt(sum(np.sum(g.astype("float64") ** 2) for g in own)), rel=1e-5)
    assert 0 < row["update_ratio"] < 0.1
