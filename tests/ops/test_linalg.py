"""The functions of `ops.linalg`, call by call as in Keras; factors whose signs are free are multiplied back."""

from __future__ import annotations

import inspect

import jax
import keras
import numpy as np
import pytest

from kernelkit import ops
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

_rng = np.random.default_rng(4)
_square = _rng.normal(size=(2, 3, 3)).astype("float32")
ARRAYS = {
    "x_square": _square,
    "x_positive": (_square @ _square.transpose(0, 2, 1) + 2 * np.eye(3)).astype("float32"),
    "x_tall": _rng.normal(size=(2, 4, 3)).astype("float32"),
    "x_wide": _rng.normal(size=(2, 3, 4)).astype("float32"),
    "x_vectors": _rng.normal(size=(2, 3)).astype("float32"),
    "positive": np.array([[4.0, 2.0], [2.0, 3.0]], "float32"),
    "tall": _rng.normal(size=(5, 3)).astype("float32"),
    "right": _rng.normal(size=(5, 2)).astype("float32"),
    "np": np,
}
CASES = """
cholesky(x_positive) cholesky(x_positive,upper=True) cholesky_inverse(cholesky(positive))
cholesky_inverse(cholesky(positive,upper=True),upper=True) det(x_square) inv(x_square) eigh(x_positive)
lu_factor(x_square) matrix_rank(x_square) matrix_rank(tall*0) pinv(x_tall) pinv(x_wide) pinv(tall,rcond=0.5)
qr(x_tall) qr(x_tall,mode="complete") svd(x_tall,full_matrices=False) svd(x_wide,compute_uv=False) svd(x_tall)
solve(x_square,x_tall[:,:3]) solve_triangular(cholesky(x_positive),x_tall[:,:3],lower=True) lstsq(tall,right)
solve_triangular(x_positive,x_tall[:,:3]) lstsq(tall,right[:,0]) norm(x_square) norm(x_square,axis=1)
norm(x_square,ord=1,axis=-1) norm(x_square,ord=np.inf,axis=2,keepdims=True) norm(x_square,ord="fro",axis=(1,2))
norm(x_square,ord="nuc",axis=(1,2)) norm(x_square,ord=2,axis=(1,2)) norm(x_square,ord=-1,axis=(1,2))
norm(x_vectors,ord=3,axis=1) norm(x_vectors,ord=0,axis=1) jvp(lambda a:a**2,(x_square,),(x_square+1,))
jvp(lambda a,b:(a*b,a),(tall,tall+1),(tall,tall),has_aux=True)
"""
# Calls that Keras cannot make on symbolic tensors, or whose results' shapes or dtypes it gets wrong.
KERAS_IS_WRONG = {"lu_factor(x_square)"}


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS, tolerance=1e-4)
    assert_same_symbols(call, ops, None if call in KERAS_IS_WRONG else keras.ops, ARRAYS, values)


def test_every_function_is_tested():
    public = {name for name, value in vars(keras.ops.linalg).items() if inspect.isfunction(value)}
    assert sorted(public - functions(CASES) - {"eig"}) == []


def test_eigenvectors_of_a_matrix_that_is_not_symmetric():
    matrix = ARRAYS["x_square"][0]
    values, vectors = ops.eig(matrix)
    np.testing.assert_allclose(matrix @ np.asarray(vectors), np.asarray(vectors) * np.asarray(values), atol=1e-5)


def test_factors_multiply_back():
    x = ARRAYS["x_tall"]
    u, s, v = ops.svd(x, full_matrices=False)
    np.testing.assert_allclose((u * s[:, None, :]) @ v, x, atol=1e-5)
    q, r = ops.qr(x)
    np.testing.assert_allclose(q @ r, x, atol=1e-5)


def test_gradients_pass_through_a_solution():
    matrix, right = ARRAYS["x_square"][0], ARRAYS["x_vectors"][0][:, None]
    ours = jax.grad(lambda m: ops.sum(ops.solve(m, right)))(matrix)
    np.testing.assert_allclose(ours, jax.grad(lambda m: keras.ops.sum(keras.ops.solve(m, right)))(matrix), rtol=1e-4)


def test_inverses_of_a_batch_from_its_cholesky_factors():
    # Keras takes one matrix.
    batch = ARRAYS["x_positive"]
    inverses = ops.cholesky_inverse(ops.cholesky(batch))
    np.testing.assert_allclose(inverses @ batch, np.broadcast_to(np.eye(3), batch.shape), atol=1e-4)
