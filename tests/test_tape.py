"""`GradientTape`: right gradients, and never a silent zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops


def model_and_data():
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(5, activation="tanh"), kk.layers.Dense(1)])
    rng = np.random.default_rng(0)
    return model, rng.random((6, 3), dtype="float32"), rng.random((6, 1), dtype="float32")


def test_gradients_equal_those_of_jax():
    model, x, y = model_and_data()
    with kk.GradientTape() as tape:
        loss = ops.mean(ops.square(model(x) - y))
    found = tape.gradient(loss, model.trainable_variables)

    def pure(values):
        predictions, _ = model.stateless_call(values, [], x)
        return jnp.mean(jnp.square(predictions - y))

    expected = jax.grad(pure)([v.value for v in model.trainable_variables])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_loss_computed_with_jax_numpy_is_an_error():
    model, x, y = model_and_data()
    with kk.GradientTape(), pytest.raises(RuntimeError, match="kernelkit.ops"):
        jnp.mean((model(x) - y) ** 2)


def test_a_loss_computed_from_numpy_values_is_an_error():
    model, x, y = model_and_data()
    with kk.GradientTape() as tape:
        loss = ops.mean(np.asarray(model(x)) - y)
    with pytest.raises(ValueError, match="has not recorded|none of the sources"):
        tape.gradient(loss, model.trainable_variables)


def test_a_value_that_slips_out_and_in_again_is_an_error():
    model, x, _ = model_and_data()
    hidden = kk.layers.Dense(2)
    with kk.GradientTape() as tape:
        escaped = np.asarray(model(x))
        loss = ops.sum(hidden(escaped))
    with pytest.raises(ValueError, match="none of the sources"):
        tape.gradient(loss, model.trainable_variables)


def test_watched_inputs_and_intermediates():
    model, x, _ = model_and_data()
    image = ops.convert_to_tensor(x)
    with kk.GradientTape() as tape:
        tape.watch(image)
        features = model.layers[0](image)
        score = ops.sum(model.layers[1](features))
    gradient, inner = tape.gradient(score, [image, features])
    expected = jax.grad(lambda v: jnp.sum(model.stateless_call(model.trainable_variables, [], v)[0]))(image)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)
    assert inner.shape == (6, 5)


def test_a_tape_in_a_tape():
    x = kk.Variable([1.0, 2.0])
    with kk.GradientTape() as outer:
        with kk.GradientTape() as inner:
            y = ops.sum(x * x * x)
        first = inner.gradient(y, x)
        penalty = ops.sum(first * first)
    second = outer.gradient(penalty, x)
    np.testing.assert_allclose(second, 36.0 * np.array([1.0, 8.0]), rtol=1e-6)


def test_layers_losses_and_updates_are_kept():
    model = kk.Sequential(
        [
            kk.Input((3,)),
            kk.layers.Dense(4, kernel_regularizer="l2"),
            kk.layers.BatchNormalization(),
            kk.layers.Dense(1),
        ]
    )
    moving = model.layers[1].moving_mean
    before = moving.numpy()
    x = np.random.default_rng(0).random((8, 3), dtype="float32")
    with kk.GradientTape() as tape:
        loss = ops.mean(model(x, training=True)) + sum(model.losses)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert not np.array_equal(before, moving.numpy())
    plain = 2 * 0.01 * model.layers[0].kernel.numpy()
    with kk.GradientTape() as tape:
        loss = ops.mean(model(x, training=True))
    np.testing.assert_allclose(
        gradients[0] - tape.gradient(loss, model.trainable_variables)[0], plain, rtol=1e-4, atol=1e-6
    )


def test_unconnected_sources():
    a, b = kk.Variable(1.0), kk.Variable(2.0)
    with kk.GradientTape() as tape:
        loss = a * 3.0
    assert tape.gradient(loss, [a, b])[1] is None
    assert float(tape.gradient(loss, [a, b], unconnected_gradients="zero")[1]) == 0.0


def test_metrics_are_not_recorded():
    model, x, y = model_and_data()
    metric = kk.metrics.MeanSquaredError()
    with kk.GradientTape() as tape:
        predictions = model(x)
        entries = len(tape._entries)
        metric.update_state(y, predictions)
        assert len(tape._entries) == entries
    np.testing.assert_allclose(metric.result(), np.mean((np.asarray(predictions) - y) ** 2), rtol=1e-5)


# NumPy's names under the tape -----------------------------------------------------------------------------------------

NUMPY_CALLS = {
    "np.mean": (np.mean, jnp.mean),
    "np.mean of an axis": (lambda a: np.mean(a, axis=0, keepdims=True), lambda a: jnp.mean(a, axis=0, keepdims=True)),
    "np.sum": (lambda a: np.sum(a, axis=1), lambda a: jnp.sum(a, axis=1)),
    "np.max": (np.max, jnp.max),
    "np.std": (np.std, jnp.std),
    "np.var": (lambda a: np.var(a, axis=1), lambda a: jnp.var(a, axis=1)),
    "np.prod": (np.prod, jnp.prod),
    "np.clip": (lambda a: np.clip(a, 0.3, 0.9), lambda a: jnp.clip(a, 0.3, 0.9)),
    "np.reshape": (lambda a: np.reshape(a, (3, 2)), lambda a: jnp.reshape(a, (3, 2))),
    "np.transpose": (np.transpose, jnp.transpose),
    "ravel": (lambda a: a.ravel(), jnp.ravel),
    "np.squeeze": (lambda a: np.squeeze(a[:1], axis=0), lambda a: jnp.squeeze(a[:1], axis=0)),
    "np.cumsum": (lambda a: np.cumsum(a, axis=1), lambda a: jnp.cumsum(a, axis=1)),
    "max": (lambda a: a.max(axis=1), lambda a: a.max(axis=1)),
    "min": (lambda a: a.min(0), lambda a: a.min(0)),
    "flatten": (lambda a: a.flatten(), lambda a: a.flatten()),
    "transpose(1, 0)": (lambda a: a.transpose(1, 0), lambda a: a.transpose(1, 0)),
    "swapaxes": (lambda a: a.swapaxes(0, 1), lambda a: a.swapaxes(0, 1)),
    "sum of a dtype": (lambda a: a.sum(dtype="float32"), lambda a: a.sum(dtype="float32")),
}


@pytest.mark.parametrize("call", NUMPY_CALLS)
def test_numpy_s_functions_and_methods_are_recorded(call):
    ours, right = NUMPY_CALLS[call]
    start = jnp.asarray([[0.1, 0.5, 0.7], [0.2, 0.8, 1.1]])
    with kk.GradientTape() as tape:
        p = tape.watch(start) * 1.0
        y = ours(p)
        loss = kk.ops.sum(y * y)
    np.testing.assert_allclose(np.asarray(y), right(start), rtol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(loss, p), jax.grad(lambda a: jnp.sum(right(a) ** 2))(start), rtol=1e-5, atol=1e-6
    )


def test_argmax_and_tolist_give_plain_values():
    with kk.GradientTape() as tape:
        p = tape.watch(jnp.asarray([1.0, 3.0])) * 2.0
        assert int(np.argmax(p)) == int(p.argmax()) == 1
        assert p.tolist() == [2.0, 6.0]


def test_arithmetic_on_a_watched_array_is_recorded_when_the_tensor_is_kept():
    x = jnp.asarray([2.0, 3.0])
    with kk.GradientTape() as tape:
        watched = tape.watch({"x": x})["x"]
        y = 5 * watched**2 - watched
    assert tape.gradient(y, watched).tolist() == [19.0, 29.0]
    with kk.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    with pytest.raises(ValueError, match=r"x = tape.watch\(x\)"):
        tape.gradient(y, x)


def test_a_jacobian_has_the_shape_of_the_target_and_then_of_the_source():
    w, b = kk.Variable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), kk.Variable([1.0, 1.0])
    with kk.GradientTape() as tape:
        y = kk.ops.matmul(w, kk.ops.transpose(w)) * b
    found = tape.jacobian(y, {"w": w, "b": b})
    right = jax.jacobian(lambda w, b: (w @ w.T) * b, argnums=(0, 1))(w.value, b.value)
    assert found["w"].shape == (2, 2, 2, 3)
    np.testing.assert_allclose(found["w"], right[0], rtol=1e-6)
    np.testing.assert_allclose(found["b"], right[1], rtol=1e-6)
