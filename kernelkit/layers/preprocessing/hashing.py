"""`Hashing`: categories hashed into bins, without a vocabulary."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes
from kernelkit.layers.preprocessing.decimal_hashes import decimal_bins
from kernelkit.layers.preprocessing.encoding import check_mode, check_sparse, encode, encoded_shape
from kernelkit.layers.preprocessing.hashes import fingerprint64, siphash
from kernelkit.layers.preprocessing.host_layer import HostLayer
from kernelkit.typing import Shapes, Tree

__all__ = ["Hashing"]


class Hashing(HostLayer):
    """Hash strings or integers into bins.

    The bins equal those of Keras and TensorFlow. Strings are hashed in Python, before a model's compiled step; integers
    are hashed inside of it.

    Args:
        num_bins: Number of bins, including the bin of the mask.
        mask_value: Value that gets bin 0. Other values never get bin 0 then.
        salt: One or two ints: the key of SipHash-2-4; ``None`` for FarmHash's fingerprint.
        output_mode: ``"int"``: indices of bins. ``"one_hot"``: a vector for each value. ``"multi_hot"``, ``"count"``: a
            vector for each sample (the last axis is reduced).
        sparse: Whether vectors are sparse arrays of jax (`BCOO`).
        **kwargs: ``name``, ``dtype``, ``trainable``.

    Raises:
        ValueError: If an argument is invalid.

    Source: FarmHash, https://github.com/google/farmhash; Aumasson and Bernstein, 2012, SipHash.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Hashing(num_bins=3)([["A"], ["B"], ["E"]])
        Array([[1],
               [0],
               [2]], dtype=int32)
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else None
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(f"{self.who()}: num_bins must be positive, got {num_bins!r}.")
        self.num_bins = num_bins
        self.mask_value = mask_value
        self.salt = as_salt(salt, self.who())
        self.output_mode = check_mode(output_mode, ("int", "one_hot", "multi_hot", "count"), self.who())
        self.sparse = check_sparse(sparse, self.output_mode, self.who())
        if output_mode == "int" and not dtypes.is_int(self.compute_dtype):
            raise ValueError(f"{self.who()}: output_mode='int' needs an integer dtype, got {self.compute_dtype!r}.")
        self.built = True

    def call(self, inputs: Tree) -> Tree:
        bins = self._traced(inputs) if isinstance(inputs, jax.Array) else self._on_host(np.asarray(inputs))
        encoded = encode(bins, self.output_mode, self.num_bins, self.output_dtype, to_sparse=self.sparse)
        return encoded.astype(self.output_dtype)

    def _on_host(self, inputs: np.ndarray) -> np.ndarray:
        values, places = np.unique(_hashable(inputs, self.who()), return_inverse=True)
        bins = np.fromiter((self._bin(value) for value in values.tolist()), "int64", len(values))
        return bins[places].reshape(inputs.shape)

    def _bin(self, value: str | int) -> int:
        if self.mask_value is None or self.num_bins == 1:
            return bin_of(str(value), self.num_bins, self.salt)
        is_mask = type(self.mask_value) is type(value) and value == self.mask_value
        return 0 if is_mask else 1 + bin_of(str(value), self.num_bins - 1, self.salt)

    def _traced(self, values: jax.Array) -> jax.Array:
        if not jnp.issubdtype(values.dtype, jnp.integer) and values.dtype != jnp.bool_:
            raise ValueError(f"{self.who()} hashes strings and integers, got an array of {values.dtype}.")
        if self.mask_value is None or self.num_bins == 1:
            return decimal_bins(values, self.num_bins, self.salt)
        return jnp.where(values == self.mask_value, 0, 1 + decimal_bins(values, self.num_bins - 1, self.salt))

    def compute_output_shape(self, input_shape: Shapes) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    @property
    def output_dtype(self) -> str:
        """The dtype of the output."""
        return dtypes.canonical(self.compute_dtype).name


def as_salt(salt: Any, who: str) -> tuple[int, int] | None:
    """Return a salt as the two numbers of a key; a single number is used twice.

    Raises:
        ValueError: If the salt is not one or two ints.
    """
    if salt is None:
        return None
    if isinstance(salt, (int, np.integer)) and not isinstance(salt, bool):
        return int(salt), int(salt)
    if isinstance(salt, (list, tuple)) and len(salt) == 2 and all(isinstance(s, (int, np.integer)) for s in salt):
        return int(salt[0]), int(salt[1])
    raise ValueError(f"{who}: salt must be an int or two ints, got {salt!r}.")


def bin_of(text: str, bins: int, salt: tuple[int, int] | None) -> int:
    """Return the bin of a string.

    Example:
        >>> [bin_of(text, 3, None) for text in "ABCDE"]
        [1, 0, 1, 1, 2]
    """
    data = text.encode()
    return (fingerprint64(data) if salt is None else siphash(data, salt)) % bins


def _hashable(inputs: np.ndarray, who: str) -> np.ndarray:
    if inputs.dtype.kind == "b":
        return inputs.astype("int64")
    if inputs.dtype.kind not in "iuO":
        raise ValueError(f"{who} hashes strings and integers, got an array of {inputs.dtype}.")
    return inputs
