"""Every public op has a docstring whose example runs and shows what it says."""

from __future__ import annotations

import doctest
import inspect

import pytest
from _pytest.doctest import _get_checker

from kernelkit import ops

_FUNCTIONS = {
    **{f"ops.image.{name}": getattr(ops.image, name) for name in ops.image.__all__},
    **{f"ops.{name}": value for name, value in vars(ops).items() if inspect.isfunction(value)},
}


@pytest.mark.parametrize("name", sorted(_FUNCTIONS))
def test_the_example_in_the_docstring(name):
    docstring = inspect.getdoc(_FUNCTIONS[name]) or ""
    test = doctest.DocTestParser().get_doctest(docstring, {}, name, None, None)
    assert test.examples, f"{name} has no example"
    report: list[str] = []
    # NUMBER, pytest's own flag: floats are compared to the digits that are written.
    flags = doctest.NORMALIZE_WHITESPACE | doctest.OPTIONFLAGS_BY_NAME["NUMBER"]
    doctest.DocTestRunner(checker=_get_checker(), optionflags=flags).run(test, out=report.append)
    assert not report, "".join(report)
