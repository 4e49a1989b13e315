"""Functions of jax and modules of flax as layers."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.layers import FlaxLayer, JaxLayer

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


def dense(params, inputs):
    return inputs @ params["w"] + params["b"]


def init_dense(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 1)), "b": jnp.zeros(1)}


def counting(params, state, rng, inputs, training):
    noise = jax.random.normal(rng, inputs.shape) if training else 0.0
    return dense(params, inputs + noise), {"calls": state["calls"] + 1}


def init_counting(rng, inputs, training):
    return init_dense(rng, inputs), {"calls": jnp.zeros((), "int32")}


def test_a_function_becomes_a_layer_that_learns():
    model = kk.Sequential([kk.Input((4,)), JaxLayer(dense, init_dense, seed=1)])
    layer = model.layers[0]
    assert [(v.path.split("/")[-1], v.shape) for v in layer.trainable_variables] == [("b", (1,)), ("w", (4, 1))]
    np.testing.assert_allclose(layer(X), dense(jax.tree.map(lambda v: v.value, layer.params), X), rtol=1e-6)
    model.compile(kk.optimizers.Adam(0.1), "mse")
    losses = model.fit(X, Y, epochs=60, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]


def test_state_is_updated_and_random_numbers_differ():
    layer = JaxLayer(counting, init_counting)
    first, second = layer(X, training=True), layer(X, training=True)
    assert int(layer.state["calls"].value) == 2
    assert np.abs(first - second).max() > 0
    model = kk.Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=4, epochs=3, verbose=0)
    assert int(layer.state["calls"].value) == 2 + 6
    np.testing.assert_array_equal(layer(X), layer(X))


def test_given_parameters_in_any_tree():
    layer = JaxLayer(
        lambda params, inputs: inputs * params[0] + params[1]["x"], params=(jnp.ones(4), {"x": np.ones(4)})
    )
    np.testing.assert_allclose(layer(X), X + 1)
    assert layer.count_params() == 8
    assert isinstance(layer.params, tuple)


def test_texts_in_a_tree_are_constants():
    layer = JaxLayer(lambda state, inputs: (inputs, state), state={"name": "one", "count": jnp.ones(()), "none": None})
    assert layer(X).shape == (8, 4)
    assert (layer.state["name"], layer.state["none"], len(layer.weights)) == ("one", None, 1)


def test_several_inputs():
    layer = JaxLayer(
        lambda params, inputs: params["k"] * (inputs["a"] + inputs["b"]), lambda inputs: {"k": jnp.ones(())}
    )
    np.testing.assert_allclose(layer({"a": X, "b": X}), 2 * X)
    assert layer({"a": kk.Input((4,)), "b": kk.Input((4,))}).shape == (None, 4)


def test_weights_are_saved(tmp_path):
    kk.saving.register_keras_serializable("test")(dense)
    kk.saving.register_keras_serializable("test")(init_dense)
    model = kk.Sequential([kk.Input((4,)), JaxLayer(dense, init_dense)])
    model.save(tmp_path / "model.keras")
    again = kk.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(X), model(X))
    assert set(model.layers[0].get_config()) == {
        "name",
        "trainable",
        "dtype",
        "call_fn",
        "init_fn",
        "native_serialization_platforms",
    }


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: JaxLayer(dense), "cannot all be missing"),
        (lambda: JaxLayer(lambda params, x: x, init_dense), "Missing required argument in `call_fn`"),
        (lambda: JaxLayer(lambda inputs, foo: inputs), "Unsupported argument in `call_fn`: `foo`"),
        (lambda: JaxLayer(lambda inputs, **more: inputs), "Unsupported argument in `call_fn`: `more`"),
        (lambda: JaxLayer(dense, lambda rng: rng), "Missing required argument in `init_fn`"),
        (lambda: JaxLayer(counting, init_dense)(X), "must return \\(params, state\\)"),
        (lambda: JaxLayer(lambda state, inputs: inputs, state=jnp.ones(1))(X), "must return \\(outputs, state\\)"),
        (lambda: JaxLayer(lambda state, inputs: (inputs, []), state=jnp.ones(1))(X), "of structure .* and returned"),
        (lambda: JaxLayer(lambda params, state, inputs: (inputs, []), params=jnp.ones(1))(X), "no initial state"),
    ],
)
def test_what_is_wrong_is_told(make, match):
    with pytest.raises(ValueError, match=match):
        make()


# Flax -----------------------------------------------------------------------------------------------------------------

linen = pytest.importorskip("flax.linen")


class Net(linen.Module):
    units: int = 3

    @linen.compact
    def __call__(self, inputs, training):
        x = linen.Dense(self.units)(inputs)
        x = linen.BatchNorm(use_running_average=not training)(x)
        return linen.Dropout(0.5, deterministic=not training)(x)

    def get_config(self):
        return {"units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Twice(linen.Module):
    @linen.compact
    def double(self, inputs):
        return linen.Dense(2)(inputs) * 2

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


def test_a_module_of_flax_becomes_a_layer():
    layer = FlaxLayer(Net())
    layer(X)
    assert [v.shape for v in layer.trainable_variables] == [(3,), (3,), (3,), (4, 3)]
    assert [v.shape for v in layer.non_trainable_weights] == [(3,), (3,)]
    variables = {**layer.params, **layer.state}
    expected = Net().apply(jax.tree.map(lambda v: v.value, variables), X, training=False)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-5)


def test_a_module_of_flax_learns():
    layer = FlaxLayer(Net())
    model = kk.Sequential([kk.Input((4,)), layer, kk.layers.Dense(1)])
    model.compile(kk.optimizers.Adam(0.05), "mse")
    before = [np.array(v.value) for v in layer.weights]
    model.fit(X, Y, epochs=3, verbose=0)
    assert all(np.abs(v.value - old).max() > 0 for v, old in zip(layer.weights, before))


def test_given_variables_and_other_methods():
    variables = Net().init(jax.random.key(0), X, training=False)
    layer = FlaxLayer(Net(), variables=variables)
    np.testing.assert_allclose(layer(X), Net().apply(variables, X, training=False), rtol=1e-5)
    named, unbound = (
        FlaxLayer(Twice(), method="double"),
        FlaxLayer(Twice(), method=lambda module, inputs: -module.double(inputs)),
    )
    assert named(X).shape == unbound(X).shape == (8, 2)
    for method in (Twice.double, Twice().double):
        assert FlaxLayer(Twice(), method=method).get_config()["method"] == "double"


def test_modules_are_saved_by_their_configs(tmp_path):
    kk.saving.register_keras_serializable("test")(Net)
    model = kk.Sequential([kk.Input((4,)), FlaxLayer(Net(units=5))])
    model.save(tmp_path / "model.keras")
    again = kk.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(X), model(X))
    assert set(model.layers[0].get_config()) == {"name", "trainable", "dtype", "module", "method"}


@pytest.mark.parametrize(
    "method", ["init", "apply", "__init__", "_private", "clone", "nothing", "get_config.__globals__"]
)
def test_a_config_reaches_no_other_attribute(method):
    kk.saving.register_keras_serializable("test")(Twice)
    config = json.loads(json.dumps(FlaxLayer(Twice(), method="double").get_config()))
    assert FlaxLayer.from_config(config)(X).shape == (8, 2)
    with pytest.raises(ValueError, match="defines no method"):
        FlaxLayer.from_config(config | {"method": method})
