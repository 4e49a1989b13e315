"""What `model.profile()` counts, and that it leaves the model as it is."""

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.models.profile import cost_of

L = kk.layers


@pytest.fixture
def model():
    inputs = kk.Input((6,))
    shared = L.Dense(6, name="shared")
    inner = kk.Sequential([L.Dense(5, activation="relu", name="inside")], name="inner")
    hidden = L.BatchNormalization(name="norm")(shared(shared(inputs)))
    model = kk.Model(inputs, L.Dense(3, activation="softmax", name="last")(L.Dropout(0.5)(inner(hidden))))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data(rows=8):
    return np.random.default_rng(0).random((rows, 6), dtype="float32"), np.arange(rows) % 3


def test_a_row_for_each_call_and_one_for_the_step(model):
    rows = model.profile(*data()).rows
    names = [row.layer for row in rows]
    dropout = model.layers[-2].name
    assert names == ["shared", "shared#2", "norm", "inner/inside", dropout, "last", "(whole step)"]
    by_name = dict(zip(names, rows, strict=True))
    assert by_name["last"].shape == (8, 3) and by_name["last"].parameters == 18
    assert by_name["(whole step)"].parameters == model.count_params()
    assert all(row.train_ms > 0 and row.forward_ms > 0 for row in rows)


def test_one_device_has_no_costs_of_several(model):
    said = model.profile(*data(), repeats=1)
    assert said.spread is None
    spread = model.profile(*data(), repeats=1, distribution=kk.distribution.DataParallel()).spread
    assert (spread.devices, spread.collectives, spread.sent) == (1, [], 0)
    assert spread.held >= sum(v.value.nbytes for v in model.variables)


def test_nothing_is_changed(model):
    x, y = data()
    model.fit(x, y, verbose=0)
    weights, iterations = model.get_weights(), int(model.optimizer.iterations)
    metrics = model.get_metrics_result()
    model.profile(x, y)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert int(model.optimizer.iterations) == iterations
    assert model.get_metrics_result() == metrics
    assert "call" not in vars(model.get_layer("shared"))


def test_flops_of_a_dense_layer():
    model = kk.Sequential([kk.Input((64,)), L.Dense(32, use_bias=False)])
    x = np.ones((16, 64), "float32")
    forward = model.profile(x).rows[0]
    assert forward.flops == 2 * 16 * 64 * 32
    assert forward.train_ms is None
    model.compile("sgd", "mse")
    both = model.profile(x, np.ones((16, 32), "float32")).rows[0]
    assert both.flops == pytest.approx(3 * forward.flops, rel=0.05)


def test_every_round_of_a_scan_counts():
    steps, batch, units = 50, 4, 8
    model = kk.Sequential([kk.Input((steps, units)), L.SimpleRNN(units, use_bias=False, activation=None)])
    row = model.profile(np.ones((batch, steps, units), "float32")).rows[0]
    products = 2 * (2 * batch * steps * units * units)
    assert products <= row.flops <= 1.3 * products


def test_cost_of_nested_scans():
    import jax
    import jax.numpy as jnp

    def nested(x):
        inner = lambda c, _: (c @ c, None)  # noqa: E731
        outer = lambda c, _: (jax.lax.scan(inner, c, None, 5)[0], None)  # noqa: E731
        return jax.lax.scan(outer, x, None, 7)[0]

    assert cost_of(nested, jnp.ones((10, 10))).flops == pytest.approx(35 * 2 * 1000, rel=0.05)


def test_the_table(model):
    profile = model.profile(*data())
    assert str(profile).splitlines()[0].split()[:2] == ["layer", "output"]
    assert profile._repr_html_().count("<tr>") == len(profile.rows) + 1


def test_names_are_text_in_html():
    model = kk.Sequential([kk.Input((2,)), L.Dense(1, name="img_src=x_onerror=alert(1)")])
    row = model.profile(np.ones((2, 2), "float32")).rows[0]._replace(layer="<img src=x>")
    assert "<img" not in kk.models.profile.Profile([row])._repr_html_()
