"""Programs whose narrow numbers are computed in wider ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernelkit.export.widen import BRAINS, NARROW, widened

pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def wide(function, *arguments, wider=NARROW):
    made = widened(function, wider, *(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arguments))
    return made, str(jax.make_jaxpr(made)(*arguments))


def test_floats_of_16_bits_are_computed_in_32_also_inside_loops_and_branches():
    def mean(x):
        h = x.astype("bfloat16")
        total, _ = jax.lax.scan(lambda t, row: (t + row * 2, None), jnp.zeros(3, "bfloat16"), h)
        total = jax.lax.cond(x.sum() > 0, lambda t: t * 3, lambda t: t - 1, total)
        total = jax.lax.fori_loop(0, jnp.asarray(2), lambda i, t: t + t, total)
        return total.astype("float32"), total

    x = np.random.default_rng(0).random((50, 3)).astype("float32")
    made, text = wide(mean, x, wider=BRAINS)
    assert text.count("bf16") == 1  # the second result keeps its dtype
    exact, kept = made(x)
    np.testing.assert_allclose(exact, x.sum(0) * 24, rtol=1e-6)
    assert kept.dtype == jnp.bfloat16


def test_whole_numbers_of_8_bits_stay_exact_and_leave_their_range_as_they_do():
    def work(a, b):
        product = jax.lax.dot(a, b, preferred_element_type="int32")
        return product, a + a, a * a, -a, (product // 7).astype("int8"), a.sum(dtype="int8"), jnp.where(a > 3, a, b.T)

    rng = np.random.default_rng(0)
    a, b = rng.integers(-128, 128, (4, 70)).astype("int8"), rng.integers(-128, 128, (70, 4)).astype("int8")
    made, _ = wide(work, a, b)
    for got, want in zip(made(a, b), work(a, b), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_what_is_computed_of_weights_alone_is_computed_at_once():
    packed = jnp.asarray(np.arange(-60, 60, 8).astype("int8"))

    def unpacked(weights, x):
        bits = jax.lax.bitcast_convert_type(weights, "uint8")
        low, high = (bits & 15).astype("int8"), (bits >> 4).astype("int8")
        return ((jnp.stack([low, high]) ^ 8) - 8).astype("float32") * x

    made = widened(unpacked, NARROW, packed, jax.ShapeDtypeStruct((), "float32"))
    text = str(jax.make_jaxpr(made)(jnp.float32(2)))
    assert "u8[" not in text and "i8[" not in text
    np.testing.assert_array_equal(made(jnp.float32(2))[0], unpacked(packed, jnp.float32(2)))


def test_a_function_without_narrow_numbers_is_left_as_it_is():
    x = np.ones((2, 3), "float32")
    made, text = wide(lambda x: jnp.tanh(x) @ x.T, x)
    assert text == str(jax.make_jaxpr(lambda x: [jnp.tanh(x) @ x.T])(x))
    assert made(x)[0].shape == (2, 2)
