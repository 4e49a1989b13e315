"""Loss classes against Keras: reductions, weights, masks, configs, names."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src import backend

import kernelkit as kk
from kernelkit import losses, masking

pytestmark = pytest.mark.one_in(4)

RNG = np.random.default_rng(1)
CLASSES = [n for n, v in vars(keras.losses).items() if inspect.isclass(v) and n != "Loss"]
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None]
TRUE, PRED = (RNG.uniform(0.02, 0.98, (4, 5, 3)).astype("float32") for _ in range(2))
MASK = RNG.uniform(size=(4, 5)) > 0.4
WEIGHTS = {
    "none": None,
    "number": 2.0,
    "positions": RNG.uniform(size=(4, 5)).astype("float32"),
    "column": RNG.uniform(size=(4, 1)).astype("float32"),
    "extra axis": RNG.uniform(size=(4, 5, 1)).astype("float32"),
}


def batch_for(name):
    if name == "CTC":
        return np.array([[1, 2, 0], [3, 1, 2]]), RNG.normal(size=(2, 8, 5)).astype("float32")
    if name == "Circle":
        x = RNG.normal(size=(6, 5)).astype("float32")
        return np.array([0, 0, 1, 1, 2, 2]), x / np.linalg.norm(x, axis=1, keepdims=True)
    scores = RNG.uniform(0.02, 0.98, (6, 4)).astype("float32")
    if name in ("SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy"):
        return RNG.integers(0, 4, 6), scores
    return np.eye(4, dtype="float32")[RNG.integers(0, 4, 6)], scores


def masked(array, mask, theirs):
    array = jnp.asarray(array)
    if mask is not None:
        (backend.set_keras_mask if theirs else masking.set_mask)(array, jnp.asarray(mask))
    return array


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_equals_keras(name):
    y_true, y_pred = batch_for(name)
    ours, theirs = getattr(losses, name)(), getattr(keras.losses, name)()
    np.testing.assert_allclose(ours(y_true, y_pred), theirs(y_true, y_pred), rtol=1e-5)
    if name not in ("Dice", "Tversky"):  # one number for the batch
        weight = RNG.uniform(size=len(y_true)).astype("float32")
        np.testing.assert_allclose(ours(y_true, y_pred, weight), theirs(y_true, y_pred, weight), rtol=1e-5)


@pytest.mark.parametrize("name", [*CLASSES, "Loss"])
def test_config_and_signature_equal_keras(name):
    ours, theirs = getattr(losses, name), getattr(keras.losses, name)
    assert [*inspect.signature(ours).parameters] == [*inspect.signature(theirs).parameters]
    if name != "Loss":
        assert ours().get_config() == theirs().get_config()
        again = losses.deserialize(losses.serialize(ours(reduction="sum", name="mine")))
        assert type(again) is ours and again.get_config() == ours(reduction="sum", name="mine").get_config()
        assert losses.serialize(ours()) == keras.losses.serialize(theirs())


def test_changed_arguments_that_keras_forgets_are_saved():
    for loss in (losses.Huber(delta=2.0), losses.CosineSimilarity(axis=1), losses.MeanSquaredError(dtype="float16")):
        again = losses.deserialize(losses.serialize(loss))
        assert again.get_config() == loss.get_config()
    assert losses.deserialize(losses.serialize(losses.Huber(delta=2.0))).delta == 2.0


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("has_mask", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reductions_weights_and_masks_equal_keras(reduction, weight, has_mask):
    mask = MASK if has_mask else None
    ours = losses.MeanSquaredError(reduction)(TRUE, masked(PRED, mask, False), WEIGHTS[weight])
    theirs = keras.losses.MeanSquaredError(reduction)(TRUE, masked(PRED, mask, True), WEIGHTS[weight])
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_one_weight_a_sample_weighs_all_its_positions():
    weight = RNG.uniform(size=4).astype("float32")
    values = losses.MeanSquaredError(None)(TRUE, PRED, weight)
    np.testing.assert_allclose(values, losses.MeanSquaredError(None)(TRUE, PRED) * weight[:, None], rtol=1e-6)
    # A square batch has the same meaning.
    square = losses.MeanSquaredError(None)(TRUE[:, :4], PRED[:, :4], weight)
    np.testing.assert_allclose(square, values[:, :4], rtol=1e-6)


def test_nothing_left_by_the_mask_is_zero_and_masked_nan_does_not_count():
    assert float(losses.MeanSquaredError()(TRUE, masked(PRED, MASK & False, False))) == 0.0
    spoiled = np.where(MASK[..., None], PRED, np.nan)
    expected = losses.MeanSquaredError()(TRUE, masked(PRED, MASK, False))
    np.testing.assert_allclose(losses.MeanSquaredError()(TRUE, masked(spoiled, MASK, False)), expected)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_ignored_class_and_mask_equal_keras(reduction):
    labels, scores = np.array([1, 0, 2, 1, 0]), RNG.uniform(0.1, 0.9, (5, 3)).astype("float32")
    mask, weight = np.array([1, 1, 0, 1, 1], bool), np.arange(5.0)
    ours = losses.SparseCategoricalCrossentropy(ignore_class=0, reduction=reduction)
    theirs = keras.losses.SparseCategoricalCrossentropy(ignore_class=0, reduction=reduction)
    for m, w in ((None, None), (mask, None), (mask, weight)):
        result = ours(labels, masked(scores, m, False), w)
        np.testing.assert_allclose(result, theirs(labels, masked(scores, m, True), w), rtol=1e-5, atol=1e-6)


def test_labels_stay_integers_under_a_16_bit_dtype():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")
    logits = np.zeros((1, 2000), "float32")
    logits[0, 1999] = 20
    assert float(loss([1999], logits)) < 0.1 and loss([1999], logits).dtype == jnp.bfloat16


def test_a_loss_of_ones_own_with_nested_labels():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return sum(jnp.mean(jnp.square(y_true[k] - y_pred[k]), axis=-1) for k in y_true)

    nested = {"a": TRUE, "b": PRED}, {"a": PRED, "b": 2 * TRUE}
    expected = sum(float(losses.MeanSquaredError()(nested[0][k], nested[1][k])) for k in "ab")
    assert float(Both()(*nested)) == pytest.approx(expected, rel=1e-5)
    assert Both().name.startswith("both")


def test_a_function_with_arguments_as_a_loss():
    loss = losses.LossFunctionWrapper(losses.huber, reduction="sum", delta=2.0)
    assert loss.name == "huber"
    assert float(loss(TRUE, PRED)) == pytest.approx(float(losses.Huber(2.0, "sum")(TRUE, PRED)))
    config = loss.get_config()
    assert config["delta"] == 2.0 and config["fn"]["config"] == "huber"
    again = losses.LossFunctionWrapper.from_config(config)
    assert float(again(TRUE, PRED)) == float(loss(TRUE, PRED))


def test_a_function_that_returns_one_number_can_be_weighed():
    loss = losses.LossFunctionWrapper(lambda t, p: jnp.mean(t - p))
    assert float(loss(np.ones((2, 3)), np.zeros((2, 3)), sample_weight=np.array([1.0, 3.0]))) == 2.0


NAMES = (
    "mse MSE mae MAE mape MAPE msle MSLE bce BCE kld KLD mean_squared_error cosine_similarity log_cosh huber ctc dice"
)


@pytest.mark.parametrize("name", NAMES.split())
def test_get_by_name_equals_keras(name):
    assert losses.get(name).__name__ == keras.losses.get(name).__name__
    assert losses.deserialize(name) is losses.get(name)


def test_get_other_identifiers():
    assert losses.get(None) is None and losses.get(len) is len
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    assert losses.get({"class_name": "Huber", "config": {"delta": 3.0}}).delta == 3.0
    assert losses.get(losses.serialize(losses.mean_squared_error)) is losses.mean_squared_error

    def mine(y_true, y_pred):
        return y_true - y_pred

    with kk.serialize.CustomObjectScope({"mse": mine}):
        assert losses.get("mse") is mine


@pytest.mark.parametrize(
    ("true", "pred", "name"),
    [
        ((8,), (8, 10), "SparseCategoricalCrossentropy"),
        ((8, 1), (8, 10), "SparseCategoricalCrossentropy"),
        ((8, 10), (8, 10), "CategoricalCrossentropy"),
        ((8, 1), (8, 1), "BinaryCrossentropy"),
        ((8,), (8, 1), "BinaryCrossentropy"),
    ],
)
def test_crossentropy_follows_the_shapes(true, pred, name):
    assert kk.metrics.resolve_accuracy(true, pred, kind="crossentropy").__name__ == name


# Recording ----------------------------------------------------------------------------------------------------------


def test_a_tape_records_a_loss_as_one_op():
    w = kk.Variable(np.ones((3, 2), "float32"))
    x, y = RNG.normal(size=(4, 3)).astype("float32"), RNG.normal(size=(4, 2)).astype("float32")

    def total(value):
        return losses.MeanSquaredError()(y, kk.ops.matmul(x, value), np.arange(4.0))

    with kk.GradientTape() as tape:
        prediction = kk.ops.matmul(x, w)
        before = len(tape._entries)
        loss = losses.MeanSquaredError()(y, prediction, np.arange(4.0))
    assert len(tape._entries) == before + 1
    np.testing.assert_allclose(tape.gradient(loss, w), jax.grad(total)(w.value), rtol=1e-6)


def test_a_tape_records_a_function_as_one_op():
    p = kk.Variable(np.full((4, 2), 0.3, "float32"))
    with kk.GradientTape() as tape:
        values = losses.binary_crossentropy(np.ones((4, 2)), p)
    assert len(tape._entries) == 1
    np.testing.assert_allclose(tape.gradient(values, p), np.full((4, 2), -0.5 / 0.3), rtol=1e-6)


def test_a_mask_of_a_taped_tensor_is_applied():
    x = kk.Variable(PRED)
    with kk.GradientTape() as tape:
        prediction = x * 1.0
        masking.set_mask(prediction, jnp.asarray(MASK))
        loss = losses.MeanSquaredError()(TRUE, prediction)
    expected = losses.MeanSquaredError()(TRUE, masked(PRED, MASK, False))
    assert float(loss) == pytest.approx(float(expected))
    assert not np.asarray(tape.gradient(loss, x))[~MASK].any()


def test_symbolic_tensors_give_symbolic_losses():
    y_true, y_pred = kk.KerasTensor((None, 3)), kk.KerasTensor((None, 3))
    assert losses.mean_squared_error(y_true, y_pred).shape == (None,)
    assert losses.MeanSquaredError()(y_true, y_pred).shape == ()
    assert losses.MeanSquaredError(reduction=None)(y_true, y_pred).shape == (None,)


def test_lists_of_numbers_are_arrays():
    assert float(losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]])) == 0.5
    assert float(losses.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])) == pytest.approx(np.log(2))
