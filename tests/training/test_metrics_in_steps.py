"""Metrics in `fit` and `evaluate`: over several batches they give what they give over all rows at once."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

import kernelkit as kk

RNG = np.random.default_rng(3)
X = RNG.normal(size=(7, 4)).astype("float32")
CHOSEN = RNG.integers(0, 3, 7)
ONE_HOT = np.eye(3, dtype="float32")[CHOSEN]

OF_ONE_HOT = """
AUC BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy CategoricalHinge
ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives Hinge KLDivergence
LogCoshError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError OneHotIoU
OneHotMeanIoU PearsonCorrelation Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision
RootMeanSquaredError SensitivityAtSpecificity SpecificityAtSensitivity SquaredHinge TopKCategoricalAccuracy
TrueNegatives TruePositives
""".split()
OF_CLASSES = "SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy".split()
ARGUMENTS = {
    "BinaryIoU": {"target_class_ids": [0, 1]},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "TopKCategoricalAccuracy": {"k": 2},
    "SparseTopKCategoricalAccuracy": {"k": 2},
}


def made(names: list[str]) -> list:
    return [getattr(kk.metrics, name)(**ARGUMENTS.get(name, {}), name=name) for name in names]


def network() -> kk.Model:
    return kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, "softmax")])


@pytest.mark.parametrize(
    ("names", "labels", "loss"),
    [(OF_ONE_HOT, ONE_HOT, "categorical_crossentropy"), (OF_CLASSES, CHOSEN, "sparse_categorical_crossentropy")],
    ids=["one-hot", "classes"],
)
@pytest.mark.parametrize("way", ["first fit", "op by op"])
def test_a_metric_over_batches_is_the_metric_over_all_rows(names, labels, loss, way):
    model = network()
    model.compile(kk.optimizers.SGD(0.0), loss, metrics=made(names), run_eagerly=way == "op by op")
    logs = {k: v[0] for k, v in model.fit(X, labels, batch_size=3, shuffle=False, verbose=0).history.items()}
    predicted = model.predict(X, verbose=0)
    for metric in made(names):
        expected = metric(labels, predicted)
        np.testing.assert_allclose(logs[metric.name], expected, rtol=1e-5, atol=1e-6, err_msg=metric.name)


def test_every_metric_with_targets_and_predictions_is_tried():
    others = "Accuracy IoU Mean MeanIoU MeanMetricWrapper Metric Sum".split()
    found = [getattr(kk.metrics, name) for name in dir(kk.metrics)]
    classes = {value for value in found if isinstance(value, type) and issubclass(value, kk.metrics.Metric)}
    assert classes == {getattr(kk.metrics, name) for name in [*OF_ONE_HOT, *OF_CLASSES, *others]}


class Ranges(kk.metrics.Metric):
    """The largest prediction of each output. Some variables are made by the first update."""

    def __init__(self, name="ranges"):
        super().__init__(name=name)
        self.rows = self.add_variable((), "zeros", name="rows")
        self.largest = None

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self.largest is None:
            self.largest = self.add_variable((y_pred.shape[-1],), "zeros", name="largest")
        self.rows.assign_add(y_pred.shape[0])
        self.largest.assign(kk.ops.maximum(self.largest, kk.ops.max(y_pred, axis=0)))

    def result(self):
        return {"rows": self.rows.value, "largest": 0.0 if self.largest is None else kk.ops.sum(self.largest)}


class Watched(kk.layers.Layer):
    """A layer that holds a metric of what it sees."""

    def __init__(self):
        super().__init__()
        self.seen = Ranges(name="seen")

    def call(self, x):
        self.seen.update_state(None, x)
        return x


class Reporting(kk.Model):
    """A model that updates a metric of its own in `compute_metrics`."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.ranges = inner, Ranges()

    def call(self, x):
        return self.inner(x)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.ranges.update_state(y, y_pred)
        return super().compute_metrics(x, y, y_pred, sample_weight)


@pytest.mark.parametrize("holder", ["compile", "a layer", "the model"])
@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "op by op"])
def test_a_metric_of_the_user_that_makes_variables_in_its_first_update(holder, eager):
    inner = network()
    models = {
        "compile": lambda: inner,
        "a layer": lambda: kk.Sequential([kk.Input((4,)), *inner.layers, Watched()]),
        "the model": lambda: Reporting(inner),
    }
    model = models[holder]()
    metrics = [Ranges()] if holder == "compile" else None
    model.compile(kk.optimizers.SGD(0.0), "categorical_crossentropy", metrics=metrics, run_eagerly=eager)
    history = model.fit(X, ONE_HOT, batch_size=3, shuffle=False, verbose=0).history
    assert history["rows"] == [7]
    np.testing.assert_allclose(history["largest"], [inner.predict(X, verbose=0).max(0).sum()], rtol=1e-6)


