"""Freed memory stays in the process, unless the user says no."""

import os
import platform
import subprocess
import sys

import pytest

CODE = "from kernelkit.training.allocator import keep_freed_memory; print(keep_freed_memory())"


@pytest.mark.parametrize("setting, expected", [(None, platform.libc_ver()[0] == "glibc"), ("0", False)])
def test_the_setting(setting, expected):
    environment = {k: v for k, v in os.environ.items() if k != "KERNELKIT_KEEP_MEMORY"}
    if setting is not None:
        environment["KERNELKIT_KEEP_MEMORY"] = setting
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == str(expected)
