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


HOW_MUCH = """
import os
from kernelkit.training.allocator import give_back_memory, keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

kept = keep_freed_memory()
blocks = [bytes(100_000) for _ in range(2000)]
del blocks
before = resident()
if kept:
    give_back_memory()
print(before - resident())
"""


@pytest.mark.one_in(2)
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator")
def test_what_compiling_left_behind_is_given_back():
    run = [sys.executable, "-c", HOW_MUCH]
    megabytes = {
        kept: int(subprocess.check_output(run, env=os.environ | {"KERNELKIT_KEEP_MEMORY": kept}, text=True))
        for kept in ("1", "0")
    }
    assert megabytes["1"] > 100 and megabytes["0"] < 50  # glibc's own ways are left alone
