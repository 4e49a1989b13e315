"""What stands at the top of the package besides models: functions, devices, scopes; compared with Keras."""

import inspect

import jax
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import scope


def jaxpr_has_checkpoint(model, x):
    """Whether the gradient of a model computes values again."""
    state = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]

    def loss(trainable):
        return model.stateless_call(trainable, state[1], x)[0].sum()

    return "remat" in str(jax.make_jaxpr(jax.grad(loss))(state[0]))


def small(mode="full", **options):
    with kk.RematScope(mode, **options):
        return kk.Sequential(
            [kk.Input((4,)), kk.layers.Dense(8, activation="tanh", name="one"), kk.layers.Dense(2, name="two")]
        )


X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"mode": "full"}, True),
        ({"mode": "activations"}, True),
        ({"mode": "larger_than", "output_size_threshold": 20}, True),
        ({"mode": "larger_than", "output_size_threshold": 24}, False),
        ({"mode": "list_of_layers", "layer_names": ["one"]}, True),
        ({"mode": "list_of_layers", "layer_names": ["three"]}, False),
        ({"mode": None}, False),
    ],
    ids=str,
)
def test_which_layers_compute_again(options, expected):
    assert jaxpr_has_checkpoint(small(**options), X) is expected


def test_training_is_the_same_with_values_computed_again():
    def build():
        kk.utils.set_random_seed(0)
        return kk.Sequential(
            [
                kk.Input((6,)),
                kk.layers.Dense(8, activation="relu", activity_regularizer="l2"),
                kk.layers.BatchNormalization(),
                kk.layers.Dropout(0.5, seed=3),
                kk.layers.Reshape((4, 2)),
                kk.layers.Masking(0.0),
                kk.layers.GlobalAveragePooling1D(),
                kk.layers.Dense(1),
            ]
        )

    x = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
    results = []
    for mode in (None, "full"):
        with kk.RematScope(mode):
            model = build()
        model.compile("adam", "mse")
        history = model.fit(x, x[:, :1], epochs=2, batch_size=4, shuffle=False, verbose=0)
        results.append((history.history["loss"], model.get_weights()))
    for losses, weights in results[1:]:
        np.testing.assert_allclose(losses, results[0][0], rtol=1e-5)
        for a, b in zip(weights, results[0][1]):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_function_computed_again():
    def f(x, scale=1.0, flag=True):
        return {"y": jax.numpy.sin(x) * scale if flag else x}

    again = kk.remat(f)
    np.testing.assert_allclose(again(X, scale=2.0)["y"], f(X, 2.0)["y"])
    assert "remat" in str(jax.make_jaxpr(jax.grad(lambda x: again(x)["y"].sum()))(X))
    spec = again(kk.KerasTensor((None, 4)), flag=False)
    assert spec["y"].shape == (None, 4)
    layer = kk.layers.Dense(2)
    layer.build((None, 4))
    taken = jax.grad(lambda k: layer.stateless_call([k, layer.bias.value], [], X)[0].sum())(layer.kernel.value)
    with kk.GradientTape() as tape:
        loss = kk.ops.sum(layer(X))
    np.testing.assert_allclose(tape.gradient(loss, layer.kernel), taken, rtol=1e-5)


def test_scopes_of_remat():
    with pytest.raises(ValueError, match="mode"):
        kk.RematScope("some")
    with kk.RematScope("full"), kk.RematScope(None):
        assert kk.layers.Dense(1)._remat is None


def functions(package):
    a, b = package.KerasTensor((None, 2)), package.KerasTensor((None, 2))
    return package.Function([a, b], {"sum": a + b, "product": package.ops.multiply(a, b)}, name="f")


def test_a_function_of_symbolic_tensors():
    own, theirs = functions(kk), functions(keras)
    inputs = [np.ones((3, 2)), np.full((3, 2), 2.0)]
    for name, value in theirs(inputs).items():
        np.testing.assert_allclose(own(inputs)[name], value)
    shapes = [(5, 2), (5, 2)]
    assert own.compute_output_shape(shapes) == theirs.compute_output_shape(shapes)
    assert own.name == "f" and len(own.inputs) == len(own.outputs) == len(own.operations) == 2
    spec = own([kk.KerasTensor((7, 2)), kk.KerasTensor((7, 2))])
    assert spec["sum"].shape == (7, 2)
    with pytest.raises(ValueError, match="expected"):
        own([np.ones((3, 3)), np.ones((3, 3))])
    with pytest.raises(ValueError, match="not among the model's inputs|depends on"):
        kk.Function(kk.Input((2,)), kk.Input((2,)) + 1)


