"""The functions of `ops.core`: tensors, parts of tensors, control flow. Most calls are compared with Keras's."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

_rng = np.random.default_rng(2)
ARRAYS = {
    "x_": _rng.normal(size=(4, 3)).astype("float32"),
    "x_int": np.array([[1, 2, 300], [-4, 5, 6], [7, 8, 9], [0, 0, 1]], "int32"),
    "x_bool": np.array([True, False, True, True]),
    "u": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "float32"),
    "r": np.array([[0], [2]], "int32"),
    "pairs": np.array([[0, 1], [2, 2]], "int32"),
    "n": np.int32(3),
    "np": np,
}
CASES = """
cast(x_,"int32") cast(x_int,"bool") cast(x_bool,"float16") cast(x_,"float32") saturate_cast(x_int,"uint8")
saturate_cast(x_*1e10,"int32") saturate_cast(x_*1e3,"int8") saturate_cast(x_bool,"uint8") saturate_cast(x_,"bfloat16")
convert_to_tensor(x_) convert_to_tensor(x_,"int32") convert_to_tensor([1,2]) convert_to_tensor([1.0,2])
convert_to_tensor(True) convert_to_tensor(2.5) convert_to_numpy(u) stop_gradient(x_)

slice(u,(0,1),(2,2)) slice(u,np.array([1,0]),(1,3)) slice_update(u,(0,1),u[:,:2]) slice_update(x_,(n-2,0),u)
scatter(r,u,(4,3)) scatter(pairs,np.array([1.0,2.0],"float32"),(3,3)) scatter(np.array([[1],[1]]),u,(3,3))
scatter_update(x_,r,u) scatter_update(x_,r,u,reduction="add") scatter_update(x_,r,u,reduction="max")
scatter_update(x_,r,u,reduction="min") scatter_update(x_,r,u,reduction="mul")
scatter_update(x_int,pairs,np.array([5,6])) scatter_update(x_,np.array([[1],[1]]),u,reduction="add")
unstack(x_,axis=1) unstack(x_,num=4) unstack(u)

cond(n>2,lambda:n+1,lambda:n) cond(n>5,lambda:(n,n+1),lambda:(n+2,n)) switch(n-2,[lambda a:a+1,lambda a:a*2],u)
switch(9,[lambda a:a+1,lambda a:a*2],u) while_loop(lambda i:i<10,lambda i:i*2,n)
while_loop(lambda i,a:i<10,lambda i,a:(i+1,a*1.1),(n,u)) while_loop(lambda i:i<10,lambda i:i+1,n,maximum_iterations=4)
fori_loop(0,4,lambda i,a:a+i,u) scan(lambda c,a:(c+a,c*a),u[0],u) scan(lambda c,a:(c+a,c*a),u[0],u,reverse=True)
scan(lambda c,_:(c*2,c),n,length=4) associative_scan(lambda a,b:a+b,x_) associative_scan(lambda a,b:a*b,u,axis=1)
associative_scan(lambda a,b:a+b,x_int,reverse=True) map(lambda a:a*2+1,x_) map(lambda a:(a[0]+a[1],a[1]),(u,u))
vectorized_map(lambda a:a*2+1,x_) vectorized_map(lambda a:a[0]*a[1],(u,u+1))
"""
TESTED_BELOW = {"custom_gradient", "dtype", "shape", "is_tensor"}


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS)
    assert_same_symbols(call, ops, keras.ops, ARRAYS, values)


def test_every_function_is_tested():
    public = {name for name, value in vars(keras.src.ops.core).items() if inspect.isfunction(value)}
    public = {name for name in public if hasattr(keras.ops, name)}
    assert sorted(public - functions(CASES) - TESTED_BELOW) == []


def test_shape_dtype_and_kind():
    x, symbolic, variable = ops.ones((2, 3)), kk.Input((3,)), kk.Variable(np.zeros((2, 1), "float32"))
    assert ops.shape(x) == (2, 3) and ops.shape(symbolic) == (None, 3) and ops.shape([[1]]) == (1, 1)
    assert ops.dtype(x) == ops.dtype(symbolic) == ops.dtype(variable) == "float32"
    assert ops.is_tensor(x) and not ops.is_tensor([1.0]) and not ops.is_tensor(np.ones(2))
    assert type(ops.convert_to_numpy(variable)) is np.ndarray


def test_a_symbolic_tensor_has_no_numpy_value():
    with pytest.raises(ValueError, match="no value"):
        ops.convert_to_numpy(kk.Input((3,)))


def test_loops_and_branches_are_differentiated_on_a_tape():
    x = kk.Variable(2.0)
    with kk.GradientTape(persistent=True) as tape:
        power = ops.fori_loop(0, 3, lambda i, a: x * a, ops.ones(()))
        chosen = ops.cond(x > 1.0, lambda: x * x, lambda: x)
        total, _ = ops.scan(lambda c, _: (x * c, c), ops.ones(()), length=2)
    assert float(tape.gradient(power, x)) == 12.0
    assert float(tape.gradient(chosen, x)) == 4.0
    assert float(tape.gradient(total, x)) == 4.0


def test_loops_assign_variables():
    count = kk.Variable(np.int32(0))
    ops.fori_loop(0, 5, lambda i, a: (count.assign_add(1), a)[1], jnp.zeros(()))
    assert int(count.value) == 5


def test_custom_gradient():
    @ops.custom_gradient
    def halved(x):
        return 2 * x, lambda upstream: upstream / 2

    assert float(jax.grad(halved)(3.0)) == 0.5 and float(halved(3.0)) == 6.0


def test_stop_gradient():
    assert float(jax.grad(lambda x: x * ops.stop_gradient(x))(3.0)) == 3.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.scatter_update([1, 2], [[0]], [1], reduction="mean"), "mean"),
        (lambda: ops.scan(3, 0, [1]), "should be a callable"),
        (lambda: ops.cond(np.array([True, False]), lambda: 1, lambda: 2), "scalar condition"),
        (lambda: ops.convert_to_tensor([1], ragged=True), "ragged"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
