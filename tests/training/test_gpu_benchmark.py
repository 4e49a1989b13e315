"""The benchmark for a GPU, with small models on the CPU: the script must work on the day there is a GPU."""

from __future__ import annotations

import math

import jax
import pytest

import kernelkit as kk
from benchmarks import gpu, gpu_by_hand


@pytest.fixture(autouse=True)
def _policy():
    yield
    kk.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", gpu.WORKS)
def test_the_model_by_hand_has_the_same_parameters(name):
    model = gpu.WORKS[name].model(kk, gpu.TINY)
    parameters = jax.eval_shape(lambda: getattr(gpu_by_hand, name)(gpu_by_hand.Keys(0), gpu.TINY)[0])
    sizes = [math.prod(v.shape) for v in parameters.values()]
    assert sum(sizes) == sum(math.prod(v.shape) for v in model.trainable_variables)


def test_figures_of_one_model():
    work = gpu.WORKS["mlp"]
    ours = gpu.of_package("kernelkit", work, gpu.TINY, 0.0)
    hand = gpu.by_hand("mlp", work, gpu.TINY, 0.0)
    assert ours["steps/s"] > 0 and hand["steps/s"] > 0 and hand["operations"] > 100_000
    rows = {
        "mlp": {"kernelkit": {"steps/s": 200.0, "first epoch s": 1.0}, "keras": {"steps/s": 50.0, "first epoch s": 4.0}}
    }
    rows["mlp"] |= {"keras-32": "over 75 s", "hand": {"steps/s": 250.0, "operations": 494e9}}
    assert gpu.table(rows, "NVIDIA H200").splitlines()[-1] == (
        "| mlp | 200.0 | 50.0 | over 75 s | 250.0 | 4.00 | 0.80 | 1.0, 4.0 | 20% |"
    )


def test_the_peak_of_an_unknown_device_is_not_guessed():
    assert gpu.peak("NVIDIA A100-SXM4-40GB", True) == 312
    assert gpu.peak("NVIDIA H100 80GB HBM3", True) == 989
    assert gpu.peak("cpu", False) is None
