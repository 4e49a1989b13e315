"""The functions of `ops.nn` without windows, call by call as in Keras."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kernelkit import ops
from tests.ops import test_nn_windows
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

pytestmark = pytest.mark.one_in(3)

_rng = np.random.default_rng(1)


def _floats(*shape):
    return _rng.normal(size=shape).astype("float32")


_scores = _rng.uniform(0.05, 0.95, (3, 4)).astype("float32")
ARRAYS = {
    "x_": 2 * _floats(3, 4),
    "x_half": _floats(3, 4).astype("float16"),
    "x_int": np.array([[0, 2, 1], [3, 0, 2], [1, 1, 0]], "int32"),
    "x_index": np.array([1, 0, 3], "int32"),
    "x_probs": _scores / _scores.sum(-1, keepdims=True),
    "x_binary": (_scores > 0.5).astype("float32"),
    "x_onehot": np.eye(4, dtype="float32")[[1, 0, 3]],
    "x_seq": _floats(2, 9, 3),
    "x_first": _floats(2, 3, 7, 8),
    "x_heads": _floats(2, 5, 2, 4),
    "x_keys": _floats(2, 6, 2, 4),
    "x_mask": _rng.uniform(size=(2, 2, 5, 6)) > 0.3,
    "x_labels": np.array([[1, 2, 0], [3, 1, 0]], "int32"),
    "x_logits": _floats(2, 7, 5),
    "x_lengths": np.array([2, 2], "int32"),
    "x_times": np.array([7, 6], "int32"),
    "v4": _rng.uniform(0.5, 2.0, 4).astype("float32"),
    "w4": _floats(4),
}


CASES = """
relu(x_) relu(x_int-1) relu6(x_) leaky_relu(x_) leaky_relu(x_,0.1) elu(x_) elu(x_,0.5) celu(x_) celu(x_,2.0) selu(x_)
gelu(x_) gelu(x_,approximate=False) silu(x_) swish(x_) sigmoid(x_) sigmoid(x_half) log_sigmoid(x_) hard_sigmoid(x_)
hard_silu(x_) hard_swish(x_) hard_tanh(x_) hard_shrink(x_) hard_shrink(x_,1.0) soft_shrink(x_) soft_shrink(x_,0.1)
tanh_shrink(x_) softplus(x_) softsign(x_) squareplus(x_) squareplus(x_,1) sparse_plus(x_) sparse_sigmoid(x_)
threshold(x_,0.5,-1.0) relu(x_half) gelu(x_half) softplus(x_half)

softmax(x_) softmax(x_,axis=0) softmax(x_seq,axis=(1,2)) softmax(x_half) log_softmax(x_) log_softmax(x_seq,axis=1)
log_softmax(x_seq,axis=(0,1)) glu(x_) glu(x_seq[:,:8],axis=1)

one_hot(x_index,5) one_hot(x_int,4,axis=1) one_hot(x_int,4,dtype="bool") one_hot(x_index-1,3) multi_hot(x_int,4)
multi_hot(x_int,4,dtype="int32") multi_hot(x_int,4,axis=1) normalize(x_) normalize(x_,axis=0,order=1)
normalize(x_,order=3) normalize(x_*0) moments(x_,axes=[0]) moments(x_seq,axes=[0,1],keepdims=True)
moments(x_half,axes=[0]) moments(x_,axes=None) relu([-1,2]) hard_tanh(2)
batch_normalization(x_,w4,v4,-1) batch_normalization(x_,w4,v4,-1,w4,v4,0.1)
batch_normalization(x_first,w4[:3],v4[:3],1) layer_normalization(x_) layer_normalization(x_,v4,w4)
layer_normalization(x_seq,axis=(1,2),epsilon=0.1) layer_normalization(x_half) rms_normalization(x_)
rms_normalization(x_,v4) rms_normalization(x_seq,axis=(1,2),epsilon=0.1) polar(x_,x_) psnr(x_,x_+0.1,2.0)

binary_crossentropy(x_binary,x_probs) binary_crossentropy(x_binary,x_,from_logits=True)
binary_crossentropy(x_binary,x_binary) categorical_crossentropy(x_onehot,x_probs)
categorical_crossentropy(x_onehot,x_,from_logits=True) categorical_crossentropy(x_onehot,x_probs,axis=0)
sparse_categorical_crossentropy(x_index,x_probs) sparse_categorical_crossentropy(x_index,x_,from_logits=True)
sparse_categorical_crossentropy(x_index[:,None],x_probs) ctc_loss(x_labels,x_logits,x_lengths,x_times)
ctc_loss(x_labels-1,x_logits,x_lengths,x_times,mask_index=4) ctc_decode(x_logits,x_times)
ctc_decode(x_logits,x_times,merge_repeated=False,mask_index=4)
ctc_decode(x_logits,x_times,strategy="beam_search",beam_width=2,top_paths=2)

dot_product_attention(x_heads,x_keys,x_keys) dot_product_attention(x_heads,x_heads,x_heads,is_causal=True)
dot_product_attention(x_heads,x_keys,x_keys,mask=x_mask,scale=0.3)
"""
# Calls that Keras cannot make on symbolic tensors, or whose results' shapes or dtypes it gets wrong.
KERAS_IS_WRONG = set(
    calls(
        """
polar(x_,x_) multi_hot(x_int,4) multi_hot(x_int,4,axis=1) categorical_crossentropy(x_onehot,x_probs,axis=0)
"""
    )
)


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS)
    assert_same_symbols(call, ops, None if call in KERAS_IS_WRONG else keras.ops, ARRAYS, values)


@pytest.mark.parametrize(("x", "axis"), [("x_", -1), ("x_seq", 1)])
def test_sparsemax_is_the_nearest_point_of_the_simplex(x, axis):
    # Keras's rows don't sum to one. On the simplex, x - p is the same wherever p is not 0, and no more elsewhere.
    x = np.moveaxis(ARRAYS[x], axis, -1)
    p = np.moveaxis(np.asarray(ops.sparsemax(np.moveaxis(x, -1, axis), axis=axis)), axis, -1)
    assert (p >= 0).all() and p[..., None].shape[:-1] == x.shape
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)
    rest = x - p
    level = np.where(p > 0, rest, -np.inf).max(-1, keepdims=True)
    np.testing.assert_allclose(np.where(p > 0, rest, level), np.broadcast_to(level, x.shape), atol=1e-5)
    assert (rest <= level + 1e-5).all()


def test_every_function_is_in_the_tables():
    public = {name for name, value in vars(keras.ops.nn).items() if inspect.isfunction(value)}
    assert sorted(public - functions(CASES + test_nn_windows.CASES) - {"sparsemax"}) == []


@pytest.mark.parametrize("axis", [-1, 0, 1, -3])
def test_softmax_inside_jit_is_that_of_jax_and_its_gradient_too(axis):
    x = jnp.asarray(np.random.default_rng(0).normal(0, 20, (2, 3, 4)), "float32")
    x = x.at[0].set(-jnp.inf).at[0, 0, 0].set(0)  # masked scores
    weights = jnp.arange(24.0).reshape(2, 3, 4)

    def both(function):
        return jax.jit(jax.value_and_grad(lambda x: (function(x) * weights).sum()))(x)

    ours, theirs = both(lambda x: ops.softmax(x, axis)), both(lambda x: jax.nn.softmax(x, axis=axis))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-4, atol=1e-5)
