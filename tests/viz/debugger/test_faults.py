"""Five planted faults, each found with the right layer, step and sample."""

import numpy as np
import pytest

import kernelkit as kk

pytestmark = pytest.mark.one_in(2)

CLASSES = 4


def blobs(samples=256, seed=0):
    """Four clouds of points in eight dimensions: easy to learn, rows in random order."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(CLASSES, 8))
    y = rng.integers(0, CLASSES, samples)
    return (centers[y] + 0.3 * rng.normal(size=(samples, 8))).astype("float32"), y.astype("int32")


def network(optimizer="adam", loss="sparse_categorical_crossentropy", bias="zeros", last="softmax"):
    kk.utils.clear_session()
    kk.utils.set_random_seed(1)
    layers = [kk.Input((8,)), kk.layers.Dense(16, activation="relu", name="first")]
    layers += [kk.layers.Dense(16, activation="relu", bias_initializer=bias, name="second")]
    model = kk.Sequential([*layers, kk.layers.Dense(CLASSES, activation=last, name="last")])
    model.compile(optimizer, loss)
    return model


def test_a_learning_rate_that_explodes():
    x, y = blobs()
    targets = np.eye(CLASSES, dtype="float32")[y]
    model = network(kk.optimizers.SGD(20.0), "mse", last=None)
    dbg = model.debug(x, targets, batch_size=32)
    dbg.break_on("loss spike")
    dbg.run(epochs=1)
    assert dbg.stopped.startswith("The loss of step 2 is")
    found = dbg.explain()
    assert (found.kind, found.step, found.direction, found.samples) == ("exploding", 0, "update", [])
    assert found.layer == max(dbg_ratios(dbg, 1), key=dbg_ratios(dbg, 1).get)
    assert "learning rate" in found.advice[0]
    # Let it run into NaN: the same step is to blame, not the operation that overflowed.
    dbg.clear()
    dbg.break_on("nan")
    dbg.run(epochs=5)
    assert dbg.explain().kind == "exploding" and dbg.explain().step == 0


def dbg_ratios(dbg, position):
    at = dbg.position
    dbg.goto(position)
    ratios = {row["layer"]: row["update_ratio"] for row in dbg.table().rows}
    dbg.goto(at)
    return ratios


def test_log_of_zero_in_a_loss():
    x, y = blobs()
    x[77] *= 1e4  # so sure of itself that the other classes' probabilities are exactly zero

    def my_loss(y_true, y_pred):
        picked = kk.ops.take_along_axis(y_pred, kk.ops.cast(y_true, "int32")[:, None], axis=-1)
        return -kk.ops.log(picked)

    y[77] = (network().predict(x[77:78]).argmax() + 1) % CLASSES
    model = network(kk.optimizers.SGD(1e-6), my_loss)
    dbg = model.debug(x, y, batch_size=32)
    dbg.break_on("nan")
    dbg.run(epochs=2)
    step = next(i for i in range(8) if 77 in dbg.timeline.source.indices(0, i))
    found = dbg.explain()
    assert dbg.position == step + 1
    assert (found.kind, found.op, found.layer, found.step) == ("nan", "log", "my_loss", step)
    assert found.samples == [77] and found.direction == "forward"
    assert "test_faults.py" in found.where and "my_loss" in found.where
    assert "log(x + 1e-7)" in found.advice[0]


def test_units_that_a_bad_bias_has_killed():
    x, y = blobs()
    model = network(bias=kk.initializers.Constant(-50.0))
    dbg = model.debug(x, y, batch_size=32)
    point = dbg.break_on("dead units", above=0.9)
    dbg.run(epochs=1)
    assert dbg.position == 1 and point.hits == 1 and "'second'" in dbg.stopped
    dbg.clear()
    dbg.run(epochs=1)
    found = dbg.explain()
    assert (found.kind, found.layer, found.step) == ("dead units", "second", 0)
    assert "-50" in found.evidence[1]
    assert dbg.table().row("second")["trouble"] == "dead units"
    assert dbg.table().row("first")["grad"] == 0


def test_one_corrupted_sample():
    x, y = blobs()
    x[123] = 3e4
    model = network("sgd", "mse", last=None)
    dbg = model.debug(x, np.eye(CLASSES, dtype="float32")[y], batch_size=32)
    dbg.break_on("loss spike", above=5)
    dbg.run(epochs=1)
    step = next(i for i in range(8) if 123 in dbg.timeline.source.indices(0, i))
    found = dbg.explain()
    assert dbg.position == step + 1
    assert (found.kind, found.step, found.samples, found.layer) == ("corrupted sample", step, [123], "first")
    assert dbg.batch.indices[np.argmax(dbg.sample_losses())] == 123


@pytest.mark.parametrize("first", [0, 100])
def test_labels_shifted_by_one(first):
    x, y = blobs()
    shifted = np.concatenate([y[:first], np.roll(y[first:], 1)])
    model = network()
    dbg = model.debug(x, shifted, batch_size=32, shuffle=False)
    dbg.run(epochs=2)
    found = dbg.explain()
    assert found.kind == "shifted labels" and found.layer == "y"
    assert abs(found.samples[0] - first) <= 3
    assert found.step == found.samples[0] // 32


def test_nan_in_the_data():
    x, y = blobs()
    x[200, 3] = np.nan
    dbg = network().debug(x, y, batch_size=32)
    dbg.break_on("nan")
    dbg.run(epochs=1)
    found = dbg.explain()
    assert (found.kind, found.samples, found.layer) == ("nan", [200], "x")


def test_an_infinite_gradient_of_a_finite_value():
    x, _ = blobs()

    class Root(kk.layers.Layer):
        def call(self, inputs):
            return kk.ops.sqrt(kk.ops.abs(inputs))

    kk.utils.set_random_seed(0)
    model = kk.Sequential(
        [kk.Input((8,)), kk.layers.Dense(3, kernel_initializer="zeros", name="zeros"), Root(name="root")]
    )
    model.compile("sgd", "mse")
    dbg = model.debug(x, np.ones((256, 3), "float32"), batch_size=32)
    dbg.break_on("nan")
    dbg.run(epochs=1)
    assert dbg.position == 1  # the update of the first step spoilt the weights; the second one met them
    found = dbg.explain()
    assert (found.layer, found.step, found.direction) == ("root", 0, "backward")
    assert len(found.samples) == 32


def test_inside_an_rnn():
    x = np.ones((16, 5, 2), "float32")
    x[3, 2] = 0

    class Cell(kk.layers.SimpleRNNCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(inputs, states)
            return output + kk.ops.log(kk.ops.mean(inputs, axis=-1, keepdims=True)), states

    model = kk.Sequential([kk.Input((5, 2)), kk.layers.RNN(Cell(2), name="rnn", return_sequences=True)])
    model.compile("sgd", "mse")
    dbg = model.debug(x, np.zeros((16, 5, 2), "float32"), batch_size=16, shuffle=False)
    dbg.step()
    found = dbg.explain()
    assert (found.op, found.samples, found.direction) == ("log", [3], "forward")


def test_healthy():
    x, y = blobs()
    dbg = network().debug(x, y, batch_size=32)
    assert dbg.explain().kind == "nothing"
    dbg.run(epochs=3)
    assert dbg.explain().kind == "nothing", dbg.explain()
