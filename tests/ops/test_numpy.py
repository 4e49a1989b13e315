"""The functions of `ops.numpy`: values, dtypes and symbolic shapes equal Keras's, call by call."""

from __future__ import annotations

import ast

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops

_rng = np.random.default_rng(0)
_nan = np.array([[1.0, np.nan, 3.0, -2.0], [4.0, 5.0, np.nan, 0.5], [7.0, 1.5, 2.5, np.inf]], "float32")
ARRAYS = {
    "A": _rng.normal(size=(3, 4)).astype("float32"),
    "B": _rng.normal(size=(3, 4)).astype("float32"),
    "U": _rng.uniform(-0.9, 0.9, size=(3, 4)).astype("float32"),
    "P": _rng.uniform(1.1, 3.0, size=(3, 4)).astype("float32"),
    "Q": _rng.normal(size=(2, 3, 4)).astype("float32"),
    "V": _rng.normal(size=(4,)).astype("float32"),
    "W": _rng.normal(size=(4, 3)).astype("float32"),
    "S": _rng.normal(size=(3, 3)).astype("float32"),
    "I": _rng.integers(-5, 6, size=(3, 4)).astype("int32"),
    "J": _rng.integers(1, 9, size=(3, 4)).astype("int32"),
    "K": np.array([2, 0, 1, 2], "int32"),
    "X": np.array([[3, 1, 0, 2], [0, 0, 1, 3], [2, 2, 1, 0]], "int32"),
    "T": np.array([[True, False, True, False], [False, False, False, False], [True, True, True, True]]),
    "N": _nan,
    "D": np.where(np.isinf(_nan), 6.0, _nan).astype("float32"),
    "C": (_rng.normal(size=(3, 4)) + 1j * _rng.normal(size=(3, 4))).astype("complex64"),
    "E": np.array([1.0, 2.0, 4.0, 8.0], "float32"),
}

