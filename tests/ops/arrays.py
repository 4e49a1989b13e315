"""The arrays that the tables of calls are made on, by their one-letter names."""

from __future__ import annotations

import numpy as np

_rng = np.random.default_rng(0)


def _floats(*shape: int) -> np.ndarray:
    return _rng.normal(size=shape).astype("float32")


_nan = np.array([[1.0, np.nan, 3.0, -2.0], [4.0, 5.0, np.nan, 0.5], [7.0, 1.5, 2.5, np.inf]], "float32")
ARRAYS = {
    "A": _floats(3, 4),
    "B": _floats(3, 4),
    "C": (_floats(3, 4) + 1j * _floats(3, 4)).astype("complex64"),
    "D": np.where(np.isinf(_nan), 6.0, _nan).astype("float32"),
    "E": np.array([1.0, 2.0, 4.0, 8.0], "float32"),
    "H": _floats(3, 4).astype("float16"),
    "I": _rng.integers(-5, 6, size=(3, 4)).astype("int32"),
    "J": _rng.integers(1, 9, size=(3, 4)).astype("int32"),
    "K": np.array([2, 0, 1, 2], "int32"),
    "N": _nan,
    "P": _rng.uniform(1.1, 3.0, size=(3, 4)).astype("float32"),
    "Q": _floats(2, 3, 4),
    "S": _floats(3, 3),
    "T": np.array([[True, False, True, False], [False, False, False, False], [True, True, True, True]]),
    "U": _rng.uniform(-0.9, 0.9, size=(3, 4)).astype("float32"),
    "V": _floats(4),
    "W": _floats(4, 3),
    "X": np.array([[3, 1, 0, 2], [0, 0, 1, 3], [2, 2, 1, 0]], "int32"),
    "np": np,
}
