"""After a fit that ended badly, the debugger opens at the batch that did it."""

import warnings

import numpy as np
import pytest

import kernelkit as kk
from tests.viz.debugger.models import BATCH, fresh, leaves


def broken(epochs=3, source=None, **options):
    """A fit that meets a NaN in its second epoch, by a learning rate that is set too high."""
    model, (x, y) = fresh("several")
    model.compile("sgd", "mse")

    class Careless(kk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.optimizer.learning_rate = 1e25

    stop = kk.callbacks.TerminateOnNaN(**options)
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Careless(), stop])
    return model


def test_after_a_nan():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        model = broken()
    dbg = model.debug_last()
    found = dbg.explain()
    assert dbg.epoch == 1 and dbg.position > 4 and dbg.timeline.begin == 4
    assert found.kind == "exploding" and found.step == 4
    assert dbg.batch.indices is not None and len(dbg.batch) == BATCH


def test_after_an_error_in_a_layer():
    class Picky(kk.layers.Layer):
        def call(self, inputs):
            if inputs.shape[0] == 3:
                raise RuntimeError("three is too few")
            return inputs

    kk.utils.clear_session()
    kk.utils.set_random_seed(0)
    model = kk.Sequential([kk.Input((4,)), Picky(name="picky"), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).random((27, 4), dtype="float32")
    with pytest.raises(RuntimeError, match="three is too few"):
        model.fit(x, x[:, :1], batch_size=8, verbose=0)
    dbg = model.debug_last()
    assert (dbg.position, dbg.shown, len(dbg.batch)) == (3, 3, 3)
    assert "three is too few" in str(dbg.error) and dbg.logs == {}
    found = dbg.explain()
    assert (found.kind, found.layer, found.step) == ("error", "picky", 3)
    assert sorted(found.samples) == sorted(dbg.batch.indices.tolist())
    for a, b in zip(leaves(dbg.state_after()), leaves(model._training.variables("train").peek()), strict=True):
        np.testing.assert_array_equal(a, b)
    dbg.back()
    assert dbg.error is None and dbg.shown == 1


class Interrupting(kk.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise KeyboardInterrupt


def test_after_an_interrupt():
    model, (x, y) = fresh("mlp")
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[Interrupting()])
    dbg = model.debug_last()
    assert dbg.position == 3 and dbg.error is None
    for a, b in zip(leaves(dbg.state_after()), leaves(model._training.variables("train").peek()), strict=True):
        np.testing.assert_array_equal(a, b)
    assert dbg.run(epochs=1) and dbg.position == 4


def test_a_generator_leaves_its_last_batch():
    model, (x, y) = fresh("mlp")
    with pytest.raises(KeyboardInterrupt):
        model.fit(((x[i : i + 8], y[i : i + 8]) for i in range(0, 24, 8)), verbose=0, callbacks=[Interrupting()])
    dbg = model.debug_last()
    np.testing.assert_array_equal(dbg.batch.x, x[16:24])
    assert "read only once" in dbg.stopped and dbg.table() is not None


def test_a_fit_that_ends_well_leaves_nothing():
    model, (x, y) = fresh("mlp")
    model.fit(x, y, batch_size=BATCH, verbose=0)
    assert model._training.last_fit is None
    with pytest.raises(ValueError, match="ended without a failure"):
        model.debug_last()


def test_what_cannot_be_run_again_is_said():
    model, (x, y) = fresh("mlp")

    class Meddling(kk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 0:
                self.model.optimizer.learning_rate = 1.0
            if batch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[Meddling()])
    with pytest.warns(UserWarning, match="differ from those of fit"):
        model.debug_last()
