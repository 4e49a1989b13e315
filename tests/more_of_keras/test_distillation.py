"""A student beside its teacher: the loss by hand, features, files."""

import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.distillation import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 3)).astype("float32")
Y = np.eye(4, dtype="float32")[np.arange(8) % 4]
T, S = RNG.normal(size=(2, 5, 4)).astype("float32")


def network(hidden=6, inputs=3, outputs=4, name=None):
    layers = [kk.Input((inputs,)), kk.layers.Dense(hidden, "relu", name="hidden"), kk.layers.Dense(outputs, name="out")]
    return kk.Sequential(layers, name=name)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("loss", ["kl_divergence", "KLDivergence", kk.losses.KLDivergence()], ids=str)
def test_logits_are_compared_as_distributions(loss):
    p, q = softmax(T / 2), softmax(S / 2)
    expected = (p * np.log(p / q)).sum(-1).mean()
    np.testing.assert_allclose(LogitsDistillation(2.0, loss).compute_loss(T, S), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "loss", ["categorical_crossentropy", kk.losses.CategoricalCrossentropy(from_logits=True)], ids=["name", "logits"]
)
def test_cross_entropy_of_logits(loss):
    expected = -(softmax(T / 3) * np.log(softmax(S / 3))).sum(-1).mean()
    np.testing.assert_allclose(LogitsDistillation(3.0, loss).compute_loss(T, S), expected, rtol=1e-4)


@pytest.mark.parametrize("loss", ["mse", "mae", ["mse", None], {"a": "mse", "b": "mae"}], ids=str)
def test_other_losses_have_the_values_of_keras(loss):
    pack = {list: lambda v: [v, v * 2], dict: lambda v: {"b": v * 2, "a": v}}.get(type(loss), lambda v: v)
    own = LogitsDistillation(2.0, loss).compute_loss(pack(T), pack(S))
    theirs = keras.distillation.LogitsDistillation(2.0, loss).compute_loss(pack(T), pack(S))
    np.testing.assert_allclose(own, theirs, rtol=1e-5)
    own = FeatureDistillation(loss).compute_loss(pack(T), pack(S))
    theirs = keras.distillation.FeatureDistillation(loss).compute_loss(pack(T), pack(S))
    np.testing.assert_allclose(own, theirs, rtol=1e-5)


def features(model, x):
    return kk.Model(model.inputs, model.layers[0].output)(x)


def test_the_loss_is_the_weighted_sum():
    teacher, student = network(), network()
    crossentropy = kk.losses.CategoricalCrossentropy(from_logits=True)
    distiller = Distiller(
        teacher,
        student,
        [LogitsDistillation(2.0), FeatureDistillation("mse", "hidden", "hidden")],
        distillation_loss_weights=[1.0, 0.5],
        student_loss_weight=0.3,
    )
    distiller.compile("sgd", crossentropy, metrics=["accuracy"])
    taught = float(LogitsDistillation(2.0).compute_loss(teacher(X), student(X)))
    taught += 0.5 * float(np.mean((features(teacher, X) - features(student, X)) ** 2))
    own = float(crossentropy(Y, student(X)))
    before = [w.copy() for w in teacher.get_weights()], [w.copy() for w in student.get_weights()]
    logs = distiller.evaluate(X, Y, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "accuracy", "student_loss", "distillation_loss", "total_loss"}
    expected = {"student_loss": own, "distillation_loss": taught, "total_loss": 0.3 * own + 0.7 * taught}
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-4)
    assert len(distiller.trainable_variables) == 4 and not teacher.trainable
    distiller.fit(X, Y, epochs=2, verbose=0)
    for a, b in zip(teacher.get_weights(), before[0]):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(student.get_weights()[0], before[1][0])
    np.testing.assert_allclose(distiller.predict(X, verbose=0), student(X), rtol=1e-5)


def test_a_student_learns_from_its_teacher_alone():
    kk.utils.set_random_seed(0)
    teacher, student = network(16), network(16)
    distiller = Distiller(teacher, student, LogitsDistillation(1.0), student_loss_weight=0.0)
    distiller.compile(kk.optimizers.Adam(0.05))
    losses = distiller.fit(X, epochs=100, verbose=0).history["total_loss"]
    assert losses[-1] < losses[0] / 20


def test_a_distiller_is_saved_whole(tmp_path):
    distiller = Distiller(network(), network(5), [LogitsDistillation(4.0, ["mse"]), FeatureDistillation()], [1.0, 2.0])
    distiller.compile("adam", "mse")
    distiller.fit(X, Y, verbose=0)
    distiller.save(tmp_path / "d.keras")
    again = kk.saving.load_model(tmp_path / "d.keras")
    assert isinstance(again, Distiller) and again.distillation_losses[0].temperature == 4.0
    np.testing.assert_allclose(again.predict(X, verbose=0), distiller.predict(X, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(again.teacher(X), distiller.teacher(X), rtol=1e-5)
    assert again.distillation_loss_weights == [1.0, 2.0]


def test_own_losses_are_asked_for_what_they_compare():
    class Norms(DistillationLoss):
        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            return kk.ops.mean(
                kk.ops.abs(kk.ops.norm(teacher_outputs, axis=-1) - kk.ops.norm(student_outputs, axis=-1))
            )

    teacher, student = network(), network()
    distiller = Distiller(teacher, student, Norms(), student_loss_weight=0.0)
    distiller.compile("sgd", "mse")
    expected = np.mean(np.abs(np.linalg.norm(teacher(X), axis=-1) - np.linalg.norm(student(X), axis=-1)))
    np.testing.assert_allclose(distiller.evaluate(X, Y, verbose=0, return_dict=True)["loss"], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LogitsDistillation(0), "temperature must be positive"),
        (lambda: LogitsDistillation("a"), "temperature must be a number"),
        (lambda: LogitsDistillation(loss=None), "not None"),
        (lambda: FeatureDistillation([None, None]), "not None"),
        (lambda: LogitsDistillation(loss="foo"), "foo"),
        (lambda: LogitsDistillation(loss=["mse"]).compute_loss([T, T], [S, S]), "1 losses.*2 outputs"),
        (lambda: LogitsDistillation().validate_outputs([T], [S, S]), "1 outputs, the student 2"),
        (lambda: Distiller(network(), network(), LogitsDistillation(), student_loss_weight=2), "between"),
        (lambda: Distiller(network(), network(), LogitsDistillation(), student_loss_weight="a"), "must be a number"),
        (lambda: Distiller(network(), network(), [LogitsDistillation()], [1, 2]), r"weights \(2\)"),
        (lambda: Distiller(network(), network(inputs=2), LogitsDistillation()), "input shapes"),
        (lambda: Distiller(network(), network(outputs=5), LogitsDistillation()), "output shapes"),
        (lambda: Distiller(network(), 3, LogitsDistillation()), "Student must be"),
        (lambda: Distiller(network(), network(), []), "at least one"),
        (lambda: Distiller(network(), network(), [3]), "DistillationLoss"),
        (lambda: Distiller(network(), network(), FeatureDistillation("mse", "nope")), "In teacher model.*nope"),
    ],
)
def test_errors(make, words):
    with pytest.raises(ValueError, match=words):
        make()
