"""What all tests share: where they run, and the tests that a run must not miss."""

from __future__ import annotations

import gc
import importlib.util
import os
import random
import re
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

# Before anything imports jax or keras; doctests too, since this file is read first when no path is given.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERNELKIT_TRACEBACK", "full")  # who mends kernelkit wants to see its frames
# Many tests compile the same small programs: what one of them has compiled serves the others of this run.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    folder = tempfile.TemporaryDirectory(prefix="kernelkit-tests-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.05"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import hypothesis
import numpy as np
import pytest

# No example is too slow for a machine that is shared. A failure is not explained by tracing, in which CPython 3.11
# may loop for ever (ceval.c).
hypothesis.settings.register_profile(
    "untraced", phases=[phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain], deadline=None
)
hypothesis.settings.load_profile("untraced")

TESTS = Path(__file__).parent

MANY = 1000
"""From so many tests on a run leaves out the tests marked ``one_in`` whose turn it is not."""

HEAVY_DOCTESTS = {"kernelkit/applications/": 20}
"""Folders whose doctests take turns: one n-th of them in each run. Each of these makes a whole network."""

GROWTH = 3 * 2**29
"""The bytes by which a process of tests grows until jax is told to forget the programs of earlier files."""
limit = GROWTH


@pytest.fixture(autouse=True, scope="module")
def seeded_file() -> None:
    """Seed what fixtures of the whole file draw, as `seeded_test` does for a test."""
    set_seed()


@pytest.fixture(autouse=True)
def seeded_test(seeded_file: None) -> None:
    """Give each test the same random numbers in every run, whatever ran before it: a failure can be repeated.

    Processes that a test starts draw their own. (A fixture named `seed` would give way to the parameter of that name.)
    """
    set_seed()


def set_seed() -> None:
    """Seed Python, NumPy and, if they are imported, kernelkit; Keras takes its seeds from Python."""
    if "kernelkit" in sys.modules:
        sys.modules["kernelkit"].utils.set_random_seed(0)
    else:
        random.seed(0)
        np.random.seed(0)


@pytest.fixture(autouse=True, scope="module")
def forget_old_programs() -> Iterator[None]:
    """Thousands of compiled programs take several GB; the larger ones lie on disk, if a later file needs them."""
    global limit
    yield
    if resident_bytes() > limit and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
        gc.collect()
        limit = resident_bytes() + GROWTH


def resident_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:  # not on Linux
        return 0


class KeepsCompileCache:
    """Gives the process its cache of compiled programs again, if a test or doctest has turned it off or moved it."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[object]:
        before = "jax" in sys.modules and sys.modules["jax"].config.jax_compilation_cache_dir
        result = yield
        if before and before != sys.modules["jax"].config.jax_compilation_cache_dir:
            from jax.experimental.compilation_cache import compilation_cache

            sys.modules["jax"].config.update("jax_compilation_cache_dir", before)
            compilation_cache.reset_cache()
        return result


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The one browser of this process: a second one would find the first one's event loop."""
    from tests.viz import lab

    path = lab.find_chromium()
    if path is None:
        message = "no Chromium found: install Debian's chromium, or run 'playwright install chromium'"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=180_000)
        yield browser
        browser.close()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the scripts among the tests alone: --doctest-modules would import them into the process of the tests."""
    path = collection_path
    is_script = path.suffix == ".py" and not path.name.startswith(("test_", "conftest", "__init__"))
    return True if is_script and TESTS in path.parents else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require",
        action="append",
        default=[],
        metavar="MARKER",
        help="fail unless at least one test with this marker ran and passed (may be given several times)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose this run's turn once, so that all of its processes keep the same tests."""
    if "KERNELKIT_TEST_TURN" not in os.environ:
        count = subprocess.run(["git", "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=False)
        os.environ["KERNELKIT_TEST_TURN"] = count.stdout.strip() or str(date.today().toordinal())
    # The hooks of this file see the tests in this folder alone, those of a plugin the doctests too.
    config.pluginmanager.register(KeepsCompileCache())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep, of the tests marked ``one_in(n)``, those whose turn it is; all of them with KERNELKIT_TEST_TURN=all.

    The cases of one test take turns, each test from a case of its own on. ``one_in(n, together=True)`` on a file keeps
    or leaves out the whole file: for tests that share one slow fixture.
    """
    for item in items:
        if isinstance(item, pytest.DoctestItem) and (missing := missing_library(item)):
            item.add_marker(pytest.mark.skip(reason=f"{missing} is not installed"))
    turn = os.environ["KERNELKIT_TEST_TURN"]
    if turn == "all":
        return
    seen: Counter[str] = Counter()
    left_out = []
    for item in items:
        count, family, together = turns_of(item)
        if not count:
            continue
        if (zlib.crc32(family.encode()) + seen[family] + int(turn)) % count:
            left_out.append(item)
        seen[family] += not together
    if left_out and len(items) > MANY:
        config.hook.pytest_deselected(items=left_out)
        chosen = set(map(id, left_out))
        items[:] = [item for item in items if id(item) not in chosen]


def turns_of(item: pytest.Item) -> tuple[int, str, bool]:
    """Return of how many runs one takes a test (0: all do), the family that takes turns, and whether it does as one."""
    if isinstance(item, pytest.DoctestItem):
        path = item.path.relative_to(TESTS.parent).as_posix()
        found = ((n, folder, False) for folder, n in HEAVY_DOCTESTS.items() if path.startswith(folder))
        return next(found, (0, "", False))
    marker = item.get_closest_marker("one_in")
    if marker is None or not hasattr(item, "originalname"):
        return 0, "", False
    together = marker.kwargs.get("together", False)
    family = str(item.path.relative_to(TESTS)) + ("" if together else f"::{item.originalname}")
    return marker.args[0], family, together


def missing_library(item: pytest.DoctestItem) -> str | None:
    """The library that a doctest imports and that is not installed."""
    code = "".join(example.source for example in item.dtest.examples) if item.dtest else ""
    names = re.findall(r"^(?:import|from) (\w+)", code, flags=re.MULTILINE)
    return next((name for name in names if importlib.util.find_spec(name) is None), None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop at once where collecting has put kernelkit in Keras's place: every comparison with Keras would be void."""
    if any(type(finder).__module__.startswith("kernelkit") for finder in sys.meta_path):
        raise pytest.UsageError("A module that was collected calls kernelkit.as_keras.install() when it is imported.")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    is_worker = hasattr(session.config, "workerinput")
    if not is_worker and session.exitstatus == pytest.ExitCode.OK and markers_without_a_pass(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for marker in markers_without_a_pass(config):
        terminalreporter.write_line(f"ERROR: no test marked {marker!r} passed, and this run requires one.", red=True)


def markers_without_a_pass(config: pytest.Config) -> list[str]:
    """Return those of the required markers that no passed test has."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    passed = reporter.stats.get("passed", [])
    return [m for m in config.getoption("--require") if not any(m in report.keywords for report in passed)]
