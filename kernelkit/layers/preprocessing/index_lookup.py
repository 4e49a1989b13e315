"""`IndexLookup`, the base of lookups: tokens turned into indices of a given or learned vocabulary."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit import dtypes, serialize
from kernelkit.layers.preprocessing import vocabulary as vocabularies
from kernelkit.layers.preprocessing.batches import batches_of
from kernelkit.layers.preprocessing.encoding import check_mode, check_sparse, encode, encoded_shape
from kernelkit.layers.preprocessing.host_layer import HostLayer
from kernelkit.typing import Shapes, Tensor, Tree

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_FILE = "vocabulary.txt"


class IndexLookup(HostLayer):
    """The base class of lookups. A subclass defines the type of tokens.

    The order of indices: the mask token (in ``"int"`` mode, if there is one), the indices for tokens that are out of
    the vocabulary (OOV), the tokens of the vocabulary.

    Args:
        max_tokens: Largest size of the vocabulary, special tokens included.
        num_oov_indices: Number of indices for unknown tokens.
        mask_token: Token for masked positions.
        oov_token: Token returned for unknown indices, if ``invert``.
        vocabulary: List or array of tokens, or the path of a text file.
        idf_weights: Weight of each token in ``"tf_idf"`` mode.
        invert: Whether the layer turns indices into tokens.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"``, ``"count"`` or ``"tf_idf"``.
        sparse: Whether vectors are sparse arrays of jax.
        pad_to_max_tokens: Whether vectors have ``max_tokens`` entries, even if the vocabulary is smaller.
        **kwargs: ``name``, ``dtype``, ``trainable``.
    """

    # Tokens are not parts of the layer: a walk over the parts skips them.
    _untracked = HostLayer._untracked | {"_own", "_table", "_counts", "_document_counts", "vocabulary", "idf_weights"}

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Sequence[Any] | str | None,
        idf_weights: Tensor,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        **kwargs: Any,
    ) -> None:
        size, was_learned = kwargs.pop("vocabulary_size", None), kwargs.pop("vocabulary_learned", False)
        super().__init__(**kwargs)
        who = self.who()
        if size is not None and (type(size) is not int or size < 0):
            raise ValueError(f"{who}: vocabulary_size must be a number of tokens, got {size!r}.")
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"{who}: max_tokens must be greater than 1, got {max_tokens}.")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"{who}: pad_to_max_tokens=True needs max_tokens.")
        if num_oov_indices < 0:
            raise ValueError(f"{who}: num_oov_indices must not be negative, got {num_oov_indices}.")
        output_mode = check_mode(output_mode, _MODES, who)
        if invert and output_mode != "int":
            raise ValueError(f"{who}: invert=True needs output_mode='int', got {output_mode!r}.")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(f"{who}: idf_weights are for output_mode='tf_idf' only, got {output_mode!r}.")
        serialize.claim_memory(8 * num_oov_indices, f"{who}: num_oov_indices={num_oov_indices}")
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = invert
        self.output_mode = output_mode
        self.sparse = check_sparse(sparse, output_mode, who)
        self.pad_to_max_tokens = pad_to_max_tokens
        self.built = True
        self._own: list = []
        self._table: dict[Any, int] = {}
        self._idf: np.ndarray | None = None
        # The size of the vocabulary, from a saved config; its file is read after the model is wired.
        self._announced_size: int | None = size
        self._has_given = vocabulary is not None and not was_learned
        self.reset_state()
        self.idf_weights = None if idf_weights is None else np.asarray(idf_weights, "float64").tolist()
        self.vocabulary: list | None = None
        if vocabulary is not None:
            tokens = self._read(vocabulary)
            if self._has_given and not isinstance(vocabulary, (str, os.PathLike)):
                self.vocabulary = tokens
            self.set_vocabulary(tokens, self.idf_weights)

    # Tokens -----------------------------------------------------------------------------------------------------------

    def _read(self, vocabulary: Sequence[Any] | str | None) -> list:
        return [self._as_token(t) for t in vocabularies.read_vocabulary(vocabulary, self.who())]

    def _as_token(self, value: Tensor) -> Any:
        """Return a token as Python's ``str`` or ``int``."""
        raise NotImplementedError

    def _tokens_of(self, data: Tree) -> np.ndarray:
        """Return data as an array of tokens."""
        raise NotImplementedError

    def _bin_of(self, token: Any) -> int:
        """Return the OOV index of an unknown token, counted from 0."""
        raise NotImplementedError

    # The vocabulary ---------------------------------------------------------------------------------------------------

    def _special(self) -> list:
        masks = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return masks + [self.oov_token] * self.num_oov_indices

    def vocabulary_size(self) -> int:
        """Return the number of indices, including special tokens."""
        if not self._own and self._announced_size is not None:
            return self._announced_size
        return len(self._special()) + len(self._own)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """Return the tokens in the order of their indices.

        Args:
            include_special_tokens: Whether to include the mask token and the OOV tokens.
        """
        return (self._special() if include_special_tokens else []) + list(self._own)

    def set_vocabulary(self, vocabulary: Sequence[Any] | str | None, idf_weights: Tensor = None) -> None:
        """Set the tokens.

        Args:
            vocabulary: List or array of tokens, or the path of a text file; with all special tokens at the beginning,
                or without special tokens.
            idf_weights: Weight of each of these tokens, needed in ``"tf_idf"`` mode. OOV tokens without a weight get
                the mean weight.

        Raises:
            ValueError: If tokens repeat, there are too many, or the weights don't fit.
        """
        who, special = self.who(), self._special()
        tokens = self._read(vocabulary)
        own = vocabularies.without_special_tokens(tokens, special, self.mask_token, self.oov_token, self.invert, who)
        if self.max_tokens is not None and len(special) + len(own) > self.max_tokens:
            raise ValueError(
                f"{who}: the vocabulary has {len(special) + len(own)} tokens (special ones included), which is more "
                f"than max_tokens={self.max_tokens}."
            )
        if self.output_mode == "tf_idf":
            self._idf = self._weights_for(tokens, own, idf_weights)
        elif idf_weights is not None:
            raise ValueError(f"{who}: idf_weights are for output_mode='tf_idf' only, got {self.output_mode!r}.")
        self._take(own)

    def _weights_for(self, tokens: list, own: list, idf_weights: Tensor) -> np.ndarray:
        who = self.who()
        if idf_weights is None:
            raise ValueError(f"{who}: a vocabulary in output_mode='tf_idf' needs idf_weights.")
        weights = np.asarray(idf_weights, "float32")
        if weights.ndim != 1 or len(weights) != len(tokens):
            raise ValueError(
                f"{who}: idf_weights must have one weight for each token: they have the shape {weights.shape}, the "
                f"vocabulary has {len(tokens)} tokens."
            )
        return weights if len(own) < len(tokens) else self._with_mean(weights)

    def _with_mean(self, weights: np.ndarray) -> np.ndarray:
        return np.concatenate([np.full(len(self._special()), weights.mean(), "float32"), weights])

    def _take(self, own: list) -> None:
        self._own = own
        self._table = {token: i for i, token in enumerate(own, start=len(self._special()))}
        if self.mask_token is not None:
            self._table[self.mask_token] = 0 if self.output_mode == "int" else -1

    # Learning the vocabulary ------------------------------------------------------------------------------------------

    @property
    def can_adapt(self) -> bool:
        """Whether the layer may adapt(): the vocabulary was not given."""
        return not self._has_given

    @property
    def is_adapted(self) -> bool:
        """Whether the layer has a vocabulary."""
        return bool(self._own) or self._announced_size is not None

    def adapt(self, data: Tree, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens of a data set. An earlier vocabulary is replaced.

        Args:
            data: Array, or iterable of arrays (generator, `tf.data.Dataset`, `DataLoader`).
            steps: Largest number of batches to take from an iterable.

        Raises:
            ValueError: If the constructor was given a vocabulary.
        """
        if self._has_given:
            raise ValueError(f"{self.who()} was made with a vocabulary: it cannot adapt() to another one.")
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Tree) -> None:
        """Count the tokens of a batch. In ``"tf_idf"`` mode each sample is a document."""
        if self._has_given:
            raise ValueError(f"{self.who()} was made with a vocabulary: it cannot learn another one.")
        tokens = self._tokens_of(data)
        self._count((tokens.reshape(-1, 1) if tokens.ndim < 2 else tokens.reshape(len(tokens), -1)).tolist())

    def _count(self, documents: list[list]) -> None:
        for document in documents:
            self._counts.update(document)
            if self.output_mode == "tf_idf":
                self._document_counts.update(set(document))
        self._documents += len(documents)

    def finalize_state(self) -> None:
        """Make the vocabulary from the counted tokens."""
        if self._has_given:
            return
        special = self._special()
        limit = None if self.max_tokens is None else self.max_tokens - len(special)
        own = vocabularies.most_frequent(self._counts, {self.mask_token, self.oov_token}, limit)
        if self.output_mode == "tf_idf":
            found = np.array([self._document_counts[token] for token in own], "float64")
            weights = np.log1p(self._documents / (1 + found)).astype("float32")
            self._idf = self._with_mean(weights) if own else np.zeros(len(special), "float32")
        self._take(own)
        self.reset_state()

    def reset_state(self) -> None:
        """Clear the counts; the vocabulary stays."""
        self._counts: Counter = Counter()
        self._document_counts: Counter = Counter()
        self._documents = 0

    # Calling ----------------------------------------------------------------------------------------------------------

    def call(self, inputs: Tree) -> Tree:
        if not self._own:
            raise RuntimeError(f"{self.who()} has no vocabulary yet. Call adapt() on data, or pass vocabulary=[...].")
        if self.invert:
            return self._invert(inputs)
        return self._encode(self._look_up(inputs))

    def _look_up(self, inputs: Tree) -> Tensor:
        tokens = self._tokens_of(inputs)
        return np.array(self._indices_of(tokens.ravel().tolist()), "int64").reshape(tokens.shape)

    def _indices_of(self, tokens: list) -> list[int]:
        first = len(self._special()) - self.num_oov_indices
        if self.num_oov_indices == 1:
            return [self._table.get(token, first) for token in tokens]
        found = [self._table.get(token) for token in tokens]
        return [self._unknown(t, first) if i is None else i for t, i in zip(tokens, found, strict=True)]

    def _unknown(self, token: Any, first: int) -> int:
        if self.num_oov_indices == 0:
            raise ValueError(
                f"{self.who()}: {token!r} is not in the vocabulary, and num_oov_indices=0 leaves no index for it."
            )
        return first + self._bin_of(token)

    def _encode(self, indices: Tensor) -> Tensor:
        if self.output_mode == "tf_idf":
            counts = encode(indices, "count", self._depth(), "float32", to_sparse=self.sparse)
            return counts * self._padded_idf()
        return encode(indices, self.output_mode, self._depth(), self.output_dtype, to_sparse=self.sparse)

    def _invert(self, indices: Tensor) -> Tensor:
        """Return tokens for indices, on the host."""
        tokens = np.array(self.get_vocabulary(), dtype=object)
        indices = np.asarray(indices).astype("int64")
        known = (indices >= 0) & (indices < len(tokens))
        result = np.where(known, tokens[np.where(known, indices, 0)], self.oov_token)
        return np.asarray(result, dtype=object)

    def _depth(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        return self.vocabulary_size()

    def _padded_idf(self) -> np.ndarray:
        assert self._idf is not None
        return np.pad(self._idf, (0, self._depth() - len(self._idf)))

    def compute_output_shape(self, input_shape: Shapes) -> tuple:
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return encoded_shape(input_shape, mode, self._depth())

    @property
    def output_dtype(self) -> str:
        """The dtype of the output: integers, except for ``"tf_idf"``."""
        return "float32" if self.output_mode == "tf_idf" else dtypes.canonical("int64").name

    # Files ------------------------------------------------------------------------------------------------------------

    def _in_config(self) -> bool:
        # The vocabulary file has one token per line: it cannot hold tokens with line breaks, or an empty last token.
        has_no_file = serialize.stands_alone() and bool(self._own)
        unfit = any("\n" in str(t) for t in self._own) or "" in self._own[-1:]
        return self.vocabulary is not None or has_no_file or unfit

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal layer. A learned vocabulary is saved in a file of its own."""
        config = super().get_config()
        if self._in_config() and self.vocabulary is None:
            config["vocabulary"] = self.get_vocabulary()
            config["idf_weights"] = None if self._idf is None else self._idf.tolist()
            if serialize.is_copy():
                config["vocabulary_learned"] = True
        return config | {"vocabulary_size": self.vocabulary_size() if self._own else None}

    def save_own_variables(self, store: Any) -> None:
        """Write the tokens' IDF weights, which are not variables but saved in the same way."""
        if self._idf is not None:
            store["idf_weights"] = self._padded_idf()

    def load_own_variables(self, store: Any) -> None:
        """Read the weights that :meth:`save_own_variables` wrote."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self._idf = np.asarray(store["idf_weights"], "float32")

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder, unless the config has it."""
        if not self._in_config():
            with open(os.path.join(dir_path, _FILE), "w", encoding="utf-8", newline="") as file:
                file.write("\n".join(str(token) for token in self.get_vocabulary()))

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that :meth:`save_assets` wrote."""
        path = os.path.join(dir_path, _FILE)
        if self.vocabulary is not None or not os.path.isfile(path):
            return
        with open(path, encoding="utf-8", newline="") as file:
            tokens = [self._as_token(token) for token in _lines(file.read(), len(self._special()))]
        special = self._special()
        if tokens != special:  # equal if the layer never learned a vocabulary
            self._take(
                vocabularies.without_special_tokens(
                    tokens, special, self.mask_token, self.oov_token, self.invert, self.who()
                )
            )
        if self._announced_size not in (None, self.vocabulary_size()):
            raise ValueError(
                f"{self.who()}: the config announces a vocabulary of {self._announced_size} tokens, but its file has "
                f"{self.vocabulary_size()}."
            )
        if self._idf is not None:
            self._idf = self._idf[: self.vocabulary_size()]


def _lines(text: str, at_least: int) -> list[str]:
    """Return the lines of a file, without empty lines at its end."""
    lines = text.split("\n")
    while len(lines) > at_least and not lines[-1]:
        lines.pop()
    return lines
