"""Identity, Lambda, Masking and ActivityRegularization."""

import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import masking
from tests.layers.twins import check, equal, rand

STEPS = np.array([[[1.0, 2.0], [0.0, 0.0]], [[0.0, 3.0], [0.0, 0.0]]], "float32")


def test_identity_equals_keras():
    check("Identity", rand(2, 3))


def test_identity_keeps_structures_and_masks():
    x = {"a": kk.ops.ones((2, 3)), "b": [kk.ops.zeros((2,))]}
    y = kk.layers.Identity()(x)
    assert y["a"] is x["a"]
    assert y["b"][0] is x["b"][0]
    masked = kk.layers.Masking()(STEPS)
    assert masking.get_mask(kk.layers.Identity()(masked)) is not None


def test_masking_equals_keras():
    check("Masking", STEPS)
    ours, theirs = check("Masking", STEPS, mask_value=3.0)
    np.testing.assert_array_equal(ours.compute_mask(STEPS), theirs.compute_mask(STEPS))


def test_masking_attaches_its_mask():
    np.testing.assert_array_equal(masking.get_mask(kk.layers.Masking()(STEPS)), [[True, False], [True, False]])


def test_activity_regularization_equals_keras():
    ours, theirs = check("ActivityRegularization", rand(4, 3), l1=0.1, l2=0.2)
    equal(np.asarray(ours.losses[0]), np.asarray(theirs.losses[0]))


def double(x, factor=2.0):
    return x * factor


def test_lambda_runs_a_function_with_arguments():
    x = rand(2, 3)
    equal(kk.layers.Lambda(double)(x), 2 * x)
    equal(kk.layers.Lambda(double, arguments={"factor": 3.0})(x), 3 * x)
    assert kk.layers.Lambda(double)(kk.Input((3,))).shape == (None, 3)


def test_lambda_gives_training_and_mask_to_functions_that_take_them():
    seen = {}

    def watch(x, mask=None, training=None):
        seen.update(mask=mask, training=training)
        return x

    layer = kk.layers.Lambda(watch, mask=lambda x, mask: mask)
    y = layer(kk.layers.Masking()(STEPS), training=True)
    np.testing.assert_array_equal(seen["mask"], [[True, False], [True, False]])
    assert seen["training"] is True
    np.testing.assert_array_equal(masking.get_mask(y), seen["mask"])


def test_a_named_function_is_saved_and_a_lambda_is_for_those_who_trust_it():
    kk.saving.register_keras_serializable(package="test_lambda")(double)
    layer = kk.layers.Lambda(double, arguments={"factor": 3.0})
    twin = kk.layers.Lambda.from_config(layer.get_config())
    equal(twin(jnp.ones((1,))), jnp.full((1,), 3.0))
    config = kk.layers.Lambda(lambda x: x + 2).get_config()
    with pytest.raises(ValueError, match="lambda"):
        kk.layers.Lambda.from_config(config)
    equal(kk.layers.Lambda.from_config(config, safe_mode=False)(jnp.ones((1,))), jnp.full((1,), 3.0))


def test_a_function_of_ops_is_found_again_by_its_name():
    twin = kk.layers.Lambda.from_config(kk.layers.Lambda(kk.ops.square).get_config())
    assert twin.function is kk.ops.square


def test_lambda_needs_a_function():
    with pytest.raises(TypeError, match="callable"):
        kk.layers.Lambda(3)
