"""pytest plugin for the runs over Keras's test files: their markers, and each outcome as a line of JSON."""

import json
import os
import re
import sys
import types
from pathlib import Path

import pytest

RECORD = "KERNELKIT_CONFORMANCE_RECORD"  # the file that outcomes are appended to
KEEP = "KERNELKIT_CONFORMANCE_KEEP"  # a file that names the tests to run, one a line; all of them without it
OUTCOMES = os.environ.get(RECORD, "")  # read once: a test of Keras clears the environment


def test_id(nodeid: str) -> str:
    """Name a test by its path below `keras/src`, without the `_test.py` that all of them have.

    Names that hold the text of a spec hold Keras's text of it, so a test has one name on Keras and on kernelkit.
    """
    path, _, rest = nodeid.partition("::")
    rest = re.sub(r"inputspec\(dtype='(\w+)', (.*?ndim=\d+), name='\w+'\)", r"inputspec(dtype=\1, \2)", rest)
    rest = re.sub(r"(<kerastensor shape=\([^)]*\), dtype=\w+), name=", r"\1, sparse=false, ragged=false, name=", rest)
    return path.rpartition("keras/src/")[2].removesuffix(".py") + ("::" + rest.replace("::", ".") if rest else "")


def _skip_if_backend(backend: str, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(backend == "jax", reason=reason)


def pytest_configure(config):
    for marker in ("requires_trainable_backend", "multi_device"):
        config.addinivalue_line("markers", f"{marker}: a marker of Keras's own test files")
    # The test files import this from the root of Keras's repository, which the wheel does not carry.
    sys.modules["conftest"] = types.ModuleType("conftest")
    sys.modules["conftest"].skip_if_backend = _skip_if_backend


def pytest_collection_modifyitems(config, items):
    if chosen := os.environ.get(KEEP):
        names = set(Path(chosen).read_text().splitlines())
        items[:] = [item for item in items if test_id(item.nodeid) in names]


def _record(name: str, outcome: str, seconds: float, message: str = "") -> None:
    line = {"test": name, "outcome": outcome, "seconds": round(seconds, 3)}
    if message:
        line["message"] = message[:400]
    with open(OUTCOMES, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _message(report) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return crash.message.strip()
    return str(report.longrepr).strip().rpartition("\n")[2]


def pytest_collectreport(report):
    if report.failed:
        _record(test_id(report.nodeid), "error", 0, _message(report))


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        message = _message(report) if report.failed else ""
        _record(test_id(report.nodeid), report.outcome, report.duration, message)
