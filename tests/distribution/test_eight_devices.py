"""Training on eight simulated devices gives the numbers of one device, and each device holds its share only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.distribution import eight_devices

pytestmark = pytest.mark.one_in(3, together=True)

PROGRAM = Path(__file__).with_name("eight_devices.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder for what is saved on eight devices."""
    return tmp_path_factory.mktemp("eight")


@pytest.fixture(scope="module")
def found(folder) -> dict[str, Any]:
    """The results of one process with eight devices."""
    # On few cores the threads of the devices would wait for one another for ever: NPROC gives each of them one.
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "NPROC": "16"}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def assert_same(one: dict, many: dict) -> None:
    assert one.keys() == many.keys()
    for name in one:
        if name == "compiles":
            assert many[name] == one[name]
        else:
            pieces = zip(one[name], many[name], strict=True) if name == "weights" else [(one[name], many[name])]
            for a, b in pieces:
                np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5, err_msg=name)


def test_windows_before_a_split_kernel_are_not_split(found):
    """XLA's partitioner got the gradients of their kernels wrong by 3e-3, and told nobody."""
    one, many = found["straight"]
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-6)


@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm", "transformer"])
def test_data_parallel_is_one_device_after_20_steps(found, name):
    one, many = found[name]
    assert len(one["loss"]) == 4
    assert one["loss"][-1] < one["loss"][0]
    assert_same(one, many)
    assert found[f"{name}_places"] == [8]


@pytest.mark.parametrize("name", ["accumulated", "generator", "odd", "own_step"])
def test_other_ways_of_training_are_one_device_too(found, name):
    assert_same(*found[name])


def test_mixed_precision_is_one_device_to_its_own_rounding(found):
    one, many = found["float16"]
    np.testing.assert_allclose(many["loss"], one["loss"], rtol=2e-3)


def test_model_parallel_is_one_device_after_20_steps(found):
    assert_same(*found["model_parallel"])


