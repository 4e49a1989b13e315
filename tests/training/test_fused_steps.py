"""Fused steps: one executable for every fusion, and the same bits."""

import jax
import numpy as np
import pytest

import kernelkit as kk

pytestmark = pytest.mark.one_in(4)

SAMPLES, BATCH = 103, 8  # 12 full steps and a last one of 7 samples


def data():
    rng = np.random.default_rng(0)
    return rng.random((SAMPLES, 6), dtype="float32"), rng.integers(0, 3, SAMPLES)


def model_of(steps_per_execution, *, eager=False, optimizer="adam"):
    kk.utils.clear_session()
    kk.utils.set_random_seed(3)
    model = kk.Sequential(
        [
            kk.Input((6,)),
            kk.layers.Dense(16, activation="relu"),
            kk.layers.BatchNormalization(),
            kk.layers.Dropout(0.3),
            kk.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        optimizer,
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
        run_eagerly=eager,
    )
    return model


def state_of(model):
    return [np.asarray(v) for v in jax.tree_util.tree_leaves(model._training.variables("train").peek())]


def test_any_fusion_gives_the_same_bits():
    x, y = data()
    states, histories = [], []
    for steps in ("auto", "single", 5, 64):
        model = model_of(steps)
        histories.append(model.fit(x, y, batch_size=BATCH, epochs=3, verbose=0).history)
        states.append(state_of(model))
    for state, history in zip(states[1:], histories[1:], strict=True):
        assert history == histories[0]
        for a, b in zip(states[0], state, strict=True):
            np.testing.assert_array_equal(a, b)


def test_one_executable_serves_every_number_of_steps():
    x, y = data()
    model = model_of(5)  # 12 full steps: dispatches of 5, 5 and 2
    model.fit(x, y, batch_size=BATCH, epochs=4, verbose=0)
    program = model._training.program("train")
    assert program.compiles == 2  # the full batch, and the last one of another size
    assert program.dispatches == 4 * (3 + 1)


def test_a_second_fit_compiles_nothing():
    x, y = data()
    model = model_of("auto")
    model.fit(x, y, batch_size=BATCH, verbose=0, validation_data=(x, y))
    model.predict(x)
    programs = [model._training.program(kind) for kind in ("train", "test", "predict")]
    before = [p.compiles for p in programs]
    for _ in range(3):
        model.fit(x, y, batch_size=BATCH, verbose=0, epochs=2, validation_data=(x, y))
        model.evaluate(x, y, verbose=0)
        model.predict(x)
    assert [p.compiles for p in programs] == [before[0], before[1] + 1, before[2]]  # evaluate's batch size is 32


def test_train_on_batch_is_a_step_of_fit():
    x, y = data()
    x, y = x[:32], y[:32]
    fitted = model_of("auto")
    fitted.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    stepped = model_of("auto")
    for start in range(0, 32, 8):
        logs = stepped.train_on_batch(x[start : start + 8], y[start : start + 8], return_dict=True)
    assert logs.keys() == {"loss", "accuracy"}
    of_fit, of_steps = (m._training.variables("train") for m in (fitted, stepped))
    for group in ("trainable", "non_trainable", "optimizer"):  # metrics are of the last batch, as in Keras
        for a, b in zip(getattr(of_fit, group), getattr(of_steps, group), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_batches_begin_with_fresh_metrics():
    class Counted(kk.metrics.Mean):
        resets = 0

        def reset_state(self):
            Counted.resets += 1
            super().reset_state()

    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = (x.sum(-1, keepdims=True) > 0).astype("float32")
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy", kk.metrics.AUC(name="auc")])
    model.optimizer.learning_rate = 0.0
    first = model.train_on_batch(x[:32], y[:32])
    for _ in range(5):  # the values that metrics begin with are kept, and no step may write into them
        model.train_on_batch(x[32:], y[32:])
    assert model.train_on_batch(x[:32], y[:32]) == first
    assert model.test_on_batch(x[:32], y[:32]) == pytest.approx(first)
    model.counted = Counted(name="counted")
    before = Counted.resets
    for _ in range(3):
        model.train_on_batch(x[:32], y[:32])
    assert Counted.resets >= before + 3


def test_eager_steps_agree():
    x, y = data()
    fused, eager = model_of("auto", optimizer="sgd"), model_of("auto", eager=True, optimizer="sgd")
    fused.fit(x[:32], y[:32], batch_size=16, verbose=0, shuffle=False)
    eager.fit(x[:32], y[:32], batch_size=16, verbose=0, shuffle=False)
    for a, b in zip(state_of(fused), state_of(eager), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


class Batches(kk.callbacks.Callback):
    def __init__(self, hooks):
        super().__init__()
        self.batch_hooks = hooks
        self.seen = []

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(("end", batch, dict(logs)))


@pytest.mark.parametrize("steps, hooks, dispatches", [("auto", "model", 13), (5, "logs", 4)])
def test_batch_hooks_fire_for_each_batch_with_its_logs(steps, hooks, dispatches):
    x, y = data()
    told = Batches(hooks)
    model = model_of(steps)
    model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[told])
    assert [s[:2] for s in told.seen] == [s for i in range(13) for s in (("begin", i), ("end", i))]
    assert model._training.program("train").dispatches == dispatches
    plain = model_of("single")
    history = plain.fit(x, y, batch_size=BATCH, verbose=0)
    losses = [s[2]["loss"] for s in told.seen if s[0] == "end"]
    np.testing.assert_array_equal(np.float32(losses), history.batches["loss"])
    assert all(isinstance(v, float) for s in told.seen if s[0] == "end" for v in s[2].values())


def test_batch_hooks_fire_once_for_the_steps_of_an_execution():
    x, y = data()
    told = Batches("model")
    model = model_of(5)
    model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[told])
    # The last execution has three steps; as in Keras, its end is counted as if it had five.
    assert [s[:2] for s in told.seen] == [
        ("begin", 0),
        ("end", 4),
        ("begin", 5),
        ("end", 9),
        ("begin", 10),
        ("end", 14),
    ]
    plain = model_of("single")
    losses = plain.fit(x, y, batch_size=BATCH, verbose=0).batches["loss"]
    ends = [s[2]["loss"] for s in told.seen if s[0] == "end"]
    np.testing.assert_array_equal(np.float32(ends), losses[[4, 9, 12]])

    tested = []
    hooks = kk.callbacks.LambdaCallback(
        on_test_batch_end=lambda batch, logs: tested.append(("test", batch)),
        on_predict_batch_end=lambda batch, logs: tested.append(("predict", batch, len(logs["outputs"]))),
    )
    model.evaluate(x, y, batch_size=BATCH, verbose=0, callbacks=[hooks])
    model.predict(x, batch_size=BATCH, callbacks=[hooks])
    rest = len(x) - 10 * BATCH
    assert tested[:3] == [("test", 4), ("test", 9), ("test", 14)]
    assert tested[3:] == [("predict", 4, 5 * BATCH), ("predict", 9, 5 * BATCH), ("predict", 14, rest)]


def test_a_callback_sees_and_changes_the_model_between_batches():
    x, y = data()

    class Freeze(kk.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 5:
                self.model.optimizer.learning_rate = 0.0
                self.kept = self.model.layers[0].get_weights()[0]

    callback = Freeze()
    model = model_of("auto")
    model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[callback])
    np.testing.assert_array_equal(callback.kept, model.layers[0].get_weights()[0])


def test_losses_stay_on_the_device_between_batches():
    """Without callbacks an epoch costs one read of its logs, not one a batch."""
    x, y = data()
    model = model_of("single")
    model.fit(x, y, batch_size=BATCH, verbose=0)
    reads = []
    original = kk.training.fitting.last_logs
    kk.training.fitting.last_logs = lambda *a: reads.append(1) or original(*a)
    try:
        model.fit(x, y, batch_size=BATCH, verbose=0)
    finally:
        kk.training.fitting.last_logs = original
    assert len(reads) == 1


def test_a_user_may_keep_arrays_across_training():
    x, y = data()
    model = model_of("auto")
    kept = model.layers[0].kernel.value
    weights = model.get_weights()
    model.fit(x, y, verbose=0)
    held = model.layers[0].kernel.value
    model.fit(x, y, verbose=0)
    assert np.isfinite(np.asarray(kept)).all() and np.isfinite(np.asarray(held)).all()
    np.testing.assert_array_equal(np.asarray(kept), weights[0])


def test_variables_looked_up_before_the_optimizer_is_built():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3)])
    model.compile("adam", "mse")
    assert model._training.variables("train").optimizer == tuple(model.optimizer.variables)
    model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    assert int(model.optimizer.iterations) == 1


