"""The comparison of packages itself: what it lets pass and what it does not."""

import json
import sys
import types

import numpy as np
import pytest

from tests.ecosystem import __main__ as command
from tests.ecosystem import compare
from tests.ecosystem.families import ALL


@pytest.fixture
def told(tmp_path):
    """Write what both libraries printed for an example, and compare."""

    def report(keras, ours):
        for folder, text in (("keras", keras), ("kernelkit", ours)):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / "hgq.txt").write_text(text if isinstance(text, str) else json.dumps(text))
        return compare.report(tmp_path / "keras", tmp_path / "kernelkit", [], ["hgq"])

    return report


@pytest.mark.parametrize(
    ("keras", "ours", "ends"),
    [
        ({"loss": [1.0, 2.0], "n": "a", "seconds": 3.0}, {"loss": [1.0, 2.0005], "n": "a", "seconds": 1.0}, 0),
        ({"loss": [1.0, 2.0], "seconds": 3.0}, {"loss": [1.0, 2.1], "seconds": 1.0}, 1),
        ({"n": "a", "seconds": 3.0}, {"n": "b", "seconds": 1.0}, 1),
        ({"loss": 1.0, "seconds": 3.0}, "exit 1\n", 1),
        ("exit 1\n", {"loss": 1.0, "seconds": 3.0}, 1),
        ("exit 1\n", "exit 1\n", 1),
        ({"seconds": 3.0}, {"seconds": 1.0}, 1),
    ],
)
def test_only_equal_results_pass(told, keras, ours, ends):
    assert told(keras, ours) == ends


def test_a_family_that_keras_cannot_compute_is_no_success(tmp_path):
    for library in ("keras", "kernelkit"):
        (tmp_path / library).mkdir()
        for name in ("GPT2", "GPT2.read"):
            np.savez(tmp_path / library / f"{name}.npz")
            (tmp_path / library / f"{name}.json").write_text('{"errors": {"compute": "no"}, "seconds": 1.0}')
    assert compare.report(tmp_path / "keras", tmp_path / "kernelkit", ["GPT2"], []) == 1


def test_each_example_has_its_packages_and_a_turn():
    scripts = {path.stem.removeprefix("try_") for path in (command.HERE / "examples").glob("try_*.py")}
    assert scripts == set(command.NEEDS)
    assert set(command.LONG) <= {*ALL, *command.NEEDS}
    known = ["a", "b", "c"]
    assert [command.turn(known, 1, commits) for commits in range(4)] == [["a"], ["b"], ["c"], ["a"]]
    assert command.turn(known, 2, 1) == ["c", "a"]


def test_a_checkout_s_own_tests_run_behind_the_alias_with_tensorflow(monkeypatch, tmp_path):
    asked, ran = [], []
    monkeypatch.setattr(command, "set_up_tests", lambda: asked.append(True))
    monkeypatch.setattr(
        command, "run", lambda arguments, python: ran.append((arguments, python)) or types.SimpleNamespace(returncode=3)
    )
    monkeypatch.setattr(sys, "argv", ["ecosystem", "--suite", str(tmp_path)])
    assert command.main() == 3 and asked == [True]
    assert ran == [(["-m", "kernelkit.as_keras", "-m", "pytest", "-q", str(tmp_path)], command.SUITE)]
    assert {"tensorflow-cpu", "tensorflow-text", "grain"} <= set(command.TESTS)
