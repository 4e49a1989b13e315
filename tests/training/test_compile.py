"""What compile() keeps, what it is told of later, and what changes after it."""

from __future__ import annotations

import functools
import warnings

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops
from kernelkit.training.overriding import overrides

X, Y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")


def one_weight(cls=kk.Model, metrics=("mae",), loss="mse", **settings):
    inputs = kk.Input((2,))
    model = cls(inputs, kk.layers.Dense(1, kernel_initializer="ones", use_bias=False)(inputs))
    model.compile(kk.optimizers.SGD(0.1), loss, metrics=list(metrics), **settings)
    return model


def two_layers():
    return kk.Sequential([kk.Input((2,)), kk.layers.Dense(3), kk.layers.Dense(1)])


def RMSLE(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), -1)


class MyMetric:
    def __call__(self, y_true, y_pred):
        return RMSLE(y_true, y_pred)


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (RMSLE, "rmsle"),
        (lambda a, b: RMSLE(a, b), "lambda"),
        (MyMetric(), "my_metric"),
        (functools.partial(RMSLE), "partial"),
        (kk.losses.MeanSquaredError(), "mean_squared_error"),
        (kk.losses.MeanSquaredError(name="Foo Bar"), "Foo Bar"),
        (kk.losses.Huber(), "huber_loss"),
        (kk.losses.mean_squared_error, "mean_squared_error"),
        (kk.metrics.MeanAbsoluteError, "mean_absolute_error"),
        ("mse", "mse"),
        ("MeanSquaredError", "MeanSquaredError"),
    ],
)
def test_a_metric_is_named_as_keras_names_it(metric, name):
    history = one_weight(metrics=[metric]).fit(X, Y, verbose=0).history
    assert sorted(history) == sorted(["loss", name])


def test_compile_without_a_loss_leaves_what_a_subclass_keeps_as_self_loss():
    class Own(kk.Model):
        def __init__(self):
            super().__init__()
            self.dense = kk.layers.Dense(1, kernel_initializer="ones", use_bias=False)
            self.loss = kk.losses.MeanSquaredError()

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return self.loss(y, y_pred)

    model = Own()
    for _ in range(2):
        model.compile(kk.optimizers.SGD(0.0))
        assert model.fit(X, Y, verbose=0).history["loss"] == [4.0]
    assert isinstance(model.loss, kk.losses.MeanSquaredError)


def test_compile_without_a_loss_takes_the_loss_of_an_earlier_compile_away():
    model = one_weight()
    model.compile("sgd")
    assert model.loss is None


def test_own_metrics_outlive_a_second_compile():
    class Own(kk.Model):
        def __init__(self):
            super().__init__()
            self.dense = kk.layers.Dense(1)
            self.seen = kk.metrics.Sum(name="seen")

        def call(self, x):
            return self.dense(x)

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            self.seen.update_state(ops.ones(len(x)))
            return super().compute_metrics(x, y, y_pred, sample_weight)

    model = Own()
    for optimizer in ("sgd", "adam"):
        model.compile(optimizer, "mse", metrics=["mae"])
        assert model.fit(X, Y, epochs=2, verbose=0).history["seen"] == [8.0, 8.0]
        assert [m.name for m in model.metrics] == ["loss", "compile_metrics", "seen"]


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("weighted", [None, ["mse"]])
def test_the_metrics_of_a_model_may_be_given_to_a_second_compile(trained, weighted):
    """KerasTuner does so, where an optimizer of its own is asked for."""
    model = kk.Sequential([kk.Input(X.shape[1:]), kk.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", kk.metrics.MeanMetricWrapper(kk.losses.huber, name="h")])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=weighted)
    if trained:
        model.fit(X, Y, verbose=0)
    model.compile("adam", model.loss, metrics=[m for m in model.metrics if m.name != "loss"])
    names = {"loss", "mae", *(weighted or [])}
    assert set(model.fit(X, Y, verbose=0).history) == names
    assert set(model.evaluate(X, Y, verbose=0, return_dict=True)) == names


# The pure loss of Keras's guide ---------------------------------------------------------------------------------------


class OfTheGuide(kk.Model):
    """The train_step of Keras's guide to customizing fit() with jax, in its words."""

    def compute_loss_and_updates(self, trainable, rest, means, x, y, sample_weight, training=False):
        y_pred, rest = self.stateless_call(trainable, rest, x, training=training)
        loss, (trainable, rest, means) = self.stateless_compute_loss(
            trainable, rest, means, x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
        )
        return loss, (y_pred, rest, means)

    def train_step(self, state, data):
        trainable, rest, slots, means = state
        x, y, sample_weight = kk.utils.unpack_x_y_sample_weight(data)
        gradient = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, rest, means)), gradients = gradient(trainable, rest, means, x, y, sample_weight, training=True)
        trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        after, logs = [], {}
        for metric in self.metrics:
            own = means[len(after) : len(after) + len(metric.variables)]
            seen = (loss,) if metric.name == "loss" else (y, y_pred)
            own = metric.stateless_update_state(own, *seen)
            logs[metric.name] = metric.stateless_result(own)
            after += own
        return logs, (trainable, rest, slots, after)


