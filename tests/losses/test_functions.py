"""Every loss function against Keras: values, and gradients with respect to the predictions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kernelkit import losses

pytestmark = pytest.mark.one_in(3)

RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.uniform(0.02, 0.98, shape).astype("float32")


def bits(*shape):
    return RNG.integers(0, 2, shape).astype("float32")


def unit(*shape):
    x = RNG.normal(size=shape).astype("float32")
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


ONE_HOT = np.eye(4, dtype="float32")[RNG.integers(0, 4, 6)]
LABELS = RNG.integers(0, 4, 6)
LOGITS = RNG.normal(size=(6, 4)).astype("float32") * 3
TRUE, PRED, BITS = floats(6, 4), floats(6, 4), bits(6, 4)
# Zeros, ones and numbers outside of [0, 1]: what the clipping is for.
EDGE_TRUE = np.array([[0, 1, 1, 0], [1, 1, 0, 1], [0, 1, 0, 1]], "float32")
EDGE = np.array([[0, 1, 0, 1], [1, 0, 0.5, 2], [-1, 0, 0, 0]], "float32")
EMBEDDINGS, GROUPS = unit(6, 5), np.array([0, 0, 1, 1, 2, 3])
SEQUENCES = np.array([[1, 2, 2, 0], [3, 0, 0, 0], [1, 2, 3, 1]])
FRAMES = RNG.normal(size=(3, 8, 5)).astype("float32") * 2

CASES = [
    *[
        (name, (TRUE, PRED), {})
        for name in (
            "mean_squared_error mean_absolute_error mean_absolute_percentage_error mean_squared_logarithmic_error "
            "huber log_cosh cosine_similarity kl_divergence poisson hinge squared_hinge categorical_hinge dice tversky"
        ).split()
    ],
    ("huber", (TRUE, 5 * PRED), {"delta": 0.3}),
    ("cosine_similarity", (TRUE, PRED), {"axis": 0}),
    ("hinge", (BITS, LOGITS), {}),
    ("squared_hinge", (2 * BITS - 1, LOGITS), {}),
    ("categorical_hinge", (ONE_HOT, LOGITS), {}),
    ("binary_crossentropy", (BITS, PRED), {}),
    ("binary_crossentropy", (BITS, PRED), {"label_smoothing": 0.1}),
    ("binary_crossentropy", (BITS, LOGITS), {"from_logits": True}),
    ("binary_crossentropy", (BITS, 30 * LOGITS), {"from_logits": True, "label_smoothing": 0.2}),
    ("binary_crossentropy", (floats(2, 4, 3), floats(2, 4, 3)), {"axis": 1}),
    ("categorical_crossentropy", (ONE_HOT, PRED), {}),
    ("categorical_crossentropy", (ONE_HOT, PRED), {"label_smoothing": 0.1}),
    ("categorical_crossentropy", (ONE_HOT, 30 * LOGITS), {"from_logits": True}),
    ("categorical_crossentropy", (floats(2, 4, 3), floats(2, 4, 3)), {"axis": 1}),
    ("sparse_categorical_crossentropy", (LABELS, PRED), {}),
    ("sparse_categorical_crossentropy", (LABELS[:, None], PRED), {}),
    ("sparse_categorical_crossentropy", (LABELS, 30 * LOGITS), {"from_logits": True}),
    ("sparse_categorical_crossentropy", (LABELS, PRED), {"ignore_class": 2}),
    ("sparse_categorical_crossentropy", (np.array([4, -1, 0, 1, 2, 3]), PRED), {}),
    ("sparse_categorical_crossentropy", (RNG.integers(0, 4, (2, 3)), floats(2, 3, 4)), {}),
    ("binary_focal_crossentropy", (BITS, PRED), {}),
    ("binary_focal_crossentropy", (BITS, LOGITS), {"from_logits": True, "label_smoothing": 0.1, "gamma": 3.0}),
    ("binary_focal_crossentropy", (BITS, PRED), {"apply_class_balancing": True, "alpha": 0.4}),
    ("categorical_focal_crossentropy", (ONE_HOT, PRED), {}),
    ("categorical_focal_crossentropy", (ONE_HOT, LOGITS), {"from_logits": True, "label_smoothing": 0.1, "gamma": 1.5}),
    ("categorical_focal_crossentropy", (ONE_HOT, PRED), {"alpha": [0.1, 0.2, 0.3, 0.4]}),
    ("categorical_generalized_cross_entropy", (LABELS, PRED), {"q": 0.5}),
    ("categorical_generalized_cross_entropy", (LABELS, PRED), {"q": 0.9}),
    ("dice", (floats(2, 3, 4), floats(2, 3, 4)), {"axis": (1, 2)}),
    ("tversky", (floats(2, 3, 4), floats(2, 3, 4)), {"axis": -1, "alpha": 0.2, "beta": 0.9}),
    ("circle", (GROUPS, EMBEDDINGS), {}),
    ("circle", (GROUPS, EMBEDDINGS), {"remove_diagonal": False, "gamma": 10, "margin": 0.2}),
    ("circle", (GROUPS, 3 * EMBEDDINGS), {"gamma": 2}),
    ("circle", (GROUPS, EMBEDDINGS), {"ref_labels": np.array([0, 1, 5]), "ref_embeddings": unit(3, 5)}),
    ("ctc", (SEQUENCES, FRAMES), {}),
    *[
        (name, (EDGE_TRUE, EDGE), {})
        for name in (
            "binary_crossentropy binary_focal_crossentropy kl_divergence poisson mean_squared_logarithmic_error "
            "mean_absolute_percentage_error cosine_similarity log_cosh dice tversky hinge"
        ).split()
    ],
]


@pytest.mark.parametrize(("name", "batch", "options"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_values_and_gradients_equal_keras(name, batch, options):
    y_true, y_pred = batch
    ours, theirs = getattr(losses, name), getattr(keras.losses, name)

    def with_gradient(function):
        def total(p):
            values = function(y_true, p, **options)
            return jnp.sum(values), values

        (_, values), gradient = jax.jit(jax.value_and_grad(total, has_aux=True))(y_pred)
        return np.asarray(values), np.asarray(gradient)

    values, gradient = with_gradient(ours)
    expected, expected_gradient = with_gradient(theirs)
    assert values.shape == expected.shape and values.dtype == expected.dtype
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-5 * max(1, abs(expected_gradient).max()))


def test_every_function_of_keras_is_compared():
    theirs = {n for n, v in vars(keras.losses).items() if callable(v) and not n.startswith("_") and n.islower()}
    assert theirs - {"get", "serialize", "deserialize"} == {name for name, _, _ in CASES}


@pytest.mark.parametrize("classes", [10, 1000])
def test_softmax_crossentropy_through_a_layer_equals_keras(classes):
    logits = RNG.normal(size=(32, classes)).astype("float32") * 4
    labels = RNG.integers(0, classes, 32)

    def mean(function):
        return jax.jit(jax.value_and_grad(lambda z: jnp.mean(function(labels, jax.nn.softmax(z)))))(logits)

    value, gradient = mean(losses.sparse_categorical_crossentropy)
    expected, expected_gradient = mean(keras.losses.sparse_categorical_crossentropy)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-6)


def test_classes_may_lie_on_another_axis():
    labels, p = RNG.integers(0, 4, (2, 3)), floats(2, 4, 3)
    moved = losses.sparse_categorical_crossentropy(labels, np.moveaxis(p, 1, -1))
    np.testing.assert_allclose(losses.sparse_categorical_crossentropy(labels, p, axis=1), moved)


def test_generalized_cross_entropy_has_a_finite_gradient_at_zero():
    gradient = jax.grad(lambda p: losses.categorical_generalized_cross_entropy([0], p, q=0.5)[0])(
        jnp.array([[0.0, 1.0]])
    )
    assert gradient.tolist() == [[0.0, 0.0]]


def test_ctc_of_an_impossible_label_is_large_with_a_finite_gradient():
    value, gradient = jax.value_and_grad(lambda z: losses.ctc(SEQUENCES[:1], z)[0])(FRAMES[:1, :3])
    assert value > 1e4 and np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_values_have_the_dtype_of_the_predictions(dtype):
    assert losses.mean_squared_error(BITS, jnp.asarray(PRED, dtype)).dtype.name == dtype
    assert losses.sparse_categorical_crossentropy(LABELS, jnp.asarray(PRED, dtype)).dtype.name == dtype


def test_integer_predictions_are_floats():
    assert float(losses.mean_squared_error([0, 1], [1, 3])) == 2.5


@pytest.mark.parametrize(
    ("true", "pred"), [((4,), (4, 1)), ((4, 1), (4,)), ((4, 5), (4, 5, 1)), ((4, 5, 1), (4, 5)), ((), (4, 3))]
)
def test_a_last_axis_of_one_is_matched(true, pred):
    values = losses.mean_squared_error(np.zeros(true), np.ones(pred))
    assert values.shape == (4,) if len(pred) <= 2 else True
    np.testing.assert_allclose(values, 1.0)


def test_ctc_takes_zeros_among_labels_as_keras():
    logits = RNG.normal(size=(4, 5, 3)).astype("float32")
    labels = np.array([[1, 2, 0, 2], [1, 0, 2, 0], [1, 0, 1, 0], [0, 1, 2, 0]])
    np.testing.assert_allclose(losses.ctc(labels, logits), keras.losses.ctc(labels, logits), rtol=1e-5)


def test_circle_leaves_samples_without_a_like_out_of_the_mean():
    embeddings = np.eye(4, dtype="float32")
    labels = np.array([0, 0, 0, 1])
    theirs = keras.losses.Circle(gamma=1.0)(labels, embeddings)
    np.testing.assert_allclose(losses.Circle(gamma=1.0)(labels, embeddings), theirs, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
@pytest.mark.parametrize("classes", [3, 1000, 1024, 1025])
def test_class_indices_of_any_dtype_find_their_class(dtype, classes):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, min(classes, 250), (4, 2)).astype(dtype)
    scores = rng.normal(size=(4, 2, classes)).astype("float32")
    log_p = scores - np.log(np.sum(np.exp(scores), -1, keepdims=True))
    right = -np.take_along_axis(log_p, labels.astype(int)[..., None], -1)[..., 0]

    def loss(scores):
        return losses.sparse_categorical_crossentropy(labels, scores, from_logits=True)

    np.testing.assert_allclose(loss(scores), right, rtol=1e-5)
    slope = jax.grad(lambda scores: loss(scores).sum())(jnp.asarray(scores))
    one_hot = np.arange(classes) == labels.astype(int)[..., None]
    np.testing.assert_allclose(slope, np.exp(log_p) - one_hot, atol=1e-6)
