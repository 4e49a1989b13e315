"""Calls written as text, made in kernelkit and in Keras: values, dtypes and symbolic results are compared."""

from __future__ import annotations

import ast
from typing import Any

import jax
import keras
import numpy as np

import kernelkit as kk

BATCHED = frozenset("ABCDHIJNPQTUX")  # names of arrays whose first axis is a batch; so are those that start with x_


def calls(table: str) -> list[str]:
    """The calls in a table, which are separated by white space outside of brackets. A # starts a comment."""
    found, depth, current = [], 0, ""
    for character in "\n".join(line.split("#")[0] for line in table.splitlines()) + "\n":
        depth += (character in "([{") - (character in ")]}")
        if character.isspace() and depth == 0:
            found.append(current)
            current = ""
        else:
            current += character
    return [" ".join(c.split()) for c in found if c]


def functions(table: str) -> set[str]:
    """The names of the functions that a table calls."""
    nodes = [node for call in calls(table) for node in ast.walk(ast.parse(call))]
    return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def run(call: str, library: object, arrays: dict) -> Any:
    return eval(call, {**vars(library), **arrays})


def leaves(value: Any) -> list:
    return [np.asarray(v) for v in jax.tree.leaves(value)]


def assert_same_values(call: str, ours: object, theirs: object, arrays: dict, tolerance: float = 1e-5) -> list:
    """Run a call in both libraries; return the values, which are equal in number, shape, dtype and value."""
    got, expected = leaves(run(call, ours, arrays)), leaves(run(call, theirs, arrays))
    assert len(got) == len(expected)
    for g, e in zip(got, expected, strict=True):
        assert (g.dtype, g.shape) == (e.dtype, e.shape)
        if g.dtype.name == "bfloat16":
            g, e = g.astype("float32"), e.astype("float32")
        np.testing.assert_allclose(g, e, rtol=tolerance, atol=tolerance)
    return got


def assert_same_symbols(call: str, ours: object, theirs: object | None, arrays: dict, values: list) -> None:
    """Make a call with those arrays as symbolic tensors that :data:`BATCHED` names, the first size unknown.

    Args:
        call: The call.
        ours: kernelkit's library.
        theirs: Keras's; ``None`` if its symbolic result is known to be wrong or missing.
        arrays: The arrays by name.
        values: What the call returns for the arrays: shapes and dtypes must agree, except for sizes that are unknown.
    """
    used = {node.id for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Name)} & set(arrays)
    names = {name for name in used if name in BATCHED or name.startswith("x_")}
    if not names:
        return
    got = symbols(run(call, ours, {**arrays, **{n: spec(kk.KerasTensor, arrays[n]) for n in names}}))
    assert len(got) == len(values)
    for (shape, dtype), value in zip(got, values, strict=True):
        assert dtype == value.dtype.name
        assert len(shape) == value.ndim
        assert all(s in (None, known) for s, known in zip(shape, value.shape, strict=True)), (shape, value.shape)
    if theirs is not None:
        assert got == symbols(run(call, theirs, {**arrays, **{n: spec(keras.KerasTensor, arrays[n]) for n in names}}))


def spec(kind: type, array: np.ndarray) -> Any:
    return kind((None, *array.shape[1:]), dtype=array.dtype.name)


def symbols(value: Any) -> list[tuple]:
    tensors = jax.tree.leaves(value, is_leaf=lambda v: hasattr(v, "shape"))
    return [(tuple(t.shape), keras.backend.standardize_dtype(t.dtype)) for t in tensors]
