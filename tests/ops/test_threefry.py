"""Random bits in one kernel are jax's own."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernelkit import devices, random, threefry
from kernelkit.threefry import as_key

PAIRS = [(7, 0), (123456789, 4), (2**32 - 1, 2**32 - 1)]


def keys(pair):
    """Return our key and jax's for the same pair."""
    pair = np.array(pair, "uint32")
    return as_key(pair), jax.random.wrap_key_data(pair, impl="threefry2x32")


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("shape", [(), (3,), (4, 5), (2, 3, 4), (0, 3)])
def test_bits_of_each_width_are_those_of_jax(pair, shape):
    with jax.enable_x64(True):
        for dtype in ("uint8", "uint16", "uint32", "uint64"):
            ours, theirs = (jax.random.bits(k, shape, dtype) for k in keys(pair))
            assert ours.dtype == theirs.dtype == dtype
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("pair", PAIRS)
def test_split_and_folded_keys_are_those_of_jax(pair):
    for many in (1, 5, (2, 3)):
        ours, theirs = (jax.random.key_data(jax.random.split(k, many)) for k in keys(pair))
        np.testing.assert_array_equal(ours, theirs)
    for data in (0, 5, 2**32 - 1):
        ours, theirs = (jax.random.key_data(jax.random.fold_in(k, np.uint32(data))) for k in keys(pair))
        np.testing.assert_array_equal(ours, theirs)


DRAWS = {
    "normal": lambda key: jax.random.normal(key, (5,)),
    "truncated_normal": lambda key: jax.random.truncated_normal(key, -2.0, 2.0, (5,)),
    "randint": lambda key: jax.random.randint(key, (9,), 0, 1000),
    "permutation": lambda key: jax.random.permutation(key, 9),
    "categorical": lambda key: jax.random.categorical(key, jnp.ones((3, 4))),
    "gamma": lambda key: jax.random.gamma(key, 2.0, (5,)),
    "beta": lambda key: jax.random.beta(key, 1.0, 2.0, (5,)),
    "binomial": lambda key: jax.random.binomial(key, 10.0, 0.4, (5,)),
    "several keys": lambda key: jax.vmap(lambda k: jax.random.uniform(k, (3,)))(jax.random.split(key, 4)),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("compiled", [False, True])
def test_draws_are_those_of_jax(name, compiled):
    draw = jax.jit(DRAWS[name]) if compiled else DRAWS[name]
    ours, theirs = map(draw, keys((11, 3)))
    np.testing.assert_allclose(
        ours, theirs, rtol=1e-5
    )  # beta's functions are rounded in the kernel they are fused into


def kernels(function):
    """Return the number of loops and kernels of a compiled function."""
    text = jax.jit(function).lower(jnp.ones((32, 64, 64))).compile().as_text()
    return text.count(" while("), text.count(" fusion(")


def test_a_dropout_has_no_loop_and_few_kernels():
    loops, fusions = kernels(lambda x: random.dropout(x, 0.5, seed=3))
    assert (loops, fusions) == (0, 1)


def test_a_portable_trace_leaves_the_bits_to_jax():
    with devices.portable():
        assert jax.random.key_impl(as_key(np.array([1, 2], "uint32"))) == "threefry2x32"


def test_the_largest_arrays_are_left_to_jax():
    drawn = jax.eval_shape(lambda: jax.random.bits(as_key(np.array([1, 2], "uint32")), (65536, 65536), "uint8"))
    assert drawn.shape == (65536, 65536)
    text = (
        jax.jit(lambda: jax.random.bits(as_key(np.array([1, 2], "uint32")), (65536, 65536), "uint8")).lower().as_text()
    )
    assert "threefry2x32" in text


FIRST_FIT = """
import sys
import jax.monitoring
import numpy as np
import kernelkit as kk
layers = [kk.Input((4,)), kk.layers.Dense(8, "relu"), kk.layers.Dropout(0.5), kk.layers.Dense(3, "softmax")]
model = kk.Sequential(layers)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
compiled = []
name = "/jax/core/compile/backend_compile_duration"
jax.monitoring.register_event_duration_secs_listener(lambda event, *_, **__: compiled.append(event == name))
model.fit(np.ones((8, 4), "float32"), np.zeros(8, "int32"), batch_size=4, verbose=0)
print(sum(compiled), sum("pallas" in name for name in sys.modules))
"""


def test_a_first_fit_compiles_one_program_and_imports_no_pallas():
    environment = os.environ | {"KERNELKIT_COMPILE_CACHE": "0"}
    printed = subprocess.run(
        [sys.executable, "-c", FIRST_FIT], env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout.split() == ["1", "0"], printed.stdout + printed.stderr


def test_the_public_name_is_used_where_the_private_module_is_missing(monkeypatch):
    import jax.extend.random  # the public module reads the private one too, so it is loaded before

    monkeypatch.setitem(sys.modules, "jax._src.extend.random", None)
    threefry._in_one_kernel.cache_clear()
    try:
        ours, theirs = keys(PAIRS[0])
        np.testing.assert_array_equal(jax.random.bits(ours, (3,)), jax.random.bits(theirs, (3,)))
    finally:
        threefry._in_one_kernel.cache_clear()
