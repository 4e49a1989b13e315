"""Every metric against Keras: two batches, with and without weights, reset, configs."""

from __future__ import annotations

import inspect
import warnings

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import metrics

pytestmark = pytest.mark.one_in(7)

RNG = np.random.default_rng(0)


def make(family, text):
    return eval(text, vars(family))


METRICS = """
Accuracy() BinaryAccuracy() BinaryAccuracy(threshold=0.3) CategoricalAccuracy() SparseCategoricalAccuracy()
TopKCategoricalAccuracy(k=2) SparseTopKCategoricalAccuracy(k=2) AUC() AUC(num_thresholds=20,curve="PR")
AUC(curve="PRGAIN") AUC(summation_method="minoring") AUC(summation_method="majoring",curve="PR")
AUC(thresholds=[0.2,0.5,0.7]) AUC(multi_label=True) AUC(multi_label=True,num_labels=4,label_weights=[1.0,2.0,3.0,4.0])
AUC(label_weights=[1.0,2.0,3.0,4.0]) AUC(from_logits=True) FalseNegatives() FalsePositives() TrueNegatives()
TruePositives() TruePositives(thresholds=[0.2,0.8]) Precision() Precision(thresholds=[0.2,0.8]) Precision(top_k=2)
Precision(class_id=1) Recall() Recall(thresholds=0.3,class_id=2) Recall(top_k=1,class_id=1) PrecisionAtRecall(0.5)
RecallAtPrecision(0.4) SensitivityAtSpecificity(0.5,num_thresholds=50) SpecificityAtSensitivity(0.6,class_id=1)
PrecisionAtRecall(0.6,num_thresholds=1) ConcordanceCorrelation() PearsonCorrelation() PearsonCorrelation(axis=0)
F1Score() F1Score(average="macro",threshold=0.5) FBetaScore(beta=2.0,average="micro")
FBetaScore(average="weighted",beta=0.5) CategoricalHinge() Hinge() SquaredHinge() BinaryIoU()
BinaryIoU(target_class_ids=[1],threshold=0.3) IoU(num_classes=4,target_class_ids=[0,2]) MeanIoU(num_classes=4)
MeanIoU(num_classes=4,ignore_class=1) OneHotIoU(4,[1,2]) OneHotMeanIoU(4) OneHotMeanIoU(4,dtype="float32")
BinaryCrossentropy() BinaryCrossentropy(from_logits=True,label_smoothing=0.1) CategoricalCrossentropy()
CategoricalCrossentropy(from_logits=True,label_smoothing=0.2) SparseCategoricalCrossentropy()
SparseCategoricalCrossentropy(ignore_class=1) KLDivergence() Poisson() Mean() Sum() CosineSimilarity()
CosineSimilarity(axis=0) LogCoshError() MeanAbsoluteError() MeanAbsolutePercentageError() MeanSquaredError()
MeanSquaredLogarithmicError() RootMeanSquaredError() R2Score() R2Score(class_aggregation=None)
R2Score("variance_weighted_average") R2Score(num_regressors=2)
""".split()


def floats(*shape):
    return RNG.uniform(0.02, 0.98, shape).astype("float32")


