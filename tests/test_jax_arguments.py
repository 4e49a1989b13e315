"""A variable as an argument of jax's own transformations: what Keras's loops for jax would like to write."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import jax_arguments

WAYS = {
    "jit": lambda v: jax.jit(lambda a: 2 * a)(v),
    "jit of a list": lambda v: jax.jit(lambda a: 2 * a[0])([v]),
    "grad": lambda v: jax.grad(lambda a: jnp.sum(a**2))(v),
    "grad of a list": lambda v: jax.grad(lambda a: jnp.sum(a[0] ** 2))([v])[0],
    "vmap": lambda v: jax.vmap(lambda a: 2 * a)(v),
    "scan": lambda v: jax.lax.scan(lambda c, x: (2 * c, x), v, jnp.zeros(1))[0],
    "checkpoint": lambda v: jax.checkpoint(lambda a: 2 * a)(v),
    "device_put": lambda v: 2 * jax.device_put(v),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_variable_is_its_array(way):
    v = kk.Variable([1.0, 2.0])
    np.testing.assert_array_equal(WAYS[way](v), [2.0, 4.0])
    v.assign([3.0, 4.0])
    np.testing.assert_array_equal(WAYS[way](v), [6.0, 8.0])  # nothing of the old value was kept


@pytest.mark.parametrize("way", WAYS)
def test_a_value_that_is_lent_is_the_one_that_counts_and_its_gradient_flows(way):
    v = kk.Variable([1.0, 2.0])

    def lent(value):
        with kk.StatelessScope([(v, value)]):
            return WAYS[way](v)

    np.testing.assert_array_equal(jax.jit(lent)(jnp.array([5.0, 6.0])), [10.0, 12.0])
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.sum(lent(x)))(jnp.array([5.0, 6.0])), [2.0, 2.0])


def test_one_program_serves_all_values():
    traces = []
    v = kk.Variable([1.0])
    double = jax.jit(lambda a: traces.append(1) or 2 * a)
    for value in (1.0, 2.0, 3.0):
        v.assign([value])
        assert float(double(v)[0]) == 2 * value
    assert len(traces) == 1


def test_variables_stay_leaves_of_a_tree():
    v = kk.Variable([1.0])
    assert jax.tree.leaves({"a": [v]}) == [v] and kk.tree.flatten([v])[0] is v


def test_under_an_open_tape_a_gradient_does_not_stop_in_silence():
    v = kk.Variable([1.0])
    with kk.GradientTape(), pytest.raises(RuntimeError, match="its gradient would stop here"):
        jax.jit(lambda a: 2 * a)(v)


def test_a_jax_without_these_tables_is_told_from_one_with_them(monkeypatch):
    class Holder:
        pass

    assert jax_arguments.accept(Holder, lambda holder: jnp.ones(2))
    assert jax.jit(jnp.sum)(Holder()) == 2
    monkeypatch.delattr("jax._src.interpreters.pxla.shard_arg_handlers")
    assert not jax_arguments.accept(type("Other", (), {}), lambda holder: jnp.ones(2))
