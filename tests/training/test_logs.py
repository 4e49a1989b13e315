"""What a train_step or test_step may return as logs, and what comes of it in history, displays and callbacks."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops

X, Y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")


def model_whose_steps_return(change, run_eagerly=False):
    """A model whose logs are what `change(model, logs)` makes of them; its losses are 2.72 and 0.352512."""

    class Own(kk.Model):
        def train_step(self, state, data):
            logs, state = super().train_step(state, data)
            return change(self, logs), state

        def test_step(self, state, data):
            logs, state = super().test_step(state, data)
            return change(self, logs), state

    inputs = kk.Input((2,))
    model = Own(inputs, kk.layers.Dense(1, kernel_initializer="ones", use_bias=False)(inputs))
    model.compile(kk.optimizers.SGD(0.1), "mse", metrics=["mae"], run_eagerly=run_eagerly)
    return model


FORMS = {
    "a nested dict": (lambda model, logs: {"a": {"b": 1, "c": {"d": 0.5}}}, {"b": 1, "d": 0.5}),
    "None": (lambda model, logs: {"n": None}, {"n": None}),
    "a list": (lambda model, logs: {"n": [1.0, 0.0]}, {"n": [1.0, 0.0]}),
    "a tuple of arrays": (lambda model, logs: {"n": (ops.ones(()), ops.zeros(()))}, {"n": [1.0, 0.0]}),
    "a Python number": (lambda model, logs: {"n": 3}, {"n": 3}),
    "a bool": (lambda model, logs: {"n": True}, {"n": True}),
    "an array of one": (lambda model, logs: {"n": ops.ones((1, 1))}, {"n": 1.0}),
    "nothing in a dict": (lambda model, logs: {}, {}),
}


@pytest.mark.parametrize("run_eagerly", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_log_may_be(form, run_eagerly, capsys):
    change, right = FORMS[form]
    model = model_whose_steps_return(change, run_eagerly)
    told = []
    watch = kk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: told.append(logs))
    history = model.fit(
        X, Y, batch_size=4, epochs=2, verbose=2, callbacks=[watch], validation_data=(X, Y), validation_batch_size=4
    )
    assert history.history == {
        **{name: [value] * 2 for name, value in right.items()},
        **{f"val_{name}": [value] * 2 for name, value in right.items()},
    }
    assert told == [right] * 4
    assert model.evaluate(X, Y, verbose=1, return_dict=True) == right
    assert model.train_on_batch(X, Y, return_dict=True) == right
    repr(history)


def test_an_array_of_several_numbers_comes_back_whole():
    model = model_whose_steps_return(lambda model, logs: {"n": ops.arange(3)})
    (row,) = model.fit(X, Y, batch_size=4, verbose=0).history["n"]
    assert row.tolist() == [0, 1, 2]


@pytest.mark.parametrize("style", ["state", "data"])
def test_all_metrics_by_name_are_flattened(style):
    class Own(kk.Model):
        def results(self):
            return {m.name: m.result() for m in self.metrics}

        if style == "state":

            def train_step(self, state, data):
                _, state = super().train_step(state, data)
                variables = self.metrics_variables
                with kk.StatelessScope(zip(variables, state[3], strict=True)):
                    return self.results(), state

        else:

            def train_step(self, data):
                x, y = data
                with kk.GradientTape() as tape:
                    y_pred = self(x, training=True)
                    loss = self.compute_loss(x, y, y_pred)
                self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
                for metric in self.metrics:
                    if metric.name == "loss":
                        metric.update_state(loss)
                    else:
                        metric.update_state(y, y_pred)
                return self.results()

    inputs = kk.Input((2,))
    model = Own(inputs, kk.layers.Dense(1, kernel_initializer="ones", use_bias=False)(inputs))
    model.compile(kk.optimizers.SGD(0.1), "mse", metrics=["mae"])
    history = model.fit(X, Y, batch_size=4, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["loss"], [2.72, 0.352512], rtol=1e-5)
    np.testing.assert_allclose(history["mae"], [1.6, 0.576], rtol=1e-5)
    assert sorted(history) == ["loss", "mae"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model, logs: None, "returned nothing"),
        (lambda model, logs: logs["loss"], "must return its logs as a dict from name to value"),
        (lambda model, logs: [1.0], "returned a list"),
        (lambda model, logs: {"n": "abc"}, "returned 'abc' as the log 'n'"),
        (lambda model, logs: {"n": [1.0, [2.0]]}, "as the log 'n'"),
    ],
)
def test_what_no_log_may_be_is_said(change, words):
    model = model_whose_steps_return(change)
    with pytest.raises(TypeError, match=words):
        model.fit(X, Y, batch_size=4, verbose=0)
    with pytest.raises(TypeError, match=rf"test_step\(\).*{words}|{words}"):
        model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda logs, state: logs, r"must return \(logs, state\), got a StepLogs|got a dict"),
        (lambda logs, state: (logs, state, 1), "got a tuple of 3"),
        (
            lambda logs, state: (logs, state[:2]),
            r"in the form that it received: \(trainable, non_trainable, optimizer, metrics\)",
        ),
        (lambda logs, state: (logs, ([], *state[1:])), "returned 0 trainable values for 1 variables"),
    ],
)
def test_a_train_step_that_returns_something_else_is_told_what_to_return(returned, words):
    class Own(kk.Model):
        def train_step(self, state, data):
            return returned(*super().train_step(state, data))

    inputs = kk.Input((2,))
    model = Own(inputs, kk.layers.Dense(1, use_bias=False)(inputs))
    model.compile("sgd", "mse")
    with pytest.raises((TypeError, ValueError), match=words):
        model.fit(X, Y, verbose=0)
