"""Activation layers against Keras."""

import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check, equal, rand, twins

CASES = [
    ("Activation", ("relu",), {}),
    ("Activation", ("gelu",), {}),
    ("ReLU", (), {}),
    ("ReLU", (), {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}),
    ("LeakyReLU", (), {}),
    ("LeakyReLU", (0.05,), {}),
    ("PReLU", (), {}),
    ("PReLU", (), {"shared_axes": [1]}),
    ("PReLU", (), {"shared_axes": [1, 2], "alpha_regularizer": "l2", "alpha_constraint": "non_neg"}),
    ("ELU", (), {"alpha": 0.7}),
    ("Softmax", (), {}),
    ("Softmax", (), {"axis": (1, 2)}),
]


@pytest.mark.parametrize(("name", "args", "options"), CASES)
def test_equals_keras(name, args, options):
    check(name, rand(2, 3, 4), *args, **options)


@pytest.mark.parametrize("mask", [np.array([True, False, True, True]), np.zeros((2, 3, 4), bool)])
def test_softmax_gives_masked_positions_nothing(mask):
    ours, theirs = twins("Softmax")
    x = rand(2, 3, 4)
    mask = np.broadcast_to(mask, x.shape)
    equal(ours(x, mask=mask), theirs(x, mask=mask))


def test_old_spelling_alpha_is_negative_slope():
    assert kk.layers.LeakyReLU(alpha=0.2).negative_slope == 0.2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ReLU", {"max_value": -1.0}),
        ("ReLU", {"negative_slope": -1.0}),
        ("ReLU", {"threshold": None}),
        ("LeakyReLU", {"negative_slope": None}),
    ],
)
def test_negative_settings_are_refused(name, options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}.* cannot be"):
        getattr(kk.layers, name)(**options)


def test_an_unknown_activation_suggests_the_nearest():
    with pytest.raises(ValueError, match="'relu'"):
        kk.layers.Activation("rellu")


@pytest.mark.parametrize(("shape", "text"), [((2, 3), "must be broadcastable"), ((1, 1, 3), "more dimensions")])
def test_softmax_says_when_a_mask_does_not_fit(shape, text):
    with pytest.raises(ValueError, match=text):
        kk.layers.Softmax()(np.ones((1, 3), "float32"), mask=np.ones(shape, bool))
