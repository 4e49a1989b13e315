"""`StringLookup`: strings turned into indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit import serialize
from kernelkit.layers.preprocessing import vocabulary as vocabularies
from kernelkit.layers.preprocessing.hashing import as_salt, bin_of
from kernelkit.layers.preprocessing.index_lookup import IndexLookup
from kernelkit.layers.preprocessing.strings import to_strings
from kernelkit.typing import Tensor, Tree

__all__ = ["StringLookup"]


class StringLookup(IndexLookup):
    """Turn strings into the indices of a vocabulary, given or learned with ``adapt``.

    The layer runs in Python, before a model's compiled step. ``fit`` and ``predict`` of such a model take strings.

    Args:
        max_tokens: Largest size of the vocabulary, special tokens included; ``None`` for no limit.
        num_oov_indices: Number of indices for strings that are out of the vocabulary; a hash chooses among them. With
            0, such strings are an error.
        mask_token: String for masked positions: index 0 in ``"int"`` mode, ignored in the other modes.
        oov_token: String returned for unknown indices, if ``invert``.
        vocabulary: List or array of strings, or the path of a text file with one in each line.
        idf_weights: Weight of each string of the vocabulary, for ``"tf_idf"``.
        invert: Whether the layer turns indices into strings (an array of Python's ``str``).
        output_mode: ``"int"``: indices. ``"one_hot"``: a vector for each string. The other modes give a vector for each
            sample (the last axis is reduced): ``"multi_hot"``: zeros and ones; ``"count"``: counts; ``"tf_idf"``:
            counts times IDF weights.
        pad_to_max_tokens: Whether vectors have ``max_tokens`` entries, even if the vocabulary is smaller.
        sparse: Whether vectors are sparse arrays of jax (`BCOO`).
        encoding: Encoding of byte strings.
        name: Name.
        salt: One or two ints, to hash unknown strings with SipHash; ``None`` for FarmHash.

    Raises:
        ValueError: If a vocabulary repeats strings, is too large, or is a path in a file that is loaded in safe mode.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.StringLookup()
        >>> layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
        >>> layer.get_vocabulary()
        ['[UNK]', 'd', 'z', 'c', 'b', 'a']
        >>> layer([["a", "q"]])
        Array([[5, 0]], dtype=int32)
    """

    host_only = True

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Sequence[Any] | str | None = None,
        idf_weights: Tensor = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("oov_method", None)  # in Keras's configs; strings are always hashed
        self.encoding = encoding
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
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

    def _read(self, vocabulary: Sequence[Any] | str | None) -> list:
        return [self._as_token(t) for t in vocabularies.read_vocabulary(vocabulary, self.who(), self.encoding)]

    def _as_token(self, value: Tensor) -> str:
        return str(value)

    def _tokens_of(self, data: Tree) -> np.ndarray:
        return to_strings(data, self.encoding)

    def _bin_of(self, token: str) -> int:
        return bin_of(token, self.num_oov_indices, self.salt)

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return "string"

    @property
    def output_dtype(self) -> str:
        """The dtype of the output."""
        return "string" if self.invert else super().output_dtype

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal layer."""
        return super().get_config() | {"oov_method": "floormod"}
