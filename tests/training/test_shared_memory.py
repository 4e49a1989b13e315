"""Rows read from NumPy's memory without a copy."""

import gc
import weakref

import numpy as np
import pytest

from kernelkit.training.shared_memory import SharedRows, can_share


@pytest.mark.parametrize("offset", range(0, 64, 4))
def test_any_alignment(offset):
    memory = np.arange(1000, dtype="float32")
    x = memory[offset // 4 :][:900].reshape(30, 3, 10)
    places = np.array([29, 0, 7, 7], "int32")
    np.testing.assert_array_equal(SharedRows(x).take(places), x[places])


def test_nothing_is_copied():
    x = np.zeros((1000, 8), "float32")
    rows = SharedRows(x)
    x[5] = 1.0  # a copy would not see it
    np.testing.assert_array_equal(rows.take(np.array([5], "int32")), np.ones((1, 8)))


def test_the_memory_lives_as_long_as_it_is_read():
    class Array(np.ndarray):
        pass

    x = np.ones((1000, 100), "float32").view(Array)
    alive = weakref.ref(x)
    rows = SharedRows(x)
    del x
    gc.collect()
    np.testing.assert_array_equal(rows.take(np.array([999], "int32")), np.ones((1, 100)))
    del rows
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), "float64"),
        np.zeros((4, 4), "int64"),
        np.asfortranarray(np.zeros((4, 4), "float32")),
        np.zeros((0, 4), "float32"),
        np.array(["a"]),
        [1.0],
    ],
    ids=["float64", "int64", "not contiguous", "empty", "text", "no array"],
)
def test_what_must_be_copied(array):
    assert not can_share(array)
