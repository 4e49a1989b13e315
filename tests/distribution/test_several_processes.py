"""Two processes on one machine train as one does, and no process waits for one that is gone."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

pytestmark = pytest.mark.one_in(3, together=True)

PROGRAM = Path(__file__).with_name("one_of_several.py")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(
    what: str,
    count: int,
    folder: Path,
    port: int | None = None,
    environments: Sequence[dict[str, str]] = (),
    python: str = sys.executable,
) -> list[subprocess.Popen]:
    """Start processes. Each may have more variables in its environment."""
    port = free_port() if port is None else port
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | {"JAX_PLATFORMS": "cpu"}
    return [
        subprocess.Popen(
            [python, str(PROGRAM), what, str(i), str(count), str(port), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | (environments[i] if environments else {}),
        )
        for i in range(count)
    ]


def results(running: list[subprocess.Popen]) -> list[dict[str, Any]]:
    """What each process printed, by the name of what it did."""
    found = []
    try:
        ended = [p.communicate(timeout=240) for p in running]
    finally:
        for process in running:
            process.kill()
    for process, (out, err) in zip(running, ended, strict=True):
        assert process.returncode == 0, err[-4000:]
        lines = [json.loads(line[7:]) for line in out.splitlines() if line.startswith("RESULT ")]
        found.append({name: value for line in lines for name, value in line.items()})
        found[-1]["printed"] = [line for line in out.splitlines() if not line.startswith(("RESULT ", "[Gloo]"))]
    return found


def killed_one_ends_all(running: list[subprocess.Popen], victim: int) -> None:
    """Wait until the victim is dead; the others must end soon, each with a clear error."""
    try:
        running[victim].wait(timeout=240)
        errors = [p.communicate(timeout=240)[1] for p in running]
    finally:
        for process in running:
            process.kill()
    assert running[victim].returncode == -9, errors[victim][-3000:]
    for process, error in zip(running, errors, strict=True):
        if process is not running[victim]:
            assert process.returncode == 1, error[-3000:]
            assert f"Another of the {len(running)} processes of this training has ended" in error


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, Any]:
    """The results of one process alone, and of two together."""
    alone, together = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("together")
    one = results(start("trained,split,unbroken", 1, alone))[0]
    two = results(start("trained,split,own_share,feeds,strangers,interrupted,own_folders,disagreeing", 2, together))
    return {"one": one, "two": two, "folder": together, "alone": alone}


def test_two_processes_train_as_one(found):
    one, (first, second) = found["one"]["trained"], [r["trained"] for r in found["two"]]
    assert first == second, "both know the same numbers, to the bit"
    for name, values in one["history"].items():
        np.testing.assert_allclose(first["history"][name], values, rtol=1e-5, err_msg=name)
    for name in ("evaluated", "predicted", "again", "stream"):
        np.testing.assert_allclose(first[name], one[name], rtol=1e-5, atol=1e-6, err_msg=name)
    assert first["compiles"] == one["compiles"] == 2


def test_only_the_first_process_writes(found):
    (first, second), folder = found["two"], found["folder"]
    assert {p.name for p in folder.iterdir()} == {"log.csv", "model.keras", "split.weights.h5", "own_0", "own_1"}
    assert list((folder / "own_1").iterdir()) == []
    assert len((folder / "log.csv").read_text().splitlines()) == 4
    assert any("loss" in line for line in first["printed"])
    assert second["printed"] == []


def test_weights_that_lie_in_two_processes_are_saved_whole(found):
    first, second = (r["split"] for r in found["two"])
    assert first["mine"] == second["mine"] == [first["whole"] // 2]
    np.testing.assert_allclose(first["loss"], found["one"]["split"]["loss"], rtol=1e-5)
    files = [h5py.File(found[where] / "split.weights.h5") for where in ("alone", "folder")]
    shapes: list[dict] = [{}, {}]
    for file, into in zip(files, shapes, strict=True):
        file.visititems(lambda name, item, into=into: into.update({name: getattr(item, "shape", None)}))
    assert shapes[0] == shapes[1]
    assert (8, 16) in shapes[0].values()


def test_processes_with_data_of_their_own_share_a_batch(found):
    first, second = (r["own_share"]["loss"] for r in found["two"])
    assert first == second
    assert len(first) == 2


def test_a_press_in_one_process_stops_both_at_the_same_step(found):
    first, second = (r["interrupted"] for r in found["two"])
    assert first == second
    assert 8 <= first["steps"] <= 10


def test_processes_that_disagree_on_the_model_say_so(found):
    for number, result in enumerate(found["two"]):
        assert "disagree on the model's variables" in result["disagreeing"]["error"]
        assert f"This process ({number})" in result["disagreeing"]["error"]


def test_backups_in_a_folder_that_is_not_shared_are_an_error_in_each_process(found):
    """In the first epoch too, where the one that has no backup would begin at the same epoch, and the others wait."""
    first, second = (r["own_folders"]["error"] for r in found["two"])
    assert "process 0 found epoch 0, batch 2" in first and "process 1 found none" in second
    assert all("must be a folder that all of them see" in error for error in (first, second))


def test_every_source_is_shared_out_by_itself(found):
    first, second = (r["feeds"] for r in found["two"])
    assert first == second
    for name, losses in first.items():
        np.testing.assert_allclose(losses, first["arrays"], rtol=1e-5, err_msg=name)


def test_processes_that_read_different_batches_say_so(found):
    for result in found["two"]:
        assert result["strangers"].keys() == {"fit", "evaluate"}
        for error in result["strangers"].values():
            assert "process 1 has another first batch than process 0" in error
            assert "torch.manual_seed(0)" in error and "auto_shard_dataset=False" in error


@pytest.mark.parametrize("package", ["torch", "tensorflow"])
def test_shuffled_loaders_are_shared_out_by_themselves(package, tmp_path):
    """Both are too large for each run, and do not live in one process: another Python may have them."""
    python = os.environ.get(f"KERNELKIT_TEST_{package.upper()}", "")
    if not os.path.exists(python):
        if python != "1" and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; KERNELKIT_TEST_{package.upper()}=/path/to/python has it")
        python = sys.executable
    what = f"{package}_loaders"
    one = results(start(what, 1, tmp_path, python=python))[0][what]
    first, second = (r[what] for r in results(start(what, 2, tmp_path, python=python)))
    assert first == second
    for name, values in one.items():
        np.testing.assert_allclose(first[name], values, rtol=1e-5, err_msg=name)


def test_a_process_that_is_killed_ends_the_others_and_training_goes_on(found, tmp_path):
    running = start("killed", 2, tmp_path)
    killed_one_ends_all(running, victim=1)
    again = [r["resumed"] for r in results(start("resumed", 2, tmp_path))]
    assert again[0] == again[1]
    unbroken = found["one"]["unbroken"]
    np.testing.assert_allclose(again[0]["loss"][-1], unbroken["loss"][-1], rtol=1e-5)
    for a, b in zip(again[0]["weights"], unbroken["weights"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
