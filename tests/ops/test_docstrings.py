"""Every public op has an example in its docstring; pytest's ``--doctest-modules`` runs what it finds in modules."""

from __future__ import annotations

import doctest
import inspect
import sys

import pytest

from kernelkit import ops

_FUNCTIONS = {
    **{f"ops.image.{name}": getattr(ops.image, name) for name in ops.image.__all__},
    **{f"ops.{name}": value for name in dir(ops) if name[0] != "_" and inspect.isfunction(value := getattr(ops, name))},
}


def examples_of(module: str) -> set[str]:
    """The docstrings of a module that have examples, as pytest finds them."""
    found = doctest.DocTestFinder().find(sys.modules[module], module)
    return {test.docstring for test in found if test.examples}


_FOUND = set().union(*map(examples_of, {inspect.unwrap(f).__module__ for f in _FUNCTIONS.values()}))


@pytest.mark.parametrize("name", sorted(_FUNCTIONS))
def test_its_docstring_has_an_example_that_pytest_finds(name):
    assert _FUNCTIONS[name].__doc__ in _FOUND
