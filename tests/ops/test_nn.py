"""The functions of `ops.nn`, call by call as in Keras. What its convolutions are lowered to is in test_lowering.py."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

from kernelkit import ops
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls, functions

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
    "x_image": _floats(2, 7, 8, 3),
    "x_first": _floats(2, 3, 7, 8),
    "x_volume": _floats(1, 5, 4, 6, 2),
    "x_even": _floats(2, 4, 6, 8),
    "x_heads": _floats(2, 5, 2, 4),
    "x_keys": _floats(2, 6, 2, 4),
    "x_mask": _rng.uniform(size=(2, 2, 5, 6)) > 0.3,
    "x_columns": _floats(2, 12, 9),
    "x_labels": np.array([[1, 2, 0], [3, 1, 0]], "int32"),
    "x_logits": _floats(2, 7, 5),
    "x_lengths": np.array([2, 2], "int32"),
    "x_times": np.array([7, 6], "int32"),
    "v4": _rng.uniform(0.5, 2.0, 4).astype("float32"),
    "w4": _floats(4),
    "k1": _floats(3, 3, 5),
    "k2": _floats(3, 2, 3, 4),
    "k3": _floats(2, 2, 2, 2, 3),
    "t1": _floats(3, 5, 3),
    "t2": _floats(3, 2, 4, 3),
    "d1": _floats(3, 3, 2),
    "d2": _floats(3, 2, 3, 2),
    "p1": _floats(1, 6, 4),
    "p2": _floats(1, 1, 6, 4),
}

POINTWISE = """
relu(x_) relu(x_int-1) relu6(x_) leaky_relu(x_) leaky_relu(x_,0.1) elu(x_) elu(x_,0.5) celu(x_) celu(x_,2.0) selu(x_) gelu(x_)
gelu(x_,approximate=False) silu(x_) swish(x_) sigmoid(x_) sigmoid(x_half) sigmoid(x_int) log_sigmoid(x_) hard_sigmoid(x_)
hard_silu(x_) hard_swish(x_) hard_tanh(x_) hard_shrink(x_) hard_shrink(x_,1.0) soft_shrink(x_) soft_shrink(x_,0.1)
tanh_shrink(x_) softplus(x_) softsign(x_) squareplus(x_) squareplus(x_,1) sparse_plus(x_) sparse_sigmoid(x_)
threshold(x_,0.5,-1.0) relu(x_half) gelu(x_half) softplus(x_half)

softmax(x_) softmax(x_,axis=0) softmax(x_seq,axis=(1,2)) softmax(x_half) log_softmax(x_) log_softmax(x_seq,axis=1)
log_softmax(x_seq,axis=(0,1)) sparsemax(x_) sparsemax(x_seq,axis=1) glu(x_) glu(x_seq[:,:8],axis=1)

one_hot(x_index,5) one_hot(x_int,4,axis=1) one_hot(x_int,4,dtype="bool") one_hot(x_index-1,3) multi_hot(x_int,4)
multi_hot(x_int,4,dtype="int32") multi_hot(x_int,4,axis=1)
normalize(x_) normalize(x_,axis=0,order=1) normalize(x_,order=3) normalize(x_*0) normalize(x_int,axis=1)
moments(x_,axes=[0]) moments(x_seq,axes=[0,1],keepdims=True) moments(x_half,axes=[0])
batch_normalization(x_,w4,v4,-1) batch_normalization(x_,w4,v4,-1,w4,v4,0.1) batch_normalization(x_first,w4[:3],v4[:3],1)
layer_normalization(x_) layer_normalization(x_,v4,w4) layer_normalization(x_seq,axis=(1,2),epsilon=0.1)
layer_normalization(x_half) rms_normalization(x_) rms_normalization(x_,v4) rms_normalization(x_seq,axis=(1,2),epsilon=0.1)
polar(x_,x_) psnr(x_,x_+0.1,2.0)

