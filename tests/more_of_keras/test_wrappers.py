"""scikit-learn's own checks of estimators, and what a user does with them."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import kernelkit as kk
from kernelkit.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

pytestmark = pytest.mark.one_in(6)


def network(X, y, loss, layers=(10,)):
    hidden = inputs = kk.Input((X.shape[1],))
    for units in layers:
        hidden = kk.layers.Dense(units, activation="relu")(hidden)
    several = y is not None and y.ndim > 1 and loss == "categorical_crossentropy"
    units = 1 if y is None or y.ndim == 1 else y.shape[1]
    model = kk.Model(inputs, kk.layers.Dense(units, activation="softmax" if several else None)(hidden))
    model.compile(kk.optimizers.Adam(0.02), loss)
    return model


class Network:
    """The function above, shown by its name alone: addresses in the names of tests differ from process to process."""

    def __call__(self, X, y, loss, layers=(10,)):
        return network(X, y, loss, layers)

    def __repr__(self):
        return "network"


NETWORK = Network()


# What one epoch can't show, the same for Keras's.
NEEDS_MORE_TRAINING = {
    "check_classifiers_classes": "one epoch may leave a class out",
    "check_classifiers_train": "one epoch is too little for the score",
    "check_classifiers_one_label_sample_weights": "a weight of 0 doesn't remove a class",
    "check_classifier_data_not_an_array": "weights are drawn anew by each fit",
    "check_supervised_y_2d": "weights are drawn anew by each fit",
    "check_regressor_data_not_an_array": "weights are drawn anew by each fit",
    "check_regressors_int": "weights are drawn anew by each fit",
    "check_fit_idempotent": "weights are drawn anew by each fit",
    "check_sample_weight_equivalence_on_dense_data": "weights are drawn anew by each fit",
}


@pytest.mark.slow
@parametrize_with_checks(
    [
        SKLearnClassifier(
            NETWORK, model_kwargs={"loss": "categorical_crossentropy"}, fit_kwargs={"epochs": 1, "verbose": 0}
        ),
        SKLearnRegressor(NETWORK, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0}),
        SKLearnTransformer(NETWORK, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0}),
    ],
)
def test_check_of_scikit_learn(estimator, check):
    try:
        check(estimator)
    except AssertionError:
        reason = NEEDS_MORE_TRAINING.get(check.func.__name__)
        if reason is None:
            raise
        pytest.xfail(reason)


def iris():
    x, y = load_iris(return_X_y=True)
    return x, np.array(["setosa", "versicolor", "virginica"])[y]


def classifier(**options):
    settings = {"loss": "categorical_crossentropy"}
    return SKLearnClassifier(network, model_kwargs=settings, fit_kwargs={"epochs": 30, "verbose": 0}, **options)


def test_a_pipeline_is_cross_validated():
    kk.utils.set_random_seed(0)
    scores = cross_val_score(make_pipeline(StandardScaler(), classifier()), *iris(), cv=3)
    assert scores.mean() > 0.8


def test_a_grid_search_chooses_layers():
    kk.utils.set_random_seed(0)
    grid = {"model_kwargs": [{"loss": "categorical_crossentropy", "layers": n} for n in ((4,), (8, 8))]}
    search = GridSearchCV(classifier(), grid, cv=2).fit(*iris())
    assert search.best_params_ in [{"model_kwargs": m} for m in grid["model_kwargs"]]
    assert set(search.predict(iris()[0])) <= {"setosa", "versicolor", "virginica"}


def test_a_fitted_classifier_is_pickled_and_cloned():
    fitted = classifier().fit(*iris())
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(again.decision_function(iris()[0]), fitted.decision_function(iris()[0]), rtol=1e-5)
    assert not hasattr(clone(fitted), "model_") and len(fitted.history_.history["loss"]) == 30


def compiled():
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


X = np.random.default_rng(0).normal(size=(12, 3))


def test_a_model_is_copied_unless_the_start_is_warm():
    model = compiled()
    before = model.get_weights()[0]
    cold = SKLearnRegressor(model, fit_kwargs={"verbose": 0}).fit(X, X[:, 0])
    assert cold.model_ is not model
    np.testing.assert_array_equal(model.get_weights()[0], before)
    warm = SKLearnRegressor(model, warm_start=True, fit_kwargs={"verbose": 0}).fit(X, X[:, 0])
    first = warm.model_.get_weights()[0]
    assert warm.fit(X, X[:, 0]).model_ is model
    assert not np.array_equal(model.get_weights()[0], first)


def test_several_outputs_and_outputs_without_targets():
    pair = SKLearnRegressor(network, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0}).fit(X, X[:, :2])
    assert pair.predict(X).shape == (12, 2) and np.isfinite(pair.score(X, X[:, :2]))

    def encoder(X, y):
        model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(3)])
        model.compile("sgd", "mse")
        return model

    features = SKLearnTransformer(encoder, fit_kwargs={"verbose": 0}).fit_transform(X, X)
    assert features.shape == (12, 3)


def test_errors_say_what_is_missing():
    with pytest.raises(RuntimeError, match="compiled"):
        SKLearnRegressor(kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])).fit(X, X[:, 0])
    with pytest.raises(TypeError, match="`model` must be"):
        SKLearnRegressor(3).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="use SKLearnRegressor"):
        classifier().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="one class"):
        classifier().fit(X, np.zeros(12, int))
