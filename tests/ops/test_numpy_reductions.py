"""Reductions, sorting, counting and products of `ops.numpy`, call by call as in Keras."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

from kernelkit import ops
from kernelkit.ops.numpy import ordering, products, reductions
from tests.ops.arrays import ARRAYS
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

pytestmark = pytest.mark.one_in(4)

CASES = """
sum(A) sum(A,axis=1) sum(I,axis=(0,1),keepdims=True) sum(T) mean(A,axis=-1) mean(I) mean(T,axis=0) var(A,axis=0)
var(I) std(A,axis=1,keepdims=True) std(I) amax(A,axis=1) amin(I) ptp(A,axis=0) ptp(I) median(A,axis=1) median(I)
median(Q,axis=(0,2)) all(T,axis=1) all(I) any(T,axis=0) any(I,keepdims=True) nansum(N,axis=1) nanprod(D)
nanmean(D,axis=0) nanvar(D) nanstd(D,axis=1) nanmax(N,axis=0) nanmin(D) nanmedian(D,axis=1) max(A) max(A,axis=1)
max(I,axis=0,initial=3) max(I,initial=2.5) max(T,initial=0)
min(A,axis=0,keepdims=True) min(T,axis=0,initial=0) min(I,initial=-9) prod(A,axis=1) prod(J) prod(J,dtype="float32")
count_nonzero(I) count_nonzero(T,axis=1) average(A) average(A,axis=1,weights=V) average(I,axis=0,weights=J)
quantile(A,0.3) quantile(A,[0.1,0.9],axis=1) quantile(A,0.5,axis=0,method="nearest",keepdims=True) percentile(A,30)
percentile(A,[10,90],axis=1) nanquantile(D,0.3,axis=1) nanpercentile(D,30) nanpercentile(D,[20,60],axis=0) cumsum(A)
cumsum(A,axis=1) cumsum(T,axis=0) cumsum(I,axis=1,dtype="float32") cumprod(A,axis=0) cumprod(T) nancumsum(N,axis=1)
nancumprod(D) trapezoid(A) trapezoid(A,V) trapezoid(I,dx=0.5,axis=0)

argmax(A) argmax(A,axis=1) argmin(I,axis=0,keepdims=True) nanargmax(D,axis=1) nanargmin(D) sort(A) sort(A,axis=0)
sort(A,axis=None) argsort(A) argsort(I,axis=0) argsort(A,axis=None) argpartition(A,1) argpartition(A,1,axis=0)
searchsorted(E,A) searchsorted(E,2.0) searchsorted(E,[2.0,9.0],side="right") digitize(A,E) digitize(I,K*0+[1,2,3,4])
bincount(K) bincount(K,weights=V) bincount(K,minlength=7) unique(K,size=5,fill_value=9) histogram(V)
histogram(V,bins=4,range=(-1,1))

matmul(A,W) matmul(V,W) matmul(Q,W) matmul(I,W) dot(A,W) dot(V,V) dot(A,2.0) inner(A,B) inner(V,A) outer(V,K)
outer(A,V) vdot(A,B) vdot(C,C) tensordot(A,B) tensordot(A,W,axes=1) tensordot(Q,A,axes=[[1,2],[0,1]])
einsum("ij,jk->ik",A,W) einsum("bij->bji",Q) einsum("ij,kj",A,B) einsum("...j,j",Q,V) cross(S,S+1) cross(W,S[0])
kron(V,K) kron(A,S) diff(A) diff(A,2,axis=0) correlate(E,V) correlate(E,V,mode="same") correlate(E,V,mode="full")
corrcoef(A) slogdet(S) vectorize(lambda a,b:a*b+1)(A,V) vectorize(lambda a:a*2,signature="(n)->(n)")(A)

bincount(X,minlength=4) bincount(X,weights=A,minlength=5) unique(I) unique(N) unique(I,axis=0)
unique(I,return_index=True,return_inverse=True,return_counts=True) argsort(V[0])
argpartition(A,5,axis=None) argmax([-1.0,-0.0,0.0]) argmin([0.0,-0.0])

sum(H) mean(H,axis=1) var(H,axis=0) cumsum(H) matmul(H,W) einsum("ij,jk->ik",H,W) max(H) argmax(H,axis=1)
"""

# Calls that Keras cannot make on symbolic tensors, or whose results' shapes or dtypes it gets wrong.
KERAS_IS_WRONG = set(
    calls(
        """
bincount(X,minlength=4) bincount(X,weights=A,minlength=5) corrcoef(A) vectorize(lambda a,b:a*b+1)(A,V)
vectorize(lambda a:a*2,signature="(n)->(n)")(A)
"""
    )
)


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS)
    assert_same_symbols(call, ops, None if call in KERAS_IS_WRONG else keras.ops, ARRAYS, values)


def test_small_unsigned_integers_are_counted():
    assert ops.bincount(np.array([1, 1, 3], "uint8")).tolist() == [0, 2, 0, 1]


@pytest.mark.parametrize("function", [ops.bincount, ops.unique])
def test_the_number_of_results_depends_on_values(function):
    with pytest.raises(ValueError, match="depends on the values"):
        jax.jit(function)(ARRAYS["X"])


def test_every_function_is_in_the_table():
    written = {n for m in (reductions, ordering, products) for n, f in vars(m).items() if f is vars(ops.numpy).get(n)}
    assert sorted((written & set(ops.numpy.__all__)) - functions(CASES)) == []
