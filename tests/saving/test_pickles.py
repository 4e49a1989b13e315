"""Models, histories and callbacks go through pickle, deepcopy and joblib at any time; compiled programs stay behind."""

import copy
import pickle

import numpy as np
import pytest

import kernelkit as kk

X = np.random.default_rng(0).random((16, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
WAYS = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "deepcopy": copy.deepcopy}


def compiled(kind="functional"):
    kk.utils.set_random_seed(1)
    layers = [kk.layers.Dense(4, activation="relu"), kk.layers.BatchNormalization(), kk.layers.Dense(1)]
    if kind == "functional":
        x = h = kk.Input((3,))
        for layer in layers:
            h = layer(h)
        model = kk.Model(x, h)
    else:
        model = kk.Sequential(layers)
    model.compile(kk.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def fit(model, **options):
    return model.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False, **options)


RUNS = {
    "nothing": lambda m: m(X),
    "fit": fit,
    "validated fit": lambda m: fit(m, validation_data=(X, Y), callbacks=[kk.callbacks.EarlyStopping(patience=9)]),
    "predict": lambda m: m.predict(X, verbose=0),
    "evaluate": lambda m: m.evaluate(X, Y, verbose=0),
    "train_on_batch": lambda m: m.train_on_batch(X, Y),
    "test_on_batch": lambda m: m.test_on_batch(X, Y),
    "predict_on_batch": lambda m: m.predict_on_batch(X),
}


CASES = [("pickle", run, "functional") for run in RUNS]
CASES += [("deepcopy", run, "functional") for run in ("fit", "predict")] + [("pickle", "fit", "sequential")]


@pytest.mark.parametrize(("way", "run", "kind"), CASES)
def test_a_model_that_has_run_is_copied_and_trains_on_alike(way, run, kind):
    model = compiled(kind)
    RUNS[run](model)
    twin = WAYS[way](model)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    ours, theirs = fit(model).history, fit(twin).history
    assert ours == theirs
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("way", WAYS)
def test_a_history_and_a_callback_that_have_run(way):
    model = compiled()
    stop = kk.callbacks.EarlyStopping(patience=3, restore_best_weights=True, monitor="loss")
    history = fit(model, callbacks=[stop])
    again = WAYS[way](history)
    assert again.history == history.history
    np.testing.assert_array_equal(again.batches["loss"], history.batches["loss"])
    twin = WAYS[way](stop)
    for ours, theirs in zip(stop.best_weights, twin.best_weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_interrupted_and_a_failed_fit_leave_nothing_that_cannot_be_pickled():
    class Fails(kk.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise OSError("the disk is full")

    model = compiled()
    with pytest.raises(OSError, match="disk"):
        fit(model, callbacks=[Fails()])
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_model_beside_its_background_fit_is_not_waited_for():
    model = compiled()
    handle = fit(model, background=True)
    handle.wait()
    pickle.loads(pickle.dumps(model)).predict(X, verbose=0)


def test_joblib(tmp_path):
    joblib = pytest.importorskip("joblib")
    model = compiled()
    fit(model)
    joblib.dump(model, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_pickle_holds_no_compiled_program():
    model = compiled()
    before = len(pickle.dumps(model))
    fit(model)
    after = len(pickle.dumps(model))
    assert after < 2 * before + 20_000
