"""Pooling, convolutions and patches of `ops.nn`, call by call as in Keras.

What convolutions are lowered to is tested in test_lowering.py.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kernelkit import ops
from tests.ops.oracle import assert_same_symbols, assert_same_values, calls

pytestmark = pytest.mark.one_in(4)

_rng = np.random.default_rng(1)


def _floats(*shape):
    return _rng.normal(size=shape).astype("float32")


ARRAYS = {
    "x_seq": _floats(2, 9, 3),
    "x_image": _floats(2, 7, 8, 3),
    "x_first": _floats(2, 3, 7, 8),
    "x_volume": _floats(1, 5, 4, 6, 2),
    "x_even": _floats(2, 4, 6, 8),
    "x_columns": _floats(2, 12, 9),
    "k1": _floats(3, 3, 5),
    "k2": _floats(3, 2, 3, 4),
    "g2": _floats(3, 2, 4, 6),
    "k3": _floats(2, 2, 2, 2, 3),
    "t1": _floats(3, 5, 3),
    "t2": _floats(3, 2, 4, 3),
    "d1": _floats(3, 3, 2),
    "d2": _floats(3, 2, 3, 2),
    "p1": _floats(1, 6, 4),
    "p2": _floats(1, 1, 6, 4),
    "x_flags": _floats(2, 4, 5, 3) > 0,
}


CASES = """
max_pool(x_flags,2,2)
average_pool(x_seq,2,2) average_pool(x_image,2,2) average_pool(x_image,(3,2),strides=1,padding="same")
average_pool(x_first,2,2,data_format="channels_first") average_pool(x_volume,2,2,padding="same") max_pool(x_seq,2,1)
max_pool(x_image,2,2) max_pool(x_image,(3,2),strides=(1,2),padding="same")
max_pool(x_first,2,2,data_format="channels_first") max_pool(x_volume,2,2) adaptive_average_pool(x_seq,(4,))
adaptive_average_pool(x_image,(3,5)) adaptive_max_pool(x_image,(3,5))
adaptive_max_pool(x_first,(2,3),data_format="channels_first") adaptive_average_pool(x_volume,(2,2,3))

conv(x_seq,k1) conv(x_seq,k1,2,"same") conv(x_image,k2) conv(x_image,k2,(2,1),"same") conv(x_image,k2,dilation_rate=2)
conv(x_first,k2,2,data_format="channels_first") conv(x_volume,k3) conv(x_volume,k3,2,"same") conv(x_even,g2)
depthwise_conv(x_seq,d1) depthwise_conv(x_image,d2,2,"same") depthwise_conv(x_image,d2,dilation_rate=2)
depthwise_conv(x_first,d2,data_format="channels_first") separable_conv(x_seq,d1,p1)
separable_conv(x_image,d2,p2,2,"same") conv_transpose(x_seq,t1) conv_transpose(x_seq,t1,2,"same")
conv_transpose(x_image,t2,2) conv_transpose(x_image,t2,2,"same") conv_transpose(x_image,t2,2,"same",output_padding=1)
conv_transpose(x_image,t2,1,dilation_rate=2) conv_transpose(x_first,t2,2,data_format="channels_first")

depth_to_space(x_even,2) space_to_depth(x_even,2) space_to_depth(x_even,2,data_format="channels_first")
depth_to_space(x_even,2,data_format="channels_first") unfold(x_first,2)
unfold(x_first,(2,3),dilation=2,padding=1,stride=2) fold(x_columns,(4,4),2) fold(x_columns,(6,6),2,stride=2)
"""
# Calls that Keras cannot make on symbolic tensors, or whose results' shapes or dtypes it gets wrong.
KERAS_IS_WRONG = set(
    calls(
        """
adaptive_average_pool(x_seq,(4,)) adaptive_average_pool(x_image,(3,5)) adaptive_max_pool(x_image,(3,5))
adaptive_average_pool(x_volume,(2,2,3)) conv(x_even,g2)
"""
    )
)


@pytest.mark.parametrize("call", calls(CASES))
def test_values_dtypes_and_symbolic_results_are_those_of_keras(call):
    values = assert_same_values(call, ops, keras.ops, ARRAYS)
    assert_same_symbols(call, ops, None if call in KERAS_IS_WRONG else keras.ops, ARRAYS, values)


def test_pooling_windows_lie_side_by_side_by_default():
    # Keras's pooling functions fail without strides.
    x = ARRAYS["x_image"]
    np.testing.assert_array_equal(ops.max_pool(x, 2), ops.max_pool(x, 2, 2))
    np.testing.assert_array_equal(ops.average_pool(x, (3, 2)), ops.average_pool(x, (3, 2), (3, 2)))