def test_the_train_step_of_keras_s_guide_gives_its_numbers():
    history = one_weight(OfTheGuide).fit(X, Y, batch_size=4, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["loss"], [2.72, 0.352512], rtol=1e-5)
    np.testing.assert_allclose(history["mae"], [1.6, 0.576], rtol=1e-5)


def test_stateless_compute_loss_adds_what_layers_add_and_returns_the_values_afterwards():
    inputs = kk.Input((2,))
    dense = kk.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=kk.regularizers.L2(0.5))
    model = kk.Model(inputs, dense(inputs))
    model.compile("sgd", {"dense": "mse"} if dense.name == "dense" else "mse")
    groups = [[v.value for v in g] for g in (model.trainable_variables, [], model.metrics_variables)]
    loss, after = model.stateless_compute_loss(*groups, y=Y, y_pred=X[:, :1] * 3)
    assert float(loss) == 9.0 + 0.5 * 2
    assert [len(group) for group in after] == [2, 0, len(groups[2])]
    with pytest.raises(ValueError, match="got 0 values for 2 variables"):
        model.stateless_compute_loss([], [], groups[2], y=Y, y_pred=X[:, :1])


# Freezing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("how", ["fit", "train_on_batch"])
def test_freezing_between_fits_asks_for_compile(first, how):
    model = two_layers()
    model.layers[0].trainable = first
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = not first
    with pytest.raises(ValueError, match=r"model.trainable changed since compile\(\).*Call compile\(\) again"):
        getattr(model, how)(X, Y)
    model.evaluate(X, Y, verbose=0)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)


def test_an_optimizer_that_is_compiled_again_for_other_weights_is_refused():
    model = two_layers()
    model.layers[0].trainable = False
    optimizer = kk.optimizers.Adam()
    model.compile(optimizer, "mse")
    model.fit(X, Y, verbose=0)
    model.compile(optimizer, "mae")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = True
    model.compile(optimizer, "mse")
    with pytest.raises(ValueError, match="was used for other weights.*Make a new optimizer"):
        model.fit(X, Y, verbose=0)


# No gradient ----------------------------------------------------------------------------------------------------------

WITHOUT_GRADIENT = {
    "argmax": lambda y, p: ops.mean(ops.cast(ops.argmax(p, -1), "float32")),
    "stop_gradient": lambda y, p: ops.stop_gradient(ops.mean(p)),
    "no use of the output": lambda y, p: ops.mean(y),
}


@pytest.mark.parametrize("run_eagerly", [False, True])
@pytest.mark.parametrize("loss", WITHOUT_GRADIENT)
def test_a_loss_without_a_gradient_is_one_warning(loss, run_eagerly):
    model = two_layers()
    model.compile("adam", WITHOUT_GRADIENT[loss], run_eagerly=run_eagerly)
    with pytest.warns(UserWarning, match="No trainable variable has a gradient") as caught:
        model.fit(X, Y, batch_size=3, epochs=2, verbose=0)
        model.train_on_batch(X, Y)
    assert len(caught) == 1


def test_a_loss_that_reaches_a_single_weight_is_no_warning():
    model = two_layers()
    model.compile("adam", "mse")
    model.layers[0].trainable = False
    model.layers[1].kernel.trainable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, verbose=0)


def test_a_model_without_weights_is_told_that_fit_only_measures():
    model = kk.Sequential([kk.Input((2,)), kk.layers.Flatten()])
    model.compile("adam", "mse")
    with pytest.warns(UserWarning, match="has no trainable variables"):
        assert model.fit(X, X * 3, verbose=0).history["loss"] == [4.0]


