"""Parts of batches and of graphs, compared with Keras."""

import keras
import numpy as np
import pytest

import kernelkit as kk


@pytest.mark.parametrize("arguments", [(1,), ([1],), ({"a": 1},), ((1,),), (1, None, 3), (1, 2), (1, 2, 3)])
def test_packing(arguments):
    assert kk.utils.pack_x_y_sample_weight(*arguments) == keras.utils.pack_x_y_sample_weight(*arguments)


@pytest.mark.parametrize("data", [1, [1, 2], (1,), (1, 2, 3), {"a": 1}])
def test_unpacking(data):
    assert kk.utils.unpack_x_y_sample_weight(data) == keras.utils.unpack_x_y_sample_weight(data)


def test_too_many_parts():
    with pytest.raises(ValueError, match="Data is expected"):
        kk.utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_source_inputs():
    a, b, c = kk.Input((2,)), kk.Input((2,)), kk.Input((2,))
    x = kk.layers.add([a, b])
    y = kk.layers.Dense(2)(kk.layers.add([x, kk.ops.tanh(x)]))
    assert [id(t) for t in kk.utils.get_source_inputs(y)] == [id(a), id(b)]
    assert kk.utils.get_source_inputs(c) == [c]


def test_names():
    assert kk.utils.is_keras_tensor(kk.Input((2,))) and not kk.utils.is_keras_tensor(np.ones(2))
    assert kk.utils.standardize_dtype(None) == "float32" and kk.utils.standardize_dtype(np.int32) == "int32"
    assert kk.utils.get_registered_name(obj=kk.layers.Dense) == "Dense"
