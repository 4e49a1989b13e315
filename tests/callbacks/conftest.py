"""A model that only pretends: enough of one for callbacks, of kernelkit and of Keras."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import callbacks, optimizers


class PretendedModel:
    """Its only weight is a number, which tests set to the epoch; files hold it as text."""

    built = compiled = True
    name = "pretended"

    def __init__(self, package, optimizer):
        self.stop_training = False
        self.optimizer = optimizer
        self.metrics = []
        self.weight = package.Variable(np.float32(0.0), name="weight")
        self.saved = []
        self.layers = []
        self._initial_epoch = None

    @property
    def trainable_variables(self):
        return [self.weight]

    non_trainable_variables = metrics_variables = ()

    def get_weights(self):
        return [self.weight.numpy()]

    def set_weights(self, weights):
        self.weight.assign(weights[0])

    def save(self, filepath, overwrite=True):
        self.saved.append(("model", Path(filepath).name))

    def save_weights(self, filepath, overwrite=True):
        assert str(filepath).endswith(".weights.h5")
        self.saved.append(("weights", Path(filepath).name))
        Path(filepath).write_text(json.dumps(float(self.weight.numpy())))

    def load_weights(self, filepath):
        assert str(filepath).endswith(".weights.h5")
        self.weight.assign(json.loads(Path(filepath).read_text()))


def make_model(package=kk, rate=0.1, **settings):
    family = optimizers if package is kk else keras.optimizers
    return PretendedModel(package, family.SGD(rate, **settings))


def run(callback, logs, model, batches=0, epochs=None):
    """Call the hooks as `fit` does, one epoch for each dict of logs; return the rate and logs of each epoch."""
    epochs = len(logs) if epochs is None else epochs
    callback.set_model(model)
    callback.set_params({"epochs": epochs, "steps": batches, "verbose": 0})
    history = []
    callback.on_train_begin()
    for epoch in range(model._initial_epoch or 0, epochs):
        model.weight.assign(float(epoch))
        callback.on_epoch_begin(epoch)
        for batch in range(batches):
            callback.on_train_batch_begin(batch)
            callback.on_train_batch_end(batch, {"loss": float(batch)})
        epoch_logs = dict(logs[epoch])
        callback.on_epoch_end(epoch, epoch_logs)
        history.append((round(float(np.asarray(model.optimizer.learning_rate.numpy())), 7), epoch_logs))
        if model.stop_training:
            break
    callback.on_train_end()
    return history


@pytest.fixture
def pretend():
    return SimpleNamespace(model=make_model, run=run)


@pytest.fixture
def both(capsys):
    """Run the same callback of kernelkit and of Keras; return what each left behind."""

    def run_both(make, logs, rate=0.1, **keywords):
        results = []
        for package, family in ((kk, callbacks), (keras, keras.callbacks)):
            model = make_model(package, rate)
            callback = make(family)
            history = run(callback, logs, model, **keywords)
            results.append((callback, model, history))
        capsys.readouterr()
        return results

    return run_both