binary_crossentropy(x_binary,x_probs) binary_crossentropy(x_binary,x_,from_logits=True) binary_crossentropy(x_binary,x_binary)
categorical_crossentropy(x_onehot,x_probs) categorical_crossentropy(x_onehot,x_,from_logits=True)
categorical_crossentropy(x_onehot,x_probs,axis=0) sparse_categorical_crossentropy(x_index,x_probs)
sparse_categorical_crossentropy(x_index,x_,from_logits=True) sparse_categorical_crossentropy(x_index[:,None],x_probs)
ctc_loss(x_labels,x_logits,x_lengths,x_times) ctc_loss(x_labels-1,x_logits,x_lengths,x_times,mask_index=4)
ctc_decode(x_logits,x_times) ctc_decode(x_logits,x_times,merge_repeated=False,mask_index=4)
ctc_decode(x_logits,x_times,strategy="beam_search",beam_width=4,top_paths=2)

dot_product_attention(x_heads,x_keys,x_keys) dot_product_attention(x_heads,x_heads,x_heads,is_causal=True)
dot_product_attention(x_heads,x_keys,x_keys,mask=x_mask,scale=0.3)
dot_product_attention(x_heads,x_keys,x_keys,attn_logits_soft_cap=1.5)
"""
WINDOWS = """
average_pool(x_seq,2) average_pool(x_image,2) average_pool(x_image,(3,2),strides=1,padding="same")
average_pool(x_first,2,data_format="channels_first") average_pool(x_volume,2,padding="same") max_pool(x_seq,2,1)
max_pool(x_image,2) max_pool(x_image,(3,2),strides=(1,2),padding="same") max_pool(x_first,2,data_format="channels_first")
max_pool(x_volume,2) adaptive_average_pool(x_seq,(4,)) adaptive_average_pool(x_image,(3,5)) adaptive_max_pool(x_image,(3,5))
adaptive_max_pool(x_first,(2,3),data_format="channels_first") adaptive_average_pool(x_volume,(2,2,3))

conv(x_seq,k1) conv(x_seq,k1,2,"same") conv(x_seq,k1,padding="causal") conv(x_image,k2) conv(x_image,k2,(2,1),"same")
conv(x_image,k2,dilation_rate=2) conv(x_first,k2,2,data_format="channels_first") conv(x_volume,k3) conv(x_volume,k3,2,"same")
conv(x_even,k2) depthwise_conv(x_seq,d1) depthwise_conv(x_image,d2,2,"same") depthwise_conv(x_image,d2,dilation_rate=2)
depthwise_conv(x_first,d2,data_format="channels_first") separable_conv(x_seq,d1,p1) separable_conv(x_image,d2,p2,2,"same")
conv_transpose(x_seq,t1) conv_transpose(x_seq,t1,2,"same") conv_transpose(x_image,t2,2) conv_transpose(x_image,t2,2,"same")
conv_transpose(x_image,t2,2,"same",output_padding=1) conv_transpose(x_image,t2,1,dilation_rate=2)
conv_transpose(x_first,t2,2,data_format="channels_first")

depth_to_space(x_even,2) depth_to_space(x_first[:,:,:4,:4].transpose(0,2,3,1)@t1[0].T[:,:4],2) space_to_depth(x_even,2)
space_to_depth(x_even,2,data_format="channels_first") depth_to_space(x_even,2,data_format="channels_first")
unfold(x_first,2) unfold(x_first,(2,3),dilation=2,padding=1,stride=2) fold(x_columns,(4,4),2) fold(x_columns,(6,6),2,stride=2)
"""
# Calls that Keras cannot make on symbolic tensors, or whose results' shapes or dtypes it gets wrong.
KERAS_IS_WRONG = set(calls("polar(x_,x_) multi_hot(x_int,4) multi_hot(x_int,4,axis=1)"))


@pytest.mark.parametrize("call", calls(POINTWISE + WINDOWS))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS)
    assert_same_symbols(call, ops, None if call in KERAS_IS_WRONG else keras.ops, ARRAYS, values)


def test_every_function_is_in_the_table():
    public = {name for name, value in vars(keras.ops.nn).items() if inspect.isfunction(value)}
    assert sorted(public - functions(POINTWISE + WINDOWS)) == []
