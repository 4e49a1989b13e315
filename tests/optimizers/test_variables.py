"""The variables of an optimizer: as Keras has them, so that saved states carry over, and their saving."""

import copy

import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import optimizers

EVERY = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "use_ema": True, "gradient_accumulation_steps": 2}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Adam", {"amsgrad": True, "use_ema": True}),
    ("AdamW", {}),
    ("Nadam", {}),
    ("Adamax", {}),
    ("Adagrad", {}),
    ("Adadelta", {}),
    ("Adafactor", {}),
    ("Ftrl", {}),
    ("Lion", {}),
    ("Lamb", {}),
    ("Muon", {}),
    ("ScheduleFreeAdamW", {}),
]
# Keras leaves Nadam's product without a name, and names Adafactor's row and column as the weight.
OWN_NAMES = ("u_product", "_row", "_column")


def both(make, make_variables):
    built = []
    for package, family in ((kk, optimizers), (keras, keras.optimizers)):
        optimizer = make(family)
        optimizer.build(make_variables(package))
        built.append(optimizer)
    return built


@pytest.mark.parametrize(("name", "settings"), EVERY, ids=lambda v: v if isinstance(v, str) else "-".join(v) or "plain")
def test_variables_and_config_are_those_of_keras(make_variables, name, settings):
    own, theirs = both(lambda family: getattr(family, name)(name="it", **settings), make_variables)
    for a, b in zip(own.variables, theirs.variables, strict=True):
        assert a.shape == tuple(b.shape)
        assert a.trainable is False
        np.testing.assert_allclose(a.numpy(), b.numpy())
        if not a.name.endswith(OWN_NAMES):
            assert (a.path, a.dtype) == (b.path, b.dtype)
    assert own.get_config() == theirs.get_config()
    again = type(own).from_config(own.get_config())
    assert again.get_config() == own.get_config()


def test_wrappers_have_the_variables_of_keras(make_variables):
    def make(family):
        of = family.OptimizerMap(family.SGD(momentum=0.9, name="s"), {".*bias": family.Adam(name="a")})
        return family.LossScaleOptimizer(family.MultiOptimizer(of, name="m"), name="l")

    own, theirs = both(make, make_variables)
    assert [v.path for v in own.variables] == [v.path for v in theirs.variables]
    assert own.get_config() == theirs.get_config()
    again = optimizers.deserialize(optimizers.serialize(own))
    assert again.get_config() == own.get_config()


@pytest.mark.parametrize("name", ["Adam", "Nadam", "Adafactor", "Muon"])
def test_a_state_saved_by_keras_carries_over(make_variables, make_gradients, name):
    own, theirs = both(lambda family: getattr(family, name)(0.01), make_variables)
    weights = make_variables(keras)
    theirs = getattr(keras.optimizers, name)(0.01)
    first, second = make_gradients(2)
    theirs.apply(first, weights)
    store = {}
    theirs.save_own_variables(store)
    mine = make_variables(kk)
    own = getattr(optimizers, name)(0.01)
    own.build(mine)
    own.load_own_variables(store)
    for variable, weight in zip(mine, weights, strict=True):
        variable.assign(weight.numpy())
    theirs.apply(second, weights)
    own.apply(second)
    for variable, weight in zip(mine, weights, strict=True):
        np.testing.assert_allclose(variable.numpy(), weight.numpy(), rtol=1e-5, atol=1e-6)


def test_loading_a_state_of_another_kind_warns_and_changes_nothing(make_variables):
    optimizer = optimizers.SGD()
    optimizer.build(make_variables(kk))
    with pytest.warns(UserWarning, match="2 variables, but 3 were saved"):
        optimizer.load_own_variables({"0": 5, "1": 0.5, "2": 1.0})
    assert int(optimizer.iterations) == 0


def test_set_weights(make_variables):
    optimizer = optimizers.SGD(0.1)
    with pytest.raises(ValueError, match="call build"):
        optimizer.set_weights([3, 0.5])
    optimizer.build(make_variables(kk))
    optimizer.set_weights([3, 0.5])
    assert (int(optimizer.iterations), float(optimizer.learning_rate)) == (3, 0.5)
    with pytest.raises(ValueError, match="2 variables, got 1"):
        optimizer.set_weights([3])


def test_slots_have_the_dtype_of_their_weight():
    weight = kk.Variable([1.0, 2.0], dtype="bfloat16", name="w")
    optimizer = optimizers.Adam(0.1)
    optimizer.apply([np.ones(2)], [weight])
    assert [v.dtype for v in optimizer.variables] == ["int32", "float32", "bfloat16", "bfloat16"]
    # In bfloat16, beta_2 = 0.999 is 1; the scalars of the rule are kept in float32 for that.
    np.testing.assert_allclose(np.asarray(weight.numpy(), "float32"), [0.9, 1.9], atol=0.01)


def test_a_copy_of_an_optimizer_goes_its_own_way(make_variables, make_gradients):
    variables = make_variables(kk)
    optimizer = optimizers.Adam(0.1)
    gradients = make_gradients(1)[0]
    optimizer.apply(gradients, variables)
    twin, weights = copy.deepcopy((optimizer, variables))
    twin.apply(gradients, weights)
    assert (int(optimizer.iterations), int(twin.iterations)) == (1, 2)
    optimizer.apply(gradients, variables)
    for a, b in zip(variables, weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