def test_a_models_own_reset_of_its_metrics_is_called_each_time():
    class Own(kk.Sequential):
        resets = 0

        def reset_metrics(self):
            super().reset_metrics()
            self.resets += 1

    model = Own([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.ones((8, 2), "float32")
    model.fit(x, x[:, :1], epochs=3, validation_data=(x, x[:, :1]), verbose=0)
    assert model.resets == 6
    model.train_on_batch(x, x[:, :1])
    assert model.resets == 7


def test_a_first_fit_compiles_no_program_for_each_variable():
    """Compilations are most of the time to a first epoch: their number doesn't grow with the layers."""
    counts = []
    for widths in ((5,), (5, 6, 7, 9, 10, 11)):
        kk.utils.clear_session()
        model = kk.Sequential([kk.Input((4,)), *[kk.layers.Dense(w) for w in widths], kk.layers.Dense(3)])
        model.compile("adam", "mse")
        compiled = []

        def listen(event, seconds, compiled=compiled, **_):
            if event == "/jax/core/compile/backend_compile_duration":
                compiled.append(seconds)

        jax.monitoring.register_event_duration_secs_listener(listen)
        try:
            model.fit(np.ones((8, 4), "float32"), np.ones((8, 3), "float32"), verbose=0)
        finally:
            jax.monitoring.unregister_event_duration_listener(listen)
        counts.append(len(compiled))
    assert 0 < counts[0] == counts[1]


def test_a_batch_hook_may_be_set_by_a_begin_hook():
    """As the callback of tqdm does; Keras calls it as soon as it is there."""
    x, y = data()
    counts = {"train": 0, "test": 0, "predict": 0}

    class SetsLate(kk.callbacks.Callback):
        def set(self, kind):
            def count(batch, logs=None):
                counts[kind] += 1

            setattr(self, f"on_{kind}_batch_end", count)

        def on_epoch_begin(self, epoch, logs=None):
            self.set("train")

        def on_test_begin(self, logs=None):
            self.set("test")

        def on_predict_begin(self, logs=None):
            self.set("predict")

    model, late = model_of("auto"), SetsLate()
    model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, callbacks=[late])
    steps = -(-len(x) // BATCH)
    assert counts == {"train": 2 * steps, "test": 0, "predict": 0}
    model.evaluate(x, y, batch_size=BATCH, verbose=0, callbacks=[late])
    model.predict(x, batch_size=BATCH, verbose=0, callbacks=[late])
    assert counts == {"train": 2 * steps, "test": steps, "predict": steps}
