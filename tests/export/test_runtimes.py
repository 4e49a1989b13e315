"""`make runtimes` itself: its environments hold what the tests import, and it tells why a process could not begin."""

import ast
import sys
from pathlib import Path

import pytest

from tests.export import __main__ as runtimes
from tests.export import watched

TESTS = Path(__file__).parents[1]


def imported_at_once(path):
    """The packages that a file imports before any of its tests runs."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_each_environment_has_what_its_tests_import():
    there = {"kernelkit", "tests", "jax", "numpy", *runtimes.COMMON, *sys.stdlib_module_names}
    for name, environment in runtimes.ENVIRONMENTS.items():
        files = [TESTS / "conftest.py", *(TESTS / "export" / file for file in environment.tests)]
        lacks = {file.name: set(imported_at_once(file)) - there for file in files}
        assert not {file: packages for file, packages in lacks.items() if packages}, name


@pytest.mark.one_in(3)
def test_a_process_that_cannot_begin_tells_why(tmp_path):
    broken = tmp_path / "conftest.py"
    broken.write_text("import a_package_that_is_nowhere")
    (tmp_path / "test_one.py").write_text("def test_one(): pass")
    environment = runtimes.settings()
    tests, ended = watched.collect(Path(sys.executable), [str(tmp_path / "test_one.py")], environment)
    assert not tests and [o.outcome for o in ended] == ["failed"]
    assert "No module named 'a_package_that_is_nowhere'" in ended[0].message
    broken.unlink()
    tests, ended = watched.collect(Path(sys.executable), [str(tmp_path / "test_one.py")], environment)
    assert [test.rpartition("::")[2] for test in tests] == ["test_one"] and not ended


@pytest.mark.one_in(3)
def test_a_test_that_is_not_there_ends_the_run_as_a_failure():
    node = "tests/export/test_runtimes.py::test_of_nothing"
    ended = list(watched.run(Path(sys.executable), [node], runtimes.settings(), 60.0))
    assert [(o.test, o.outcome) for o in ended] == [(node, "failed")]
