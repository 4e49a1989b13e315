"""What a training leaves behind: a model that nobody needs any more gives its memory back."""

import gc
import pickle
import weakref

import numpy as np
import pytest

import kernelkit as kk

X, Y = np.ones((16, 4), "float32"), np.zeros((16, 1), "float32")


class Plain(kk.Model):
    def __init__(self):
        super().__init__()
        self.dense = kk.layers.Dense(1)

    def call(self, x):
        return self.dense(x)


class Taped(Plain):
    def train_step(self, data):
        x, y = data
        with kk.GradientTape() as tape:
            loss = kk.ops.mean((self(x) - y) ** 2)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("kind", [Plain, Taped])
@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
def test_a_deleted_model_frees_its_weights_at_once(kind, background, no_gc):
    model = kind()
    model.compile("adam", "mse", metrics=["mae"])
    fitted = model.fit(X, Y, verbose=0, background=background)
    history = fitted.wait() if background else fitted
    model.predict(X, verbose=0)
    model.predict_on_batch(X[:3])
    alive = [weakref.ref(thing) for thing in (model, model.dense.kernel, model.optimizer.variables[-1])]
    del model, fitted
    assert [thing() for thing in alive] == [None] * 3
    assert history.model is None and len(history.history["loss"]) == 1


def test_a_dropped_functional_model_makes_room_for_the_next_one(monkeypatch, no_gc):
    monkeypatch.setattr("kernelkit.training.programs.Dropped.LIMIT", 1)
    alive = []
    for _ in range(2):
        model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        alive.append(weakref.ref(model.layers[0].kernel))
    assert [weight() is None for weight in alive] == [True, False]


def test_a_kept_history_does_not_keep_its_model():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(X, Y, verbose=0)
    assert history.model is model
    weight = weakref.ref(model.layers[0].kernel)
    del model
    gc.collect()  # the graph of a functional model is a circle of tensors and layers
    assert weight() is None and history.model is None
    assert pickle.loads(pickle.dumps(history)).history == history.history


def test_an_eager_optimizer_frees_its_weights_at_once(no_gc):
    weight = kk.Variable([1.0, 2.0])
    optimizer = kk.optimizers.Adam()
    optimizer.apply([np.ones(2, "float32")], [weight])
    alive = weakref.ref(weight)
    del weight, optimizer
    assert alive() is None


def test_a_debugger_keeps_the_model_that_it_steps_through():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    dbg = model.debug(X, Y, batch_size=8)
    del model
    gc.collect()
    assert dbg.step() == dbg.logs and dbg.to_model().count_params() == 5


def test_a_training_in_the_background_keeps_its_model():
    model = Plain()
    model.compile("sgd", "mse")
    handle = model.fit(X, Y, verbose=0, epochs=5, background=True)
    alive = weakref.ref(model)
    del model
    assert len(handle.wait(60).history["loss"]) == 5
    assert alive() is not None  # the handle can still save it