def test_the_list_of_evaluate_has_the_order_of_keras():
    """The loss, the outputs' losses in the outputs' order, then the other logs by name."""
    rows = {}
    for library in (keras, kk):
        inputs = library.Input((4,))
        first = library.layers.Dense(3, "softmax", name="second_by_name")(inputs)
        model = library.Model(inputs, [first, library.layers.Dense(1, name="first_by_name")(inputs)])
        model.compile(
            "sgd",
            ["categorical_crossentropy", "huber"],  # no two logs are equal
            metrics=[["categorical_accuracy", "F1Score"], ["mae"]],
            weighted_metrics=[[], ["mse"]],
        )
        labels = [ONE_HOT, X[:, :1]]
        flat = model.evaluate(X, labels, verbose=0)
        named = model.evaluate(X, labels, verbose=0, return_dict=True)
        rows[library] = [next(k for k, v in named.items() if v is w or np.array_equal(v, w)) for w in flat]
        assert len(model.train_on_batch(X, labels)) == len(model.test_on_batch(X, labels)) == len(flat)
    assert rows[kk][0] == "loss"
    assert rows[kk] == rows[keras]


class Written(kk.Model):
    """A model that is written as code, and built by its first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = kk.layers.Dense(1, "sigmoid")

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("make", [lambda: kk.Sequential([kk.layers.Dense(1, "sigmoid")]), Written])
def test_metrics_count_alike_in_a_model_that_its_first_batch_builds(make, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)).astype("float32"), rng.integers(0, 2, (40, 1)).astype(dtype)

    def measured(model):
        kk.utils.set_random_seed(0)
        counted = [kk.metrics.AUC(name="auc"), kk.metrics.Precision(name="precision"), kk.metrics.R2Score(name="r2")]
        model.compile("sgd", "binary_crossentropy", metrics=[*counted, kk.metrics.F1Score(threshold=0.5, name="f1")])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return model.fit(x, y, batch_size=16, shuffle=False, verbose=0).history

    found, built = measured(make()), measured(kk.Sequential([kk.Input((3,)), kk.layers.Dense(1, "sigmoid")]))
    assert found.keys() == {"loss", "auc", "precision", "r2", "f1"}
    for name, values in built.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, err_msg=name)


class Rows(kk.metrics.Metric):
    def __init__(self):
        super().__init__(name="rows")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        return self.count.assign_add(kk.ops.shape(y_pred)[0])

    def result(self):
        return self.count


def counted(k, *more):
    metrics = [k.metrics.MeanIoU(2), k.metrics.IoU(2, [1]), k.metrics.MeanIoU(2, ignore_class=0, name="some"), *more]
    model = k.Sequential([k.Input((4,)), k.layers.Dense(1, kernel_initializer="ones"), k.layers.ReLU(max_value=1)])
    model.compile(k.optimizers.SGD(0.0), "mse", metrics=metrics)
    labels = (CHOSEN > 0).astype("float32")[:, None]
    return {name: v[0] for name, v in model.fit(X, labels, batch_size=3, verbose=0).history.items()}


def test_a_metric_may_return_what_its_update_assigned():
    """Mean IoU, and a metric of the user's, in the first fit."""
    logs = counted(kk, Rows())
    assert logs.pop("rows") == 7.0
    assert logs == pytest.approx(counted(keras), rel=1e-5)


def test_a_metric_in_a_model_that_is_not_built_yet():
    model = kk.Sequential([kk.layers.Dense(1, kernel_initializer="ones"), kk.layers.ReLU(max_value=1)])
    model.compile(kk.optimizers.SGD(0.0), "mse", metrics=[kk.metrics.MeanIoU(2, name="seen")])
    history = model.fit(X, (CHOSEN > 0).astype("float32")[:, None], batch_size=3, verbose=0).history
    built = next(value for name, value in counted(kk).items() if name.startswith("mean"))
    assert history["seen"][0] == pytest.approx(built)


def test_one_metric_object_given_twice_counts_twice():
    both = {}
    for library in (kk, keras):
        metric = library.metrics.MeanAbsoluteError(name="mae")
        model = library.Sequential([library.Input((4,)), library.layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse", metrics=[metric, metric])
        history = model.fit(X, CHOSEN, batch_size=3, shuffle=False, verbose=0).history
        both[library] = history | model.evaluate(X, CHOSEN, batch_size=3, verbose=0, return_dict=True)
        weights = model.get_weights()
        assert all(np.isfinite(w).all() for w in weights)
    assert list(both[kk]) == ["loss", "mae", "mae_1"] and sorted(both[keras]) == sorted(both[kk])
    for name, value in both[keras].items():
        np.testing.assert_allclose(both[kk][name], value, rtol=1e-5)


def test_one_metric_object_in_compile_and_in_the_model():
    class Own(kk.Sequential):
        def __init__(self, layers):
            super().__init__(layers)
            self.seen = kk.metrics.MeanAbsoluteError(name="seen")

    model = Own([kk.Input((4,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[model.seen])
    history = model.fit(X, CHOSEN, verbose=0).history
    assert history["seen"][0] > 0 and len(history["loss"]) == 1