CASES = """
abs(A) absolute(I) fabs(I) negative(A) negative(I) reciprocal(P) square(A) square(T) sqrt(P) sqrt(J) cbrt(A) sign(A)
sign(I) signbit(A) exp(A) exp(I) exp2(A) expm1(A) log(P) log2(P) log10(P) log1p(P) sin(A) cos(A) tan(U) arcsin(U)
arccos(U) arctan(A) sinh(A) cosh(A) tanh(A) arcsinh(A) arccosh(P) arctanh(U) sinc(A) deg2rad(A) rad2deg(A) i0(A)
floor(A) floor(I) ceil(A) ceil(T) trunc(A) trunc(I) real(C) imag(C) imag(A) conj(C) conjugate(C) angle(C) copy(A)
round(A) round(A,2) round(I,-1) nan_to_num(N) nan_to_num(N,nan=2.0,posinf=3.0,neginf=4.0) view(A) view(A,"int32")
view(A,"int8")

add(A,B) add(A,V) add(I,1) add(I,1.5) add(I,A) subtract(A,B) multiply(A,B) multiply(T,I) divide(A,B) divide(I,J)
divide(I,2) true_divide(I,J) floor_divide(I,J) floor_divide(A,P) mod(I,J) mod(A,P) fmod(I,J) fmod(A,P) power(P,A)
power(J,2) maximum(A,B) maximum(I,0.5) minimum(A,B) fmax(N,A) fmin(N,A) hypot(A,B) gcd(I,J) lcm(I,J)
heaviside(I,0.5) heaviside(A,B) nextafter(A,B) ldexp(A,I) arctan2(A,B) logaddexp(A,B) logaddexp2(A,B)
divide_no_nan(A,T) divide_no_nan(I,T) clip(A,-0.5,0.5) clip(I,-1,1) clip(I,0.5,2.5) clip(A,V,3.0) clip(T,0,1)

equal(I,J) equal(A,A) not_equal(I,J) less(A,B) less_equal(I,J) greater(A,B) greater_equal(A,0) logical_and(T,I)
logical_or(T,I) logical_xor(T,I) logical_not(T) logical_not(I) isfinite(N) isinf(N) isnan(N) isneginf(-N) isposinf(N)
isreal(C) isreal(A) bitwise_and(I,J) bitwise_or(I,3) bitwise_xor(I,J) bitwise_left_shift(I,2) left_shift(J,J)
bitwise_right_shift(I,1) right_shift(J,1) bitwise_invert(I) bitwise_not(T) isclose(A,A) isclose(A,B,rtol=0.5,atol=0.5)
isclose(N,N,equal_nan=True) allclose(A,A) allclose(A,B) isin(I,J) isin(I,K,invert=True) where(T,A,B) where(T,A,0.0)
where(T,I,A) where(T) where(I,1,2) select([T,I],[A,B],2.0)

zeros((2,3)) zeros(3,"int32") ones((2,3)) ones((2,),"bool") empty((2,2)) full((2,2),7) full((2,),1.5,"int32")
full((3,4),V) zeros_like(I) zeros_like(A,"int8") ones_like(T) empty_like(I) full_like(A,7) full_like(I,2.5,"float16")
array([1,2]) array([1.5,2]) array(A,"int32") arange(5) arange(2.0) arange(1,7,2) arange(1,2,0.25) arange(3,dtype="float32")
linspace(0,1,5) linspace(0,1,5,endpoint=False) linspace(0,10,3,dtype="int32") linspace(A,B,3) linspace(A,B,3,axis=-1)
linspace(0,1,5,retstep=True) logspace(0,3,4) logspace(0,3,4,base=2) logspace(0,V,3,axis=1) geomspace(1,8,4)
geomspace(P,2.0,3) eye(3) eye(2,3,1,"int32") identity(3) tri(3) tri(2,4,-1,"bool") meshgrid(V,K) meshgrid(V,K,indexing="ij")
vander(V) vander(K,3,increasing=True) bartlett(5) blackman(5) hamming(5) hanning(5) hanning(1) kaiser(5,2.0)

sum(A) sum(A,axis=1) sum(I,axis=(0,1),keepdims=True) sum(T) mean(A,axis=-1) mean(I) mean(T,axis=0) var(A,axis=0)
var(I) std(A,axis=1,keepdims=True) std(I) amax(A,axis=1) amin(I) ptp(A,axis=0) ptp(I) median(A,axis=1) median(I)
median(Q,axis=(0,2)) all(T,axis=1) all(I) any(T,axis=0) any(I,keepdims=True) nansum(N,axis=1) nanprod(D) nanmean(D,axis=0)
nanvar(D) nanstd(D,axis=1) nanmax(N,axis=0) nanmin(D) nanmedian(D,axis=1) max(A) max(A,axis=1) max(I,axis=0,initial=3)
min(A,axis=0,keepdims=True) min(I,initial=-9) prod(A,axis=1) prod(J) prod(J,dtype="float32") count_nonzero(I)
count_nonzero(T,axis=1) average(A) average(A,axis=1,weights=V) average(I,axis=0,weights=J) quantile(A,0.3)
quantile(A,[0.1,0.9],axis=1) quantile(A,0.5,axis=0,method="nearest",keepdims=True) percentile(A,30)
percentile(A,[10,90],axis=1) nanquantile(D,0.3,axis=1) nanpercentile(D,30) nanpercentile(D,[20,60],axis=0) cumsum(A)
cumsum(A,axis=1) cumsum(T,axis=0) cumsum(I,axis=1,dtype="float32") cumprod(A,axis=0) cumprod(T) nancumsum(N,axis=1)
nancumprod(D) trapezoid(A) trapezoid(A,V) trapezoid(I,dx=0.5,axis=0)

reshape(A,(4,3)) reshape(A,(2,-1)) reshape(A,12) ravel(A) expand_dims(A,0) expand_dims(A,(0,-1)) squeeze(expand_dims(A,1))
squeeze(expand_dims(A,1),axis=1) transpose(Q) transpose(Q,(1,0,2)) moveaxis(Q,0,-1) moveaxis(Q,(0,1),(1,2))
swapaxes(Q,0,2) broadcast_to(V,(3,4)) flip(A) flip(A,axis=1) fliplr(A) flipud(A) rot90(A) rot90(A,2,(1,0)) roll(A,1)
roll(A,(1,2),axis=(0,1)) concatenate([A,B]) concatenate([A,I],axis=1) append(A,B) append(A,B,axis=1) stack([A,B])
stack([A,I],axis=-1) hstack([A,B]) hstack([V,V]) vstack([A,B]) vstack([V,V]) dstack([A,B]) split(A,2,axis=1)
split(A,[1,3],axis=1) array_split(A,3,axis=1) hsplit(A,2) hsplit(V,2) vsplit(W,2) dsplit(Q,2) repeat(A,2) repeat(A,2,axis=1)
tile(A,2) tile(A,(2,1,2)) pad(A,1) pad(A,((1,0),(0,2))) pad(A,(1,2),constant_values=3) pad(A,1,mode="reflect")
pad(A,1,mode="edge") pad(A,1,mode="symmetric") pad(A,1,mode="wrap")

get_item(A,0) get_item(A,(slice(None),1)) get_item(A,(Ellipsis,None)) get_item(A,K) take(A,K,axis=1) take(A,2)
take(A,K) take(A,[[0,1],[-1,2]],axis=0) take_along_axis(A,X,axis=1) take_along_axis(V,K) nonzero(T)
unravel_index(K,(2,2)) diag(V) diag(S,1) diagflat(K) diagflat(V,-1) diagonal(A) diagonal(Q,1,1,2) trace(A) trace(Q,0,1,2)
tril(A) tril(Q,1) triu(A,-1) triu(S) size(A) ndim(A)

argmax(A) argmax(A,axis=1) argmin(I,axis=0,keepdims=True) nanargmax(D,axis=1) nanargmin(D) sort(A) sort(A,axis=0)
sort(A,axis=None) argsort(A) argsort(I,axis=0) argsort(A,axis=None) argpartition(A,1) argpartition(A,1,axis=0)
searchsorted(E,A) searchsorted(E,2.0) searchsorted(E,[2.0,9.0],side="right") digitize(A,E) digitize(I,K*0+[1,2,3,4])
bincount(K) bincount(K,weights=V) bincount(K,minlength=7) bincount(X) bincount(X,weights=A,minlength=5) unique(I)
unique(I,return_index=True,return_inverse=True,return_counts=True) unique(I,axis=0) unique(K,size=5,fill_value=9)
histogram(A) histogram(A,bins=4,range=(-1,1))

matmul(A,W) matmul(V,W) matmul(Q,W) matmul(I,W) dot(A,W) dot(V,V) dot(A,2.0) inner(A,B) inner(V,A) outer(V,K) outer(A,V)
vdot(A,B) vdot(C,C) tensordot(A,B) tensordot(A,W,axes=1) tensordot(Q,A,axes=[[1,2],[0,1]]) einsum("ij,jk->ik",A,W)
einsum("bij->bji",Q) einsum("ij,kj",A,B) einsum("...j,j",Q,V) cross(S,S+1) cross(W,S[0]) kron(V,K) kron(A,S) diff(A)
diff(A,2,axis=0) correlate(E,V) correlate(E,V,mode="same") correlate(E,V,mode="full") corrcoef(A) slogdet(S)
vectorize(lambda a,b:a*b+1)(A,V) vectorize(lambda a:a*2,signature="(n)->(n)")(A)
"""


