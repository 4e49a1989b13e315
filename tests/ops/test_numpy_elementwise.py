"""The elementwise functions of `ops.numpy`, one and two arguments, comparisons and bits, call by call as in Keras."""

from __future__ import annotations

import keras
import pytest

from kernelkit import ops
from kernelkit.ops.numpy import arithmetic, elementwise, logic
from tests.ops.arrays import ARRAYS
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

CASES = """
abs(A) absolute(I) fabs(I) negative(A) negative(I) reciprocal(P) square(A) square(T) sqrt(P) sqrt(J) cbrt(A) sign(A)
sign(I) signbit(A) exp(A) exp(I) exp2(A) expm1(A) log(P) log2(P) log10(P) log1p(P) sin(A) cos(A) tan(U) arcsin(U)
arccos(U) arctan(A) sinh(A) cosh(A) tanh(A) arcsinh(A) arccosh(P) arctanh(U) sinc(A) deg2rad(A) rad2deg(A) i0(A)
floor(A) floor(I) ceil(A) ceil(T) trunc(A) trunc(I) real(C) imag(C) imag(A) conj(C) conjugate(C) angle(C) copy(A)
round(A) round(A,2) nan_to_num(N) nan_to_num(N,nan=2.0,posinf=3.0,neginf=4.0) view(A) view(A,"int32") view(A,"int8")

add(A,B) add(A,V) add(I,1) add(I,1.5) add(I,A) subtract(A,B) multiply(A,B) multiply(T,I) divide(A,B) divide(I,J)
divide(I,2) true_divide(I,J) floor_divide(I,J) floor_divide(A,P) mod(I,J) mod(A,P) fmod(I,J) fmod(A,P) power(P,A)
power(J,2) maximum(A,B) maximum(I,0.5) minimum(A,B) fmax(N,A) fmin(N,A) hypot(A,B) gcd(I,J) lcm(I,J) heaviside(I,0.5)
heaviside(A,B) nextafter(A,B) ldexp(A,I) arctan2(A,B) logaddexp(A,B) logaddexp2(A,B) divide_no_nan(A,T)
divide_no_nan(I,T) clip(A,-0.5,0.5) clip(I,-1,1) clip(I,0.5,2.5) clip(A,V,3.0) clip(T,0,1)

equal(I,J) equal(A,A) not_equal(I,J) less(A,B) less_equal(I,J) greater(A,B) greater_equal(A,0) logical_and(T,I)
logical_or(T,I) logical_xor(T,I) logical_not(T) logical_not(I) isfinite(N) isinf(N) isnan(N) isneginf(-N) isposinf(N)
isreal(C) isreal(A) bitwise_and(I,J) bitwise_or(I,3) bitwise_xor(I,J) bitwise_left_shift(I,2) left_shift(J,J)
bitwise_right_shift(I,1) right_shift(J,1) bitwise_invert(I) bitwise_not(T) isclose(A,A) isclose(A,B,rtol=0.5,atol=0.5)
isclose(N,N,equal_nan=True) allclose(A,A) allclose(A,B) isin(I,J) isin(I,K,invert=True) where(T,A,B) where(T,A,0.0)
where(T,I,A) where(I,1,2) select([T,I],[A,B],2.0)

abs(H) exp(H) add(H,1) add(H,A) multiply(I,2.0) divide(H,I) power(H,2) where(T,H,I) maximum(H,J)
"""

# Calls that Keras cannot make on symbolic tensors, or whose results' shapes or dtypes it gets wrong.
KERAS_IS_WRONG = set(calls("real(C) imag(C) angle(C) heaviside(I,0.5) clip(I,0.5,2.5) bitwise_or(I,3)"))

# The shapes of these results depend on values.
VALUES_ONLY = """
where(T)
"""


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS)
    assert_same_symbols(call, ops, None if call in KERAS_IS_WRONG else keras.ops, ARRAYS, values)


@pytest.mark.parametrize("call", calls(VALUES_ONLY))
def test_results_whose_shapes_depend_on_values(call):
    assert_same_values(call, ops, keras.ops, ARRAYS)
    with pytest.raises(ValueError, match="depends on the values"):
        assert_same_symbols(call, ops, None, ARRAYS, [])


def test_every_function_is_in_the_table():
    written = {n for m in (elementwise, arithmetic, logic) for n, f in vars(m).items() if f is vars(ops.numpy).get(n)}
    assert sorted((written & set(ops.numpy.__all__)) - functions(CASES + VALUES_ONLY)) == []