def test_devices():
    with kk.device("CPU:0"):
        assert {d.platform for d in kk.ops.ones((2,)).devices()} == {"cpu"}
    with kk.device(jax.devices("cpu")[0]):
        assert kk.ops.ones(()) == 1
    for name in ("cpu:99", "cpu:x", "abc:0", 3):
        with pytest.raises(ValueError, match="device"):
            kk.device(name)


def test_symbolic_scope():
    assert not scope.in_symbolic_scope()
    with kk.SymbolicScope():
        assert scope.in_symbolic_scope()
    seen = []

    class Look(kk.layers.Layer):
        def call(self, x):
            seen.append(scope.in_symbolic_scope())
            return x

    layer = Look()
    layer(kk.Input((2,)))
    layer(np.ones((1, 2)))
    assert seen[-1] is False and set(seen[:-1]) == {True}


# Dtype policies by path -----------------------------------------------------------------------------------------------


def policies(package):
    policy = package.dtype_policies.DTypePolicy
    made = package.dtype_policies.DTypePolicyMap(policy("bfloat16"))
    made["a/b"] = policy("float16")
    made["q.*"] = policy("mixed_bfloat16")
    return made


def test_policies_by_path():
    own, theirs = policies(kk), policies(keras)
    for path in ("a/b", "a", "a/b/c", "q1", "x/q1", "q/r"):
        assert own[path].name == theirs[path].name
    assert (own.name, own.compute_dtype, len(own), list(own)) == (
        theirs.name,
        theirs.compute_dtype,
        len(theirs),
        list(theirs),
    )
    assert own.get_config()["policy_map"].keys() == theirs.get_config()["policy_map"].keys()
    again = kk.dtype_policies.deserialize(kk.dtype_policies.serialize(own))
    assert again == own and again is not own
    assert own.pop("a/b").name == "float16" and len(own) == 1


def test_policies_without_a_default_of_their_own():
    own, theirs = (p.dtype_policies.DTypePolicyMap() for p in (kk, keras))
    own["a"], theirs["a"] = kk.DTypePolicy("float16"), keras.DTypePolicy("float16")
    assert kk.dtype_policies.serialize(own)["config"] == keras.dtype_policies.serialize(theirs)["config"]
    assert own["a"].name == "float16"


def test_policies_that_are_refused():
    own = policies(kk)
    with pytest.raises(ValueError, match="already exist"):
        own["a/b"] = "float32"
    with pytest.raises(ValueError, match="Cannot interpret"):
        own["c"] = 3
    with pytest.raises(TypeError, match="dict"):
        kk.dtype_policies.DTypePolicyMap(policy_map=[1])
    own["q1.*"] = "float16"
    with pytest.raises(ValueError, match="matches multiple dtype policy keys"):
        own["q1"]


def test_a_layer_takes_its_policy_by_its_path():
    class Pair(kk.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first = kk.layers.Dense(2, dtype=self.dtype_policy, name="first")
            self.second = kk.layers.Dense(2, dtype=self.dtype_policy, name="second")

        def call(self, x):
            return self.second(self.first(x))

    by_path = kk.dtype_policies.DTypePolicyMap("float32", {"pair/first": "mixed_bfloat16"})
    layer = Pair(dtype=by_path, name="pair")
    layer(np.ones((1, 2), "float32"))
    assert (layer.first.path, layer.first.compute_dtype, layer.first.kernel.dtype) == (
        "pair/first",
        "bfloat16",
        "float32",
    )
    assert (layer.second.compute_dtype, layer.compute_dtype) == ("float32", "float32")


def test_a_notebook_shows_the_arguments_of_every_class():
    families = (kk.layers, kk.losses, kk.metrics, kk.optimizers, kk.initializers, kk.callbacks, kk.utils, kk)
    classes = {v for family in families for v in vars(family).values() if isinstance(v, type)} - {kk.Model}
    own = [c for c in classes if c.__module__.startswith("kernelkit") and not issubclass(c, BaseException)]
    assert len(own) > 250
    hidden = [c.__name__ for c in own if "args" in list(inspect.signature(c).parameters)[:1]]
    assert not hidden
    assert str(inspect.signature(kk.initializers.Zeros)) == "()"
