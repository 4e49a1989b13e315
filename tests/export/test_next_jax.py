"""A program that jax 0.10.2 wrote, read by the jax of today: the slice of the tests runs on the newest one.

jax reads programs for half a year. After that, write the file again:

    model.export("tests/export/written_by_jax_0_10.shlo", format="stablehlo", gradients=True)
"""

import datetime
from pathlib import Path

import jax
import numpy as np
import pytest

import kernelkit as kk

pytest.importorskip("flatbuffers")

FILE = Path(__file__).parent / "written_by_jax_0_10.shlo"
ROWS = np.linspace(-1, 1, 30, dtype="float32").reshape(2, 5, 3)
KINDS = [[0.1429368406534195, 0.8570631146430969], [0.05225757881999016, 0.9477423429489136]]


def test_a_program_that_another_jax_wrote_gives_its_numbers_and_gradients():
    if datetime.date.today() > datetime.date(2027, 5, 20):
        pytest.skip("jax promises to read it for half a year only: write it again")
    program = kk.export.load(FILE)
    np.testing.assert_allclose(program(ROWS), KINDS, atol=1e-5)
    np.testing.assert_allclose(program(ROWS[:1]), KINDS[:1], atol=1e-5)
    loss = lambda weights: (program.apply(weights, ROWS)[:, 0] ** 2).sum()  # noqa: E731
    gradients = jax.grad(loss)(program.weights)
    moved = jax.tree.map(lambda w, g: w - 0.01 * g, program.weights, gradients)
    assert float(loss(moved)) < float(loss(program.weights))
