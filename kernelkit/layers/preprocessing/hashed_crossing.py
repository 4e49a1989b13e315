"""`HashedCrossing`: combinations of categories hashed into bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit import dtypes
from kernelkit.layers.preprocessing.encoding import check_mode, check_sparse, encode, encoded_shape
from kernelkit.layers.preprocessing.hashes import fingerprint64, fingerprint_cat64
from kernelkit.layers.preprocessing.host_layer import HostLayer
from kernelkit.typing import DType, Shapes, Tree

__all__ = ["HashedCrossing"]

_START = 0xDECAFCAFFE  # TensorFlow's key for crossed features


class HashedCrossing(HostLayer):
    """Hash several features together: each combination of values gets one of the bins.

    The bins equal those of Keras and TensorFlow. The layer runs in Python, before a model's compiled step.

    Args:
        num_bins: Number of bins.
        output_mode: ``"int"`` or ``"one_hot"``.
        sparse: Whether vectors are sparse arrays of jax (`BCOO`).
        name: Name.
        dtype: Dtype of the output; ``"int64"`` for ``"int"``, else :func:`kernelkit.config.floatx`.
        **kwargs: ``trainable``.

    Call arguments: a list or tuple of at least two arrays of strings or integers, all of shape (), (batch,) or
    (batch, 1).

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.HashedCrossing(num_bins=5)
        >>> layer((np.array(["A", "B", "A"]), np.array([101, 101, 102])))
        Array([1, 4, 3], dtype=int32)
    """

    host_only = True

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        if dtype is None:
            dtype = "int64" if output_mode == "int" else None
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.num_bins = num_bins
        self.output_mode = check_mode(output_mode, ("int", "one_hot"), self.who())
        self.sparse = check_sparse(sparse, self.output_mode, self.who())
        self.built = True

    def call(self, inputs: Tree) -> Tree:
        columns = self._checked(inputs)
        codes = [[_code(value) for value in column.ravel().tolist()] for column in columns]
        bins = np.fromiter((self._cross(row) for row in zip(*codes, strict=True)), "int64", columns[0].size)
        crossed = encode(
            bins.reshape(columns[0].shape), self.output_mode, self.num_bins, self.output_dtype, to_sparse=self.sparse
        )
        return crossed.astype(self.output_dtype)

    def _cross(self, codes: tuple[int, ...]) -> int:
        result = _START
        for code in codes:
            result = fingerprint_cat64(result, code)
        return result % self.num_bins

    def _checked(self, inputs: Tree) -> list[np.ndarray]:
        who = self.who()
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(f"{who} takes a list or tuple of at least two inputs, got {inputs!r}.")
        columns = [np.asarray(column) for column in inputs]
        shapes = [column.shape for column in columns]
        if len(set(shapes)) > 1:
            raise ValueError(f"{who}: all inputs must have the same shape, got {shapes}.")
        if len(shapes[0]) > 2 or (len(shapes[0]) == 2 and shapes[0][1] != 1):
            raise ValueError(f"{who}: inputs must have the shape (), (batch,) or (batch, 1), got {shapes[0]}.")
        if any(column.dtype.kind not in "iuO" for column in columns):
            raise ValueError(f"{who} crosses strings and integers, got {[str(column.dtype) for column in columns]}.")
        return columns

    def compute_output_shape(self, input_shape: Shapes) -> tuple:
        first = input_shape[0] if isinstance(input_shape[0], (list, tuple)) else input_shape
        return encoded_shape(first, self.output_mode, self.num_bins)

    @property
    def output_dtype(self) -> str:
        """The dtype of the output."""
        return dtypes.canonical(self.compute_dtype).name


def _code(value: str | int) -> int:
    return fingerprint64(value.encode()) if isinstance(value, str) else value % (1 << 64)