def batch_for(text, size=6):
    """A batch as a metric takes it: the arguments of update_state, and a weight for each sample."""
    name, weight = text.split("(")[0], floats(size)
    scores = floats(size, 4)
    one_hot = np.eye(4, dtype="float32")[RNG.integers(0, 4, size)]
    labels = RNG.integers(0, 4, size)
    if name in ("Mean", "Sum"):
        return (scores[:, 0],), weight
    if name in ("IoU", "MeanIoU"):
        return (labels, RNG.integers(0, 4, size)), np.round(4 * weight).astype("int32")
    if "IoU" in name:
        args = (one_hot[:, 0], scores[:, 0]) if name == "BinaryIoU" else (one_hot, scores)
        return args, np.round(4 * weight).astype("int32")
    if name.startswith("Sparse"):
        return (labels, scores / scores.sum(-1, keepdims=True)), weight
    if name == "Accuracy":
        return (labels, RNG.integers(0, 4, size)), weight
    if any(part in name for part in ("Error", "Correlation", "R2", "Cosine", "Poisson", "KL")):
        return (floats(size, 4), scores), weight
    if "Categorical" in name or "Score" in name:
        return (one_hot, scores), weight
    return ((scores > 0.4).astype("float32"), floats(size, 4)), weight


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("text", METRICS)
def test_two_updates_and_a_reset_equal_keras(text, weighted):
    ours, theirs = make(metrics, text), make(keras.metrics, text)
    weighted = weighted and "axis=0" not in text  # there, no value belongs to one sample
    for _ in range(2):
        args, weight = batch_for(text)
        for metric in (ours, theirs):
            metric.update_state(*args, *([weight] if weighted else []))
        result, expected = ours.result(), theirs.result()
        np.testing.assert_allclose(result, expected, rtol=2e-5, atol=1e-5)
        assert jnp.asarray(result).dtype == jnp.asarray(expected).dtype
    assert [(v.shape, v.dtype) for v in ours.variables] == [(v.shape, v.dtype) for v in theirs.variables]
    ours.reset_state()
    assert all(not np.asarray(v.value).any() for v in ours.variables)
    args, _ = batch_for(text)
    theirs.reset_state()
    np.testing.assert_allclose(ours(*args), theirs(*args), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("text", METRICS)
def test_configs_equal_keras_and_make_the_same_metric(text):
    ours, theirs = make(metrics, text), make(keras.metrics, text)
    own, expected = ours.get_config(), theirs.get_config()
    if not text.endswith("()"):  # what else was given is saved too, where Keras forgets it
        own = {k: v for k, v in own.items() if k in expected}
    assert {*own} == {*expected}
    for key in {*own} - {"name"}:  # which may be numbered
        np.testing.assert_equal(np.asarray(own[key]), np.asarray(expected[key]))
    again = metrics.deserialize(metrics.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


def test_every_class_is_in_the_table():
    classes = {n for n, v in vars(keras.metrics).items() if inspect.isclass(v)}
    assert sorted(classes - {text.split("(")[0] for text in METRICS} - {"Metric", "MeanMetricWrapper"}) == []


@pytest.mark.parametrize("name", [n for n, v in vars(keras.metrics).items() if inspect.isclass(v)])
def test_signatures_equal_keras(name):
    def shown(cls):
        return [(p.name, p.default) for p in inspect.signature(cls).parameters.values()]

    assert shown(getattr(metrics, name)) == shown(getattr(keras.metrics, name))


@pytest.mark.parametrize("text", ["AUC()", "MeanSquaredError()", "F1Score()", "R2Score()", "MeanIoU(num_classes=4)"])
def test_stateless_functions_do_what_the_methods_do(text):
    args, _ = batch_for(text)
    metric = make(metrics, text)
    metric.update_state(*args)
    expected = metric.result()
    metric.reset_state()
    update = jax.jit(metric.stateless_update_state)
    values = update(metric.stateless_reset_state(), *args)
    np.testing.assert_allclose(metric.stateless_result(values), expected, rtol=1e-6)
    assert all(not np.asarray(v.value).any() for v in metric.variables)


def test_a_wrapped_function():
    ours = metrics.MeanMetricWrapper(lambda t, p, power: jnp.abs(t - p) ** power, name="mine", power=3)
    ours.update_state(np.array([0.0, 1.0]), np.array([1.0, 3.0]), sample_weight=[1.0, 0.5])
    assert float(ours.result()) == pytest.approx((1 + 8 * 0.5) / 1.5)


@pytest.mark.parametrize("name", "mse MSE mae mape msle bce cosine_similarity hinge poisson AUC Recall".split())
def test_get_by_name_equals_keras(name):
    ours, theirs = (getattr(v, "__name__", type(v).__name__) for v in (metrics.get(name), keras.metrics.get(name)))
    assert ours == theirs


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="MeanSquaredError|mean_squared_error"):
        metrics.get("mean_square_error")


def test_masks_count_as_weights():
    prediction = jnp.asarray([[1.0], [5.0]])
    kk.masking.set_mask(prediction, jnp.asarray([True, False]))
    assert float(metrics.MeanSquaredError()([[0.0], [0.0]], prediction)) == 1.0


def test_weights_with_fractions_of_counted_pixels_warn():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        metrics.MeanIoU(num_classes=2).update_state([0, 1], [0, 1], [0.5, 1.0])
    assert "float32" in str(caught[0].message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.AUC(curve="roc2"), "curve"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds"),
        (lambda: metrics.Precision(thresholds=[0.5, 2.0]), "Threshold values"),
        (lambda: metrics.PrecisionAtRecall(1.5), "recall"),
        (lambda: metrics.FBetaScore(beta=-1.0), "beta"),
        (lambda: metrics.IoU(num_classes=2, target_class_ids=[2]), "target_class_ids"),
        (lambda: metrics.Precision(class_id=4).update_state(np.ones((2, 3)), np.ones((2, 3))), "class_id is 4"),
        (lambda: metrics.F1Score().update_state([1, 0], [1, 0]), "batch, classes"),
        (lambda: metrics.AUC().stateless_result([1.0]), "4 variables"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
