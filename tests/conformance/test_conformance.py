"""A slice of Keras's own tests, and the rule that the list of those that do not pass can only shrink."""

import importlib.util

import pytest

from tests.conformance import ledger, runs, wheel
from tests.conformance.__main__ import part_of

# One test in so many of a folder, so that the slices take about 90 seconds of one core together.
ONE_IN = {
    "layers": 90,
    "ops": 300,
    "trainers": 36,
    "models": 36,
    "saving": 36,
    "callbacks": 36,
    "optimizers": 30,
    "distribution": 1,
}
GROUPS = {
    "layers": ["layers"],
    "ops": ["ops"],
    "fitting": ["models", "trainers", "callbacks", "optimizers", "saving"],
    "devices": ["distribution"],
}
GROUPS["parts"] = [f for f in wheel.FOLDERS if not any(f in group for group in GROUPS.values())]

VERSION, KERAS_PASSES = ledger.read_keras_passes()

# Keras itself passes these only where torch is installed, as it was when the list was made.
NEEDS_TORCH = (
    "torch",
    *(f"NNOpsDtypeTest.test_{name}_" for name in ("threshold", "hard_shrink", "soft_shrink", "tanh_shrink")),
)
# These tests of distributions read a `tf.data.Dataset`.
NEEDS_TENSORFLOW = (
    "ataset_distribution_",
    "TfDatasetDistributionTest",
    "ShardingIntegrationTest",
    "MultiProcessDistributeTest.test_e2e_",
    "test_distribute_dataset",
)
HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
HAS_TORCH = importlib.util.find_spec("torch") is not None


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.skipif(wheel.VERSION != VERSION, reason=f"Keras {wheel.VERSION} is installed, {VERSION} was measured")
def test_slice(group):
    folders = GROUPS[group]
    kept = {
        t
        for t in KERAS_PASSES
        if ledger.folder_of(t) in folders
        and ledger.in_slice(t, ONE_IN.get(ledger.folder_of(t), 50))
        and (HAS_TORCH or not any(part in t for part in NEEDS_TORCH))
        and (HAS_TENSORFLOW or folders != ["distribution"] or not any(part in t for part in NEEDS_TENSORFLOW))
    }
    files = sorted({test.partition("::")[0] + ".py" for test in kept})
    passed = {o.test for o in runs.run(files, keep=kept) if o.outcome == "passed"}
    assert runs.problems(kept, passed, ledger.read_not_passing()) == []


def test_list_names_tests_that_keras_passes():
    assert sorted(set(ledger.read_not_passing()) - KERAS_PASSES) == []


def test_names_survive_the_file(tmp_path):
    names = {
        "a/b_test::C.test_x",
        "a/b_test::C.test_x_1",
        "a/b_test::C.test_x_1.0_(none, 2)",
        "a/b_test::C.test_x (0, 'a b|%')",
        "a/b_test::test_free",
    }
    ledger.write_keras_passes("1.0", names, tmp_path / "passes")
    assert ledger.read_keras_passes(tmp_path / "passes") == ("1.0", names)


def test_parts_hold_each_test_once():
    shares = [part_of(KERAS_PASSES, number, 7) for number in range(1, 8)]
    assert set().union(*shares) == KERAS_PASSES and sum(map(len, shares)) == len(KERAS_PASSES)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
