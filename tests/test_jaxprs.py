"""Reading jaxprs: the same answers under jax 0.10 and jax 0.12."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernelkit.jaxprs import called_by, inputs_of_body, opened, run_equation, scan_of, scans


def loop(x, weights, scale):
    def body(carried, row):
        total, count = carried
        total = jnp.tanh(total @ weights + row * scale)
        return (total, count + 1), (total, row.sum())

    return jax.lax.scan(body, (x[0], 0), x, reverse=True)


ARGUMENTS = jnp.arange(10.0).reshape(5, 2), jnp.ones((2, 2)), jnp.float32(3)


def test_a_scans_inputs_are_told_apart():
    ((equation, scan),) = scans(jax.make_jaxpr(loop)(*ARGUMENTS))
    assert (scan.constants, scan.carried, scan.length, scan.reverse) == (2, 2, 5, True)
    assert len(equation.invars) == len(inputs_of_body(equation)) == 5
    assert inputs_of_body(equation)[-1].shape == (2,)


def test_a_scans_body_does_one_round():
    traced = jax.make_jaxpr(loop)(*ARGUMENTS)
    ((equation, scan),) = scans(traced)
    x, weights, scale = ARGUMENTS
    given = {(2, 2): weights, (): scale, (2,): x[-1]}
    shapes = [s.shape for s in inputs_of_body(equation)]
    numbers = [given[s] if i < scan.constants else (x[0] if s else jnp.int32(7)) for i, s in enumerate(shapes[:-1])]
    total, count, row, row_sum = scan.body(*numbers, x[-1])
    np.testing.assert_allclose(total, np.tanh(np.asarray(x[0] @ weights + x[-1] * scale)), rtol=1e-6)
    assert (int(count), float(row_sum)) == (8, 17.0)
    np.testing.assert_array_equal(row, total)


@pytest.mark.parametrize("outer", [jax.jit, jax.checkpoint, lambda f: lambda *a: jax.lax.cond(True, f, f, *a)])
def test_scans_inside_of_calls_are_found(outer):
    assert [scan.length for _, scan in scans(jax.make_jaxpr(outer(loop))(*ARGUMENTS))][:1] == [5]


@pytest.mark.parametrize("wrap", [jax.jit, jax.checkpoint, jax.nn.relu])
def test_what_only_calls_is_opened(wrap):
    function = wrap if wrap is jax.nn.relu else wrap(jnp.sin)
    (equation,) = jax.make_jaxpr(function)(1.0).eqns
    jaxpr, constants = called_by(equation)
    assert len(jaxpr.eqns) == 1 and not constants
    assert scan_of(equation) is None


def test_an_equation_runs_alone_with_literals_among_its_inputs():
    (equation,) = opened(jax.make_jaxpr(lambda x: x * 3.0)(jnp.ones(2))).jaxpr.eqns
    (out,) = run_equation(equation, [jnp.full(2, 5.0), 3.0])
    assert out.tolist() == [15.0, 15.0]