# The optimizer afterwards ---------------------------------------------------------------------------------------------


def test_a_setting_of_the_optimizer_that_is_changed_after_fit_holds_in_the_next():
    model = one_weight()
    model.fit(X, Y, verbose=0)
    before = model.get_weights()[0]
    model.optimizer.clipnorm = 1e-9
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], before, atol=1e-8)
    model.optimizer.clipnorm = None
    model.train_on_batch(X, Y)
    assert abs(model.get_weights()[0] - before).max() > 0.1


def test_setting_the_rate_compiles_nothing():
    model = one_weight()
    model.fit(X, Y, verbose=0)
    program = model._training.program("train")
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()[0]
    model.fit(X, Y, verbose=0)
    assert model._training.program("train") is program and program.compiles == 1
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_lr_is_the_learning_rate_with_a_warning():
    optimizer = kk.optimizers.Adam(0.1)
    with pytest.warns(UserWarning, match=r"Adam.lr is an old spelling"):
        optimizer.lr = 0.5
    with pytest.warns(UserWarning, match=r"learning_rate"):
        assert float(optimizer.lr) == float(optimizer.learning_rate) == 0.5


# Names of Keras -------------------------------------------------------------------------------------------------------


def test_make_train_function_returns_a_step_for_a_loop_of_ones_own():
    model = one_weight()
    model.optimizer.build(model.trainable_variables)
    state = [
        [v.value for v in group]
        for group in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    ]
    step = model.make_train_function()
    assert step is model.train_function is model.make_train_function()
    logs, state = step(state, iter([(X, Y)]))
    assert float(logs["loss"]) == 4.0
    np.testing.assert_allclose(state[0][0], [[0.6], [0.6]], rtol=1e-6)
    assert model.make_train_function(force=True) is not step


def test_a_callback_list_tells_all_which_model_they_watch():
    callbacks = [kk.callbacks.Callback(), kk.callbacks.Callback()]
    model = one_weight()
    told = kk.callbacks.CallbackList(callbacks)
    told.set_model(model)
    told.set_params({"epochs": 3})
    assert all(c.model is model and c.params == {"epochs": 3} for c in callbacks)


def test_before_compile_keras_s_words_say_what_to_call():
    with pytest.raises(ValueError, match=r"^You must call `compile\(\)` before fit\(\)"):
        two_layers().fit(X, Y)


def test_a_decorated_override_counts_as_one():
    class Own(kk.Model):
        @functools.wraps(kk.Model.train_step)
        def train_step(self, state, data):
            logs, state = super().train_step(state, data)
            return {**logs, "mine": 1.0}, state

    assert overrides(Own(), "train_step") and not overrides(Own(), "test_step")
    assert one_weight(Own).fit(X, Y, verbose=0).history["mine"] == [1.0]
    model = one_weight()
    model.train_step = lambda state, data: kk.Model.train_step(model, state, data)
    assert overrides(model, "train_step")


def test_a_model_has_no_optimizer_before_compile(tmp_path):
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, name="d")], name="m")
    assert not hasattr(model, "optimizer") and getattr(model, "optimizer", None) is None
    with pytest.raises(AttributeError, match="'m' has no attribute 'optimizer' before compile"):
        _ = model.optimizer
    for name in ("m.keras", "m.h5", "m.weights.h5"):  # what works without compile() still does
        model.save_weights(tmp_path / name) if "weights" in name else model.save(tmp_path / name)
    assert model.get_state_tree()["optimizer_variables"] == {} and model.count_params() == 3
    model.quantize("int8")
    loaded = kk.models.load_model(tmp_path / "m.keras")
    assert not hasattr(loaded, "optimizer")
    loaded.compile("adam", "mse")
    assert type(loaded.optimizer) is kk.optimizers.Adam
    loaded.compile(None, "mse")
    assert loaded.optimizer is None
    assert loaded.evaluate(X, Y, verbose=0) >= 0


def test_a_model_compiled_with_its_own_metrics_is_saved_and_loaded(tmp_path):
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.compile("sgd", "mse", metrics=[m for m in model.metrics if m.name != "loss"])
    assert model.get_compile_config()["metrics"] == ["mae"]
    model.save(tmp_path / "m.keras")
    again = kk.models.load_model(tmp_path / "m.keras")
    assert set(again.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0, return_dict=True)) == {"loss", "mae"}
