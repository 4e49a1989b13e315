"""Layers inside of `tf.data`, where there is TensorFlow.

TensorFlow is too large for every run of the tests. Set KERNELKIT_TEST_TENSORFLOW to a Python that has it, and what
kernelkit needs, to run these checks there.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("tensorflow_checks.py")
PYTHON = os.environ.get("KERNELKIT_TEST_TENSORFLOW")


@pytest.mark.skipif(not PYTHON and importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_layers_in_data_sets_of_tensorflow():
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parents[3]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(
        [PYTHON or sys.executable, SCRIPT], capture_output=True, text=True, env=environment, timeout=600
    )
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.split()) == SCRIPT.read_text().count("\ndef check_")
