"""Every optimizer's rule and every setting of it, beside Keras's."""

import pytest

pytestmark = pytest.mark.one_in(2)

RULES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "rho": 0.8, "epsilon": 1e-3}),
    ("RMSprop", {"centered": True}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.5, "amsgrad": True}),
    ("Nadam", {}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Adamax", {}),
    ("Adamax", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.5, "epsilon": 1e-3}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"rho": 0.8, "epsilon": 1e-3}),
    ("Adafactor", {}),
    ("Adafactor", {"relative_step": False, "clip_threshold": 0.5, "beta_2_decay": -0.5}),
    ("Adafactor", {"learning_rate": 10.0, "epsilon_1": 1e-3, "epsilon_2": 0.9}),
    ("Ftrl", {"learning_rate": 0.1}),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.3,
            "beta": 0.4,
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.5,
        },
    ),
    ("Lion", {}),
    ("Lion", {"beta_1": 0.5, "beta_2": 0.7, "weight_decay": 0.5}),
    ("Lamb", {}),
    ("Lamb", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Muon", {}),
    ("Muon", {"nesterov": False, "rms_rate": None, "ns_steps": 3, "momentum": 0.8}),
    ("Muon", {"exclude_layers": ["dense"], "adam_lr_ratio": 2.0, "adam_weight_decay": 0.3}),
    ("Muon", {"weight_decay": None, "muon_a": 3.4, "muon_b": -4.7, "muon_c": 2.0}),
    ("Muon", {"adam_weight_decay": None, "adam_beta_1": 0.8, "adam_beta_2": 0.9, "epsilon": 1e-3}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 3, "weight_decay": 0.1, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
]


@pytest.mark.parametrize(("name", "settings"), RULES, ids=lambda v: v if isinstance(v, str) else "-".join(v) or "plain")
def test_rule_equals_keras(assert_as_keras, name, settings):
    settings = {"learning_rate": 0.01, **settings}
    assert_as_keras(lambda optimizers: getattr(optimizers, name)(**settings))
