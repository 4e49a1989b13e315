"""Hyperparameters: what a function that builds may ask for, and what it is told."""

from __future__ import annotations

import numpy as np
import pytest

from kernelkit.tuner import HyperParameters
from kernelkit.tuner.spaces import Options, Range, grid_of, number_range


def test_outside_of_a_search_each_hyperparameter_has_its_default_or_first_value():
    hp = HyperParameters()
    asked = [hp.Int("a", 2, 9), hp.Float("b", 0.5, 1), hp.Choice("c", ["x", "y"]), hp.Boolean("d"), hp.Fixed("e", 7)]
    assert asked == [2, 0.5, "x", False, 7]
    assert (
        hp.Int("f", 2, 9, default=5) == 5 and hp.Choice("g", [1, 2], default=2) == 2 and hp.Boolean("h", True) is True
    )
    assert hp.values == {"a": 2, "b": 0.5, "c": "x", "d": False, "e": 7, "f": 5, "g": 2, "h": True}


def test_asked_twice_a_name_has_one_value():
    hp = HyperParameters({"units": 8})
    assert [hp.Int("units", 4, 16), hp.Int("units", 4, 16), hp.get("units"), hp["units"]] == [8] * 4
    assert type(hp.Float("rate", 0, 1)) is float


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda hp: hp.Int("n", 5, 1), "min_value 5 is larger than max_value 1"),
        (lambda hp: hp.Int("n", 1.5, 4), "min_value must be an integer, got 1.5"),
        (lambda hp: hp.Int("n", True, 4), "min_value must be an integer, got True"),
        (lambda hp: hp.Float("n", 0, float("nan")), "max_value must be a finite number"),
        (lambda hp: hp.Float("n", "0", 1), "min_value must be a finite number, got '0'"),
        (lambda hp: hp.Float("n", 0, 1, sampling="log"), "needs a positive min_value"),
        (lambda hp: hp.Float("n", 1, 2, sampling="reverse_log"), "'linear' or 'log', got 'reverse_log'"),
        (lambda hp: hp.Float("n", 1, 2, step=0), "step must be positive"),
        (lambda hp: hp.Float("n", 1, 2, step=1, sampling="log"), "a factor above 1"),
        (lambda hp: hp.Choice("n", []), "at least one value"),
        (lambda hp: hp.Choice("n", "relu"), "needs a list of values, got 'relu'"),
        (lambda hp: hp.Choice("n", [1, True]), "cannot be told apart"),
        (lambda hp: hp.Choice("n", [[1], [2]]), r"\[1\] cannot be stored in a study"),
        (lambda hp: hp.Choice("n", ["a"], default="b"), "default 'b' is not one of its values: 'a'"),
        (lambda hp: hp.Int("n", 1, 3, default=4), "default 4 is not one of its values: 1 to 3, integers"),
        (lambda hp: hp.Boolean(""), "needs a name"),
        (lambda hp: (hp.Int("n", 1, 3), hp.Int("n", 1, 4)), "Give them different names"),
    ],
)
def test_a_wrong_question_names_the_hyperparameter_and_what_is_wrong(ask, words):
    with pytest.raises(ValueError, match=words):
        ask(HyperParameters())


def test_a_value_that_was_given_must_be_one_of_those_asked_for():
    for given in (17, 8.0, True, "8"):
        with pytest.raises(ValueError, match="is not one of its values: 4 to 16, integers"):
            HyperParameters({"units": given}).Int("units", 4, 16)
    with pytest.raises(ValueError, match="'evil' is not one of its values"):
        HyperParameters({"kind": "evil"}).Choice("kind", ["good"])


def test_numpys_numbers_are_taken_as_pythons():
    hp = HyperParameters()
    value = hp.Choice("n", np.array([3, 4])), hp.Int("m", np.int64(2), np.int32(4))
    assert value == (3, 2) and {type(v) for v in value} == {int}


def test_a_condition_leaves_hyperparameters_out_with_all_that_stand_below_them():
    hp = HyperParameters({"optimizer": "adam"})
    hp.Choice("optimizer", ["adam", "sgd"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        assert hp.Float("momentum", 0.5, 0.9) is None
        hp.Choice("nesterov", ["yes", "no"])
        with hp.conditional_scope("nesterov", "yes"):
            assert hp.Int("deep", 1, 2) is None
    with hp.conditional_scope("optimizer", "adam"):
        assert hp.Float("momentum", 0.1, 0.2) == 0.1  # the same name with other bounds, under another condition
    assert hp.Int("beta", 1, 2, parent_name="optimizer", parent_values=["sgd"]) is None
    assert hp.values == {"optimizer": "adam", "momentum": 0.1}
    assert "nesterov" not in hp and not hp.is_active("beta") and hp.is_active("momentum")
    with pytest.raises(KeyError, match="no hyperparameter 'beta'"):
        hp.get("beta")
    with pytest.raises(ValueError, match="request this hyperparameter first"), hp.conditional_scope("unknown", [1]):
        pass


def test_a_scope_of_names_nests_and_ends_after_an_error():
    hp = HyperParameters()
    with pytest.raises(ZeroDivisionError), hp.name_scope("encoder"), hp.name_scope("first"):
        assert hp.Int("units", 1, 2) == hp.get("units") == 1
        raise ZeroDivisionError
    hp.Int("units", 5, 6)
    assert hp.values == {"encoder/first/units": 1, "units": 5}


@pytest.mark.parametrize(
    ("space", "grid"),
    [
        (number_range("n", 1, 10, 4, "linear", True), (1, 5, 9)),
        (number_range("n", 0, 1, 0.3, "linear", False), (0.0, 0.3, 0.6, 0.9)),
        (number_range("n", 0, 0.9, 0.3, "linear", False), (0.0, 0.3, 0.6, 0.9)),
        (number_range("n", 2, 33, 2, "log", True), (2, 4, 8, 16, 32)),
        (number_range("n", 1e-4, 1, 10, "log", False), (1e-4, 1e-3, 1e-2, 1e-1, 1.0)),
        (number_range("n", 0, 0.9, None, "linear", False), tuple(round(i * 0.1, 1) for i in range(10))),
        (number_range("n", 1, 1e9, None, "log", False), tuple(10.0**i for i in range(10))),
        (number_range("n", 1, 4, None, "log", True), (1, 2, 3, 4)),
        (Range(3, 3, None, False, True), (3,)),
        (Options((None, "a")), (None, "a")),
    ],
    ids=str,
)
def test_a_grid_takes_every_value_once_and_the_largest_where_rounding_could_lose_it(space, grid):
    assert grid_of(space) == pytest.approx(grid) if isinstance(grid[0], float) else grid_of(space) == grid
