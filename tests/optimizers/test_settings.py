"""What all optimizers share, beside Keras's: clipping, decay, averages, accumulation, loss scale, schedules."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kernelkit import optimizers

pytestmark = pytest.mark.one_in(3)

SETTINGS = [
    ("SGD", {"clipnorm": 1.0}),
    ("SGD", {"clipvalue": 0.3, "momentum": 0.9}),
    ("Adam", {"global_clipnorm": 0.5}),
    ("SGD", {"global_clipnorm": 1e6}),
    ("SGD", {"weight_decay": 0.5}),
    ("Lamb", {"weight_decay": 0.1, "clipnorm": 0.5}),
    ("SGD", {"use_ema": True, "ema_momentum": 0.8, "momentum": 0.9}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2}),
    ("SGD", {"loss_scale_factor": 8.0}),
    ("SGD", {"gradient_accumulation_steps": 2}),
    ("Adam", {"gradient_accumulation_steps": 3, "weight_decay": 0.1, "clipnorm": 1.0, "amsgrad": True}),
    ("Nadam", {"gradient_accumulation_steps": 2, "loss_scale_factor": 4.0}),
    (
        "RMSprop",
        {"gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 2, "ema_momentum": 0.7},
    ),
    ("Muon", {"gradient_accumulation_steps": 2, "use_ema": True}),
]


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=lambda v: v if isinstance(v, str) else "-".join(v))
def test_setting_equals_keras(assert_as_keras, name, settings):
    assert_as_keras(lambda family: getattr(family, name)(learning_rate=0.05, **settings), steps=7)


SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 8], "values": [0.1, 0.05, 0.01]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "power": 0.5, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 7, "warmup_target": 0.2, "warmup_steps": 4}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 7, "warmup_target": 0.2}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "alpha": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.0, "m_mul": 0.5}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 1.5, "m_mul": 0.9}),
]


@pytest.mark.parametrize(("name", "settings"), SCHEDULES, ids=lambda v: v if isinstance(v, str) else None)
def test_schedule_equals_keras(name, settings):
    own = getattr(optimizers.schedules, name)(**settings)
    expected = getattr(keras.optimizers.schedules, name)(**settings)
    steps = jnp.arange(24)
    np.testing.assert_allclose(jax.vmap(own)(steps), jax.vmap(expected)(steps), rtol=2e-6, atol=1e-7)
    assert own.get_config() == expected.get_config()
    again = optimizers.schedules.deserialize(optimizers.schedules.serialize(own))
    assert float(again(7)) == float(own(7))


@pytest.mark.parametrize("steps", [None, 2])
def test_schedule_in_a_step_equals_keras(assert_as_keras, steps):
    def make(family):
        rate = family.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
        return family.Adam(rate, weight_decay=0.1, gradient_accumulation_steps=steps)

    assert_as_keras(make)


def test_schedule_keeps_adafactor_from_lowering_the_rate(assert_as_keras):
    assert_as_keras(lambda family: family.Adafactor(family.schedules.PolynomialDecay(0.1, 10)))


def test_constraints_equal_keras(assert_as_keras):
    def prepare(package, variables):
        for variable in variables:
            variable.constraint = keras.constraints.NonNeg() if package is keras else lambda w: w * (w >= 0)

    assert_as_keras(lambda family: family.SGD(0.1, use_ema=True, ema_overwrite_frequency=2), prepare=prepare)


@pytest.mark.parametrize("steps", [None, 2])
def test_overwriting_with_the_gradient_equals_keras(assert_as_keras, steps):
    def prepare(package, variables):
        variables[1].overwrite_with_gradient = True

    settings = {"gradient_accumulation_steps": steps, "use_ema": True, "loss_scale_factor": 2.0, "weight_decay": 0.1}
    assert_as_keras(lambda family: family.Adam(0.1, **settings), prepare=prepare)


def test_decay_excludes_the_same_variables_as_keras(assert_as_keras):
    def make(family):
        optimizer = family.AdamW(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bi.s"])
        return optimizer

    assert_as_keras(make)


@pytest.mark.parametrize("scale", [64.0, 1e38])
def test_loss_scale_optimizer_equals_keras(assert_as_keras, scale):
    def make(family):
        inner = family.SGD(0.1, momentum=0.9, clipnorm=1.0, use_ema=True)
        return family.LossScaleOptimizer(inner, initial_scale=64.0, dynamic_growth_steps=2)

    with np.errstate(over="ignore"):
        assert_as_keras(make, scale=scale, steps=6)


def test_multi_optimizer_equals_keras(assert_as_keras):
    def make(family):
        of = family.OptimizerMap(
            family.SGD(0.1, momentum=0.9), {".*bias": family.Adam(0.2), "conv/.*": family.Lion(0.05)}
        )
        return family.MultiOptimizer(of, loss_scale_factor=2.0)

    assert_as_keras(make)
