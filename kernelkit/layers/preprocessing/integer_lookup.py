"""`IntegerLookup`: arbitrary integers turned into contiguous indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.layers.preprocessing.decimal_hashes import decimal_bins
from kernelkit.layers.preprocessing.hashing import as_salt, bin_of
from kernelkit.layers.preprocessing.index_lookup import IndexLookup
from kernelkit.layers.preprocessing.strings import is_strings
from kernelkit.ops.numpy.ordering import way_of_search
from kernelkit.typing import Tensor, Tree

__all__ = ["IntegerLookup"]

_INT32 = np.iinfo("int32")


class IntegerLookup(IndexLookup):
    """Turn integers, such as identifiers, into the indices of a vocabulary, given or learned with ``adapt``.

    The layer runs inside compiled steps. With integers beyond 32 bits, or ``num_oov_indices=0``, it runs before a
    model's compiled step, like lookups of strings.

    Args:
        max_tokens: Largest size of the vocabulary, special tokens included; ``None`` for no limit.
        num_oov_indices: Number of indices for integers that are out of the vocabulary; ``oov_method`` chooses among
            them. With 0, such integers are an error.
        mask_token: Integer for masked positions: index 0 in ``"int"`` mode, ignored in the other modes.
        oov_token: Integer returned for unknown indices, if ``invert``.
        vocabulary: List or array of integers, or the path of a text file with one in each line.
        vocabulary_dtype: Must be ``"int64"``.
        idf_weights: Weight of each integer of the vocabulary, for ``"tf_idf"``.
        invert: Whether the layer turns indices into integers of the vocabulary.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"``, ``"count"`` or ``"tf_idf"``, as for
            :class:`StringLookup`.
        sparse: Whether vectors are sparse arrays of jax (`BCOO`).
        pad_to_max_tokens: Whether vectors have ``max_tokens`` entries, even if the vocabulary is smaller.
        oov_method: How an unknown integer gets its index: ``"floormod"`` by the remainder, ``"farmhash"`` by a hash.
        salt: One or two ints for SipHash, for ``"farmhash"`` only.
        name: Name.

    Raises:
        ValueError: If a vocabulary repeats integers, is too large, or is a path in a file that is loaded in safe mode.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])
        >>> layer([[12, 1138], [42, 1000]])
        Array([[1, 3],
               [4, 0]], dtype=int32)
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Sequence[Any] | str | None = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Tensor = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary_dtype != "int64":
            raise ValueError(f"IntegerLookup: vocabulary_dtype must be 'int64', got {vocabulary_dtype!r}.")
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(f"IntegerLookup: oov_method must be 'floormod' or 'farmhash', got {oov_method!r}.")
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"IntegerLookup: a salt needs oov_method='farmhash', got {oov_method!r}.")
        self.vocabulary_dtype = vocabulary_dtype
        self.oov_method = oov_method
        super().__init__(
            max_tokens,
            num_oov_indices,
            None if mask_token is None else int(mask_token),
            int(oov_token),
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            sparse,
            pad_to_max_tokens,
            name=name,
            **kwargs,
        )
        self.salt = as_salt(salt, self.who())

    def _as_token(self, value: Tensor) -> int:
        return int(value)

    def _tokens_of(self, data: Tree) -> np.ndarray:
        if is_strings(data):
            return np.asarray(data).astype("int64")
        data = np.asarray(data)
        if data.dtype.kind not in "biuf":
            raise ValueError(f"{self.who()} takes integers, got an array of {data.dtype}.")
        return data.astype("int64")

    def _bin_of(self, token: int) -> int:
        if self.oov_method == "floormod":
            return token % self.num_oov_indices
        return bin_of(str(token), self.num_oov_indices, self.salt)

    @property
    def host_only(self) -> bool:
        """Whether the layer cannot run in compiled steps: they have 32-bit integers and cannot raise errors."""
        tokens = [*self._own, self.oov_token if self.invert else 0]
        large = max(tokens) > _INT32.max or min(tokens) < _INT32.min
        return large or (self.num_oov_indices == 0 and not self.invert)

    def _look_up(self, inputs: Tree) -> Tensor:
        if not isinstance(inputs, jax.Array):
            return super()._look_up(inputs)
        return self._look_up_traced(inputs.astype("int32"))

    def _look_up_traced(self, values: jax.Array) -> jax.Array:
        """Look integers up by binary search in the sorted vocabulary."""
        order = np.argsort(self._own)
        tokens = jnp.asarray(np.array(self._own)[order], "int32")
        special = len(self._special())
        place = jnp.clip(jnp.searchsorted(tokens, values, method=way_of_search(len(order))), 0, len(order) - 1)
        first = special - self.num_oov_indices
        unknown = jnp.full(values.shape, first, "int32")
        if self.num_oov_indices > 1:
            count = self.num_oov_indices
            bins = values % count if self.oov_method == "floormod" else decimal_bins(values, count, self.salt)
            unknown = first + bins
        indices = jnp.where(tokens[place] == values, special + jnp.asarray(order, "int32")[place], unknown)
        if self.mask_token is not None:
            indices = jnp.where(values == self.mask_token, 0 if self.output_mode == "int" else -1, indices)
        return indices

    def _invert(self, indices: Tensor) -> Tensor:
        if not isinstance(indices, jax.Array):
            return super()._invert(indices).astype("int64")
        tokens = jnp.asarray(self.get_vocabulary(), "int32")
        known = (indices >= 0) & (indices < len(tokens))
        return jnp.where(known, tokens[jnp.where(known, indices, 0)], self.oov_token)

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return "int64"
