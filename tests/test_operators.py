"""Operators of symbolic tensors, variables and taped tensors that are not about numbers."""

import numpy as np
import pytest

import kernelkit as kk


def taped():
    with kk.GradientTape():
        return kk.Variable(np.ones(3, "float32")) * 2


@pytest.mark.parametrize("make", [lambda: kk.Input((3,)), lambda: kk.Variable(np.ones(3)), taped])
def test_a_tensor_does_not_equal_what_is_no_tensor(make):
    tensor = make()
    for other in ("name", b"name", None, {}, len, float):
        assert (tensor == other) is False and (tensor != other) is True
        assert (other == tensor) is False and (other != tensor) is True
    assert None not in [tensor] and tensor in ["name", tensor]
    assert (tensor == 1.0).shape == tensor.shape == (tensor != tensor).shape
