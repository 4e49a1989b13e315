"""The functions of `ops.math` and `ops.fourier`, call by call as in Keras."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

from kernelkit import ops
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

_rng = np.random.default_rng(3)


def _floats(*shape):
    return _rng.normal(size=shape).astype("float32")


ARRAYS = {
    "x_": _floats(4, 6),
    "x_small": _rng.uniform(-0.9, 0.9, (4, 6)).astype("float32"),
    "x_above": _rng.uniform(0.5, 4.0, (4, 6)).astype("float32"),
    "x_int": _rng.integers(-5, 6, (4, 6)).astype("int32"),
    "x_half": _floats(4, 6).astype("float16"),
    "x_points": _floats(2, 3, 4),
    "x_index": np.array([1, 0, 5, 3], "int32"),
    "x_complex": (_floats(4, 6) + 1j * _floats(4, 6)).astype("complex64"),
    "x_images": _floats(2, 4, 4),
    "x_wave": _floats(2, 32),
    "x_s": np.array([0, 0, 1, 3], "int32"),
    "square": _floats(2, 3, 3),
    "spectrum": (_floats(2, 12, 5), _floats(2, 12, 5)),
    "np": np,
}
CASES = """
erf(x_) erfc(x_) erfinv(x_small) rsqrt(x_above) logsumexp(x_) logsumexp(x_,axis=1)
logsumexp(x_*100,axis=0,keepdims=True) logsumexp(x_half,axis=1) logdet(square) top_k(x_,3) top_k(x_int,2)
in_top_k(x_index,x_,2) in_top_k(x_index,x_small,6) segment_sum(x_,x_s,num_segments=5)
segment_max(x_,x_s,num_segments=4) segment_min(x_int,x_s,num_segments=4) segment_prod(x_,x_s,num_segments=4)
segment_sum(x_int,x_s,num_segments=4,sorted=True) cdist(x_,x_) cdist(x_points,x_points+1)
view_as_complex(x_points[:,:,:2]) view_as_real(x_complex)

fft((x_,x_small)) fft2((x_images,x_images)) ifft2((x_images,x_images)) rfft(x_) rfft(x_,fft_length=4) rfft(x_,8)
irfft((x_[:,:4],x_small[:,:4])) irfft((x_,x_small),fft_length=6) extract_sequences(x_wave,8,4) stft(x_wave,8,4,8)
stft(x_wave,8,4,16,window="hamming",center=False) stft(x_wave,8,4,8,window=None) istft(spectrum,8,4,8)
istft(spectrum,8,4,8,length=20) istft(spectrum,8,4,8,center=False) rearrange(x_points,"b h c -> b (h c)")
rearrange(x_points,"b h c -> h b c") rearrange(x_,"b (p q) -> b q p",p=2)
"""
# Calls that Keras cannot make on symbolic tensors, or whose results' shapes or dtypes it gets wrong.
KERAS_IS_WRONG = set(
    calls("""
logsumexp(x_half,axis=1) rearrange(x_points,"b h c -> b (h c)") rearrange(x_points,"b h c -> h b c")
rearrange(x_,"b (p q) -> b q p",p=2)
""")
)


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS)
    assert_same_symbols(call, ops, None if call in KERAS_IS_WRONG else keras.ops, ARRAYS, values)


def test_every_function_is_in_the_table():
    public = {name for name, value in vars(keras.src.ops.math).items() if inspect.isfunction(value)}
    public = {name for name in public if hasattr(keras.ops, name)}
    assert sorted(public - functions(CASES)) == []


def test_the_inverse_gives_the_signal_back():
    wave = ARRAYS["x_wave"]
    np.testing.assert_allclose(ops.istft(ops.stft(wave, 8, 4, 8), 8, 4, 8, length=32), wave, atol=1e-5)
    np.testing.assert_allclose(ops.irfft(ops.rfft(wave)), wave, atol=1e-5)


def test_the_number_of_segments_is_counted_if_not_given():
    # Keras on jax asks for it.
    rows, ids = ARRAYS["x_"], ARRAYS["x_s"]
    np.testing.assert_array_equal(ops.segment_sum(rows, ids), ops.segment_sum(rows, ids, num_segments=4))
