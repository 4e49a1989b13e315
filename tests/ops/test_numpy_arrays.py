"""Making, reshaping and indexing arrays with `ops.numpy`, call by call as in Keras."""

from __future__ import annotations

import jax
import keras
import pytest

from kernelkit import ops
from kernelkit.ops.numpy import creation, indexing, joining, shapes
from tests.ops.arrays import ARRAYS
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

CASES = """
zeros((2,3)) zeros(3,"int32") ones((2,3)) ones((2,),"bool") empty((2,2)) full((2,2),7) full((2,),1.5,"int32")
full((3,4),V) zeros_like(I) zeros_like(A,"int8") ones_like(T) empty_like(I) full_like(A,7) full_like(I,2.5,"float16")
array([1,2]) array([1.5,2]) array(A,"int32") arange(5) arange(2.0) arange(1,7,2) arange(1,2,0.25)
arange(3,dtype="float32") linspace(0,1,5) linspace(0,1,5,endpoint=False) linspace(0,10,3,dtype="int32")
linspace(A,B,3) linspace(A,B,3,axis=-1) linspace(0,1,5,retstep=True) logspace(0,3,4) logspace(0,3,4,base=2)
logspace(0,V,3,axis=1) geomspace(1,8,4) geomspace(P,2.0,3) eye(3) eye(2,3,1,"int32") identity(3) tri(3)
tri(2,4,-1,"bool") meshgrid(V,K) meshgrid(V,K,indexing="ij") vander(V) vander(K,3,increasing=True) bartlett(5)
blackman(5) hamming(5) hanning(5) hanning(1) kaiser(5,2.0)

reshape(A,(4,3)) reshape(A,(2,-1)) reshape(A,12) ravel(A) expand_dims(A,0) expand_dims(A,(0,-1))
squeeze(expand_dims(A,1)) squeeze(expand_dims(A,1),axis=1) transpose(Q) transpose(Q,(1,0,2)) moveaxis(Q,0,-1)
moveaxis(Q,(0,1),(1,2)) swapaxes(Q,0,2) broadcast_to(V,(3,4)) flip(A) flip(A,axis=1) fliplr(A) flipud(A) rot90(A)
rot90(A,2,(1,0)) roll(A,1) roll(A,(1,2),axis=(0,1)) concatenate([A,B]) concatenate([A,I],axis=1) append(A,B)
append(A,B,axis=1) stack([A,B]) stack([A,I],axis=-1) hstack([A,B]) hstack([V,V]) vstack([A,B]) vstack([V,V])
dstack([A,B]) split(A,2,axis=1) split(A,[1,3],axis=1) array_split(A,3,axis=1) hsplit(A,2) hsplit(V,2) vsplit(W,2)
dsplit(Q,2) repeat(A,2) repeat(A,2,axis=1) tile(A,2) tile(A,(2,1,2)) pad(A,1) pad(A,((1,0),(0,2)))
pad(A,(1,2),constant_values=3) pad(A,1,mode="reflect") pad(A,1,mode="edge") pad(A,1,mode="symmetric")
pad(A,1,mode="wrap")

get_item(A,0) get_item(A,np.s_[:,1]) get_item(A,np.s_[:2]) get_item(A,(Ellipsis,None)) get_item(A,K) take(A,K,axis=1)
take(A,2) take(A,K) take(A,[[0,1],[-1,2]],axis=0) take_along_axis(A,X,axis=1) take_along_axis(V,K)
unravel_index(K,(2,2)) diag(V) diag(S,1) diagflat(K) diagflat(V,-1) diagonal(A) diagonal(Q,1,1,2) trace(A)
trace(Q,0,1,2) tril(A) tril(Q,1) triu(A,-1) triu(S) size(V) ndim(V)

concatenate([H,I]) full_like(H,2) arange(3,dtype="float16") nonzero(T) repeat(W,np.array([1,0,2,1]),axis=0)
"""

# Calls that Keras cannot make on symbolic tensors, or whose results' shapes or dtypes it gets wrong.
KERAS_IS_WRONG = set(calls("rot90(A,2,(1,0)) get_item(A,K) get_item(A,np.s_[:2])"))


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS)
    assert_same_symbols(call, ops, None if call in KERAS_IS_WRONG else keras.ops, ARRAYS, values)


def test_the_number_of_indices_depends_on_values():
    with pytest.raises(ValueError, match="depends on the values"):
        jax.jit(ops.nonzero)(ARRAYS["T"])


def test_every_function_is_in_the_table():
    written = {
        n for m in (creation, shapes, joining, indexing) for n, f in vars(m).items() if f is vars(ops.numpy).get(n)
    }
    assert sorted((written & set(ops.numpy.__all__)) - functions(CASES)) == []