def test_no_device_holds_more_than_its_share(found):
    shares = {path: (whole // max(own), len(own), count) for path, whole, own, count in found["parts"]}
    split = {path: share for path, share in shares.items() if share[0] > 1}
    assert {path for path in split if not path.startswith("adam")} == {
        "words/embeddings",
        "attention/query/kernel",
        "attention/key/kernel",
        "attention/value/kernel",
        "up/kernel",
        "up/bias",
        "down/kernel",
    }
    assert set(split.values()) == {(4, 1, 8)}  # a quarter, equal on all eight devices
    assert len(split) == 3 * 7, "momentum and velocity lie like their weights"


def test_description_has_the_bytes_that_each_device_holds(found):
    held = {path: max(own) for path, _, own, _ in found["parts"]}
    described = {path: nbytes for path, _, _, nbytes in found["described"] if path in held}
    assert described == held
    assert found["described_bytes"] == sum(nbytes for *_, nbytes in found["described"])
    rules = {path: rule for path, _, rule, _ in found["described"]}
    assert rules["up/bias"] == "up/bias"
    assert rules["head/kernel"] == "no key: replicated"


def test_file_of_eight_devices_is_continued_on_any_number(found):
    one, *others = found["continued"]
    assert len(others) == 3
    for losses in others:
        np.testing.assert_allclose(losses, one, rtol=1e-5)


def test_orbax_folder_of_eight_devices_is_read_on_one(found, folder):
    model = eight_devices.compiled(eight_devices.wide)
    model.load_weights(folder)
    weights = [*model.weights, *model.optimizer.variables]
    for variable, saved in zip(weights, found["orbax"], strict=True):
        np.testing.assert_array_equal(variable.numpy(), np.array(saved, variable.dtype))


def test_orbax_folder_of_eight_devices_is_read_in_parts_on_other_numbers_of_devices(found):
    for restored, count in zip(found["restored"], (2, 4), strict=True):
        assert restored["parts"] == [count] * count
        for value, saved in zip(restored["values"], found["orbax"], strict=True):
            np.testing.assert_array_equal(value, saved)


def test_many_steps_of_eight_devices_are_one_dispatch(found):
    assert found["fused"] == [1, 6]


def test_model_of_one_device_is_moved_by_one_word(found):
    moved = found["moved"]
    assert moved["kind"] == "DataParallel"
    np.testing.assert_allclose(moved["first"]["loss"], found["mlp"][0]["loss"][:2], rtol=1e-5)
    assert moved["compiles"] == [2, 2], "whole batches, and the last batch; no more for a second fit"


def test_weights_split_by_shape(found):
    assert_same(*found["by_shape"])
    shares = {path: whole // max(own) for path, whole, own, _ in found["by_shape_parts"]}
    kernels = {path: share for path, share in shares.items() if path.endswith(("kernel", "bias"))}
    assert sorted(kernels.values()) == [1, 1, 1, 8, 8, 8], kernels


def test_data_parallel_sums_each_gradient_once(found):
    kinds = {kind for kind, _ in found["collectives"]}
    assert kinds == {"all-reduce"}
    summed = sum(nbytes for _, nbytes in found["collectives"])
    # The loss and the metrics' sums are scalars.
    assert found["gradient_bytes"] <= summed <= found["gradient_bytes"] + 64


def test_debugger_is_exact_on_eight_devices(found):
    fitted, stepped = found["debugged"]
    assert fitted == stepped


def test_profile_shows_what_each_device_does_and_sends(found):
    said = found["profiled"]
    assert said["places"] == [1], "nothing is moved"
    data, split = said["data"], said["split"]
    assert data["devices"] == split["devices"] == 8
    kinds = {kind for kind, _ in data["collectives"]}
    assert kinds == {"all-reduce"}
    assert said["weights"] <= sum(nbytes for _, nbytes in data["collectives"]) <= said["weights"] + 64
    assert split["held"] <= data["held"] / 4 + 64
    assert data["flops"] < said["step_flops"]
    assert "DataParallel, 8 devices: on each" in said["text"]


def test_panel_says_that_training_is_spread(found):
    assert found["panel"] == ["cpu, 1 of 8", "cpu × 8, DataParallel"]


def test_loading_puts_no_more_than_a_shard_on_a_device(found):
    peaks = found["peaks"]
    assert peaks["count"] == 6
    assert peaks["extra"] <= 6 * peaks["tensor"] / 8, "the shards of all six weights, and no whole tensor"


@pytest.fixture(scope="module")
def guides() -> list[dict[str, list[float]]]:
    """The losses of the guide's steps, with Keras and with kernelkit."""
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "NPROC": "16",
        "KERAS_BACKEND": "jax",
    }
    command = [sys.executable, str(PROGRAM.with_name("guide.py"))]
    found = []
    for name in ("keras", "kernelkit"):
        done = subprocess.run(
            [*command, name], env=environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(json.loads(done.stdout.split("RESULT ")[1]))
    return found


@pytest.mark.parametrize("steps", ["data_parallel", "model_parallel", "own_loop"])
def test_a_guide_for_keras_runs_with_another_import(guides, steps):
    keras, kernelkit = guides
    np.testing.assert_allclose(kernelkit[steps], keras[steps], rtol=1e-5)


def test_picture_shows_what_a_step_sends(found):
    assert "DataParallel, 8 devices" in found["picture"]
    assert f"a training step: {len(found['collectives'])} all-reduce, 12.0 KiB" in found["picture"]
    assert "whole on each of 8, 8.0 KiB" in found["picture"]


def test_errors_name_what_to_change(found):
    errors = found["errors"]
    assert "'upp/.*' matches no variable" in errors["unmatched"]
    assert "'up/kernel'" in errors["unmatched"]
    assert "shape (16, 4)" in errors["odd"]
    assert "4 is no multiple of 8" in errors["odd"]
    assert "has shape (32,), but its layout has 2 axes" in errors["too_many_axes"]
    assert "16 places, and there are 8 devices" in errors["mesh"]
    assert "distribution must be 'auto'" in errors["two"]
