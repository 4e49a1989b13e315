"""The number of kernels that layers add to a compiled step, on which the time to compile depends."""

from __future__ import annotations

import keras
import pytest

import kernelkit
from benchmarks.program_sizes import NETS, attention, net, sizes

pytestmark = pytest.mark.one_in(3)


@pytest.mark.parametrize("name", ["LSTM", "BatchNormalization", "Dropout"])
def test_layers_need_no_more_kernels_than_in_keras(name):
    ours, theirs = (sizes(net(package, *NETS[name]))[1] for package in (kernelkit, keras))
    assert 0 < ours <= theirs


def test_attention_needs_no_more_kernels_than_in_keras():
    ours, theirs = (sizes(attention(package, True))[1] for package in (kernelkit, keras))
    assert 0 < ours <= theirs
