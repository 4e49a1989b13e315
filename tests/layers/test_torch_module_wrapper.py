"""TorchModuleWrapper, where there is torch.

Torch is too large for every run of the tests. Set KERNELKIT_TEST_TORCH=1 where it must not be missing.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("torch_checks.py")
WANTED = os.environ.get("KERNELKIT_TEST_TORCH") == "1"


@pytest.mark.skipif(not WANTED and importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_modules_of_torch_are_layers():
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parents[2])}
    run = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, env=environment, timeout=600)
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.split()) == SCRIPT.read_text().count("\ndef check_")