def calls(table: str) -> list[str]:
    """The calls in a table, which are separated by white space outside of brackets."""
    found, depth, current = [], 0, ""
    for character in table:
        depth += (character in "([{") - (character in ")]}")
        if character.isspace() and depth == 0 and not current.startswith("vectorize(lambda") or character == "\n":
            found.append(current)
            current = ""
        else:
            current += character
    return [c for c in found if c]


def run(call: str, library: object, arrays: dict) -> object:
    return eval(call, {**vars(library), **arrays})


def leaves(value: object) -> list:
    return [np.asarray(v) for v in jax.tree.leaves(value)]


@pytest.mark.parametrize("call", calls(CASES))
def test_values_and_dtypes_are_those_of_keras(call):
    expected, got = leaves(run(call, keras.ops, ARRAYS)), leaves(run(call, ops, ARRAYS))
    assert len(got) == len(expected)
    for g, e in zip(got, expected, strict=True):
        assert (g.dtype, g.shape) == (e.dtype, e.shape)
        np.testing.assert_allclose(g, e, rtol=1e-5, atol=1e-5)


def test_every_function_is_in_the_table():
    called = {node.func.id for call in calls(CASES) for node in ast.walk(ast.parse(call)) if hasattr(getattr(node, "func", 0), "id")}
    assert sorted(set(ops.numpy.__all__) - called) == []
