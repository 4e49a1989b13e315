"""Four processes on one machine: one process's numbers, the same bits in each run, and a death that loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.distribution.test_several_processes import killed_one_ends_all, results, start

pytestmark = pytest.mark.one_in(5, together=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("four")


@pytest.fixture(scope="module")
def found(folder, tmp_path_factory) -> dict[str, Any]:
    """Four processes of which one was killed, then four that go on from its backup; and one process alone."""
    killed_one_ends_all(start("killed", 4, folder), victim=3)
    four = results(start("resumed,unbroken,steered", 4, folder))
    one = results(start("unbroken", 1, tmp_path_factory.mktemp("alone")))[0]
    return {"one": one, "four": four}


def test_four_processes_train_as_one(found):
    runs = [r["unbroken"] for r in found["four"]]
    assert all(run == runs[0] for run in runs)
    np.testing.assert_allclose(runs[0]["loss"], found["one"]["unbroken"]["loss"], rtol=1e-5)


def test_training_that_was_killed_goes_on_to_the_same_bits(found):
    """These are two runs of the program: one that was cut off in its second epoch, and one that was not."""
    for result in found["four"]:
        assert result["resumed"]["weights"] == result["unbroken"]["weights"]
        assert result["resumed"]["loss"][-1] == result["unbroken"]["loss"][-1]


def test_a_press_of_a_button_in_one_process_acts_in_all(found, folder):
    runs = [r["steered"] for r in found["four"]]
    assert all(run == runs[0] for run in runs), "the same events after the same steps, and the same weights"
    assert runs[0]["rate"] == 0.25
    assert runs[0]["events"] == [
        "Paused after n steps",
        "Learning rate n.n from step n on",
        "Paused after n steps",
        "Saved /steered.keras after n steps",
        "Resumed",
        "Stopping after this batch",
    ]
    assert (folder / "steered.keras").exists()
