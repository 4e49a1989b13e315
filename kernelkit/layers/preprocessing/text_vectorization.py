"""`TextVectorization`: texts turned into indices of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernelkit import dtypes, serialize
from kernelkit.layers.preprocessing.batches import batches_of
from kernelkit.layers.preprocessing.encoding import encoded_shape
from kernelkit.layers.preprocessing.host_layer import HostLayer
from kernelkit.layers.preprocessing.string_lookup import StringLookup
from kernelkit.layers.preprocessing.strings import to_strings
from kernelkit.layers.preprocessing.text import SPLIT, STANDARDIZE, ngrams
from kernelkit.typing import Shapes, Tensor, Tree

__all__ = ["TextVectorization"]


class TextVectorization(HostLayer):
    """Turn texts into sequences of word indices, or into vectors that count words.

    A text is standardized and split into tokens, the tokens are joined to n-grams, and each n-gram is looked up in a
    vocabulary, given or learned with ``adapt``. The layer runs in Python, before a model's compiled step. ``fit`` and
    ``predict`` of such a model take texts.

    Args:
        max_tokens: Largest size of the vocabulary, special tokens included; ``None`` for no limit.
        standardize: ``"lower_and_strip_punctuation"``, ``"lower"``, ``"strip_punctuation"``, ``None``, or a function
            from an array of texts to an array of the same shape.
        split: ``"whitespace"``, ``"character"``, ``None`` (each text is a token), or a function from an array of texts
            (batch,) to a list of lists of tokens.
        ngrams: Int n for runs of 1 to n tokens; a tuple of the sizes of runs; or ``None`` for single tokens.
        output_mode: ``"int"``: indices (batch, tokens), padded with 0. ``"multi_hot"``, ``"count"``, ``"tf_idf"``:
            vectors (batch, vocabulary).
        output_sequence_length: Length in tokens to which texts are cut or padded, in ``"int"`` mode. Without it a batch
            is as long as its longest text, and a model is compiled again for each new length.
        pad_to_max_tokens: Whether vectors have ``max_tokens`` entries, even if the vocabulary is smaller.
        vocabulary: List or array of tokens, or the path of a text file with one in each line.
        idf_weights: Weight of each token of the vocabulary, for ``"tf_idf"``.
        sparse: Whether vectors are sparse arrays of jax (`BCOO`).
        ragged: Must be false: there are no ragged tensors.
        encoding: Encoding of byte strings.
        name: Name.
        **kwargs: ``dtype``, ``trainable``.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
        >>> layer(["Foo, qux bar!", "qux baz"])
        Array([[4, 1, 3, 0],
               [1, 2, 0, 0]], dtype=int32)
    """

    host_only = True

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Sequence[Any] | str | None = None,
        idf_weights: Tensor = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        learned = {name: kwargs.pop(name) for name in ("vocabulary_size", "vocabulary_learned") if name in kwargs}
        super().__init__(name=name, **kwargs)
        who = self.who()
        if ragged:
            raise ValueError(f"{who}: ragged=True is not supported, kernelkit has no ragged tensors. Leave it out.")
        if output_sequence_length is not None and output_mode != "int":
            raise ValueError(f"{who}: output_sequence_length is for output_mode='int' only, got {output_mode!r}.")
        if output_sequence_length is not None and output_sequence_length <= 0:
            raise ValueError(f"{who}: output_sequence_length must be positive, got {output_sequence_length}.")
        self.max_tokens = max_tokens
        self.standardize = _checked(standardize, STANDARDIZE, "standardize", who)
        self.split = _checked(split, SPLIT, "split", who)
        self.ngrams = ngrams
        self._sizes = _sizes(ngrams, who)
        self.output_sequence_length = output_sequence_length
        self.pad_to_max_tokens = pad_to_max_tokens
        self.ragged = False
        self.encoding = encoding
        self._lookup_layer = StringLookup(
            max_tokens,
            mask_token="",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            sparse=sparse,
            encoding=encoding,
            **learned,
        )
        self.output_mode = self._lookup_layer.output_mode
        self.sparse = self._lookup_layer.sparse
        self.built = True

    # The vocabulary ---------------------------------------------------------------------------------------------------

    @property
    def can_adapt(self) -> bool:
        """Whether the layer may adapt(): the vocabulary was not given."""
        return self._lookup_layer.can_adapt

    @property
    def is_adapted(self) -> bool:
        """Whether the layer has a vocabulary."""
        return self._lookup_layer.is_adapted

    def adapt(self, data: Tree, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens of a data set. An earlier vocabulary is replaced.

        Args:
            data: Array or list of texts, or iterable of such arrays (generator, `tf.data.Dataset`, `DataLoader`).
            batch_size: Number of texts to read at a time from an array.
            steps: Largest number of batches to take.

        Raises:
            ValueError: If the constructor was given a vocabulary.
        """
        self.reset_state()
        for batch in batches_of(data, steps, batch_size):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Tree) -> None:
        """Count the tokens of a batch of texts."""
        if self._lookup_layer._has_given:
            raise ValueError(f"{self.who()} was made with a vocabulary: it cannot adapt() to another one.")
        self._lookup_layer._count(self._tokenize(to_strings(data, self.encoding))[0])

    def finalize_state(self) -> None:
        """Make the vocabulary from the counted tokens."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Clear the counts; the vocabulary stays."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the tokens in the order of their indices.

        Args:
            include_special_tokens: Whether to include the padding ``""`` and the unknown token ``"[UNK]"``.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def set_vocabulary(self, vocabulary: Sequence[Any] | str | None, idf_weights: Tensor = None) -> None:
        """Set the tokens; see :meth:`StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def vocabulary_size(self) -> int:
        """Return the number of indices, including special tokens."""
        return self._lookup_layer.vocabulary_size()

    # Calling ----------------------------------------------------------------------------------------------------------

    def call(self, inputs: Tree) -> Tree:
        documents, shape = self._tokenize(to_strings(inputs, self.encoding))
        lookup = self._lookup_layer
        if not lookup._own:
            raise RuntimeError(f"{self.who()} has no vocabulary yet. Call adapt() on data, or pass vocabulary=[...].")
        rows = [lookup._indices_of(document) for document in documents]
        length = self.output_sequence_length
        if length is None:
            length = max((len(row) for row in rows), default=0)
        # After the end of a text: padding (0), or -1, which vectors ignore.
        indices = np.full((len(rows), length), 0 if self.output_mode == "int" else -1, "int64")
        for target, row in zip(indices, rows, strict=True):
            target[: len(row)] = row[:length]
        return lookup._encode(indices.reshape(*shape, length))

    def _tokenize(self, texts: np.ndarray) -> tuple[list[list[str]], tuple]:
        """Return the tokens of each text, and the shape of the texts without the token axis."""
        if isinstance(self.standardize, str):
            standardize = STANDARDIZE[self.standardize]
            flat = [standardize(text) for text in texts.ravel().tolist()]
        else:
            flat = self._standardized(texts)
        shape = texts.shape
        if self.split is None:
            width = shape[-1] if shape else 1
            documents = [flat[i : i + width] for i in range(0, len(flat), width or 1)]
            shape = shape[:-1]
        else:
            if len(shape) > 1:
                if shape[-1] != 1:
                    raise ValueError(
                        f"{self.who()} splits texts of shape (batch,) or (batch, 1), got {shape}. If the texts are "
                        "already split, pass split=None or use StringLookup."
                    )
                shape = shape[:-1]
            documents = self._split(flat)
        if self._sizes is not None:
            documents = [ngrams(document, self._sizes) for document in documents]
        return documents, shape

    def _standardized(self, texts: np.ndarray) -> list[str]:
        if self.standardize is None:
            return texts.ravel().tolist()
        result = to_strings(self.standardize(texts.astype(str)), self.encoding)
        if result.shape != texts.shape:
            raise ValueError(
                f"{self.who()}: standardize() was given texts of the shape {texts.shape} and returned {result.shape}; "
                "it must keep the shape."
            )
        return result.ravel().tolist()

    def _split(self, texts: list[str]) -> list[list[str]]:
        if isinstance(self.split, str):
            split = SPLIT[self.split]
            return [split(text) for text in texts]
        result = self.split(np.array(texts, dtype=str))
        rows = result.to_list() if hasattr(result, "to_list") else list(result)
        if len(rows) != len(texts) or any(isinstance(row, (str, bytes)) for row in rows):
            raise ValueError(
                f"{self.who()}: split() must return a list of tokens for each of the {len(texts)} texts, got "
                f"{result!r}."
            )
        return [to_strings(list(row), self.encoding).tolist() for row in rows]

    def compute_output_shape(self, input_shape: Shapes) -> tuple:
        shape = tuple(input_shape)
        if self.split is not None and len(shape) > 1:
            shape = shape[:-1]
        elif self.split is None and shape:
            shape, length = shape[:-1], shape[-1]
            return self._shape_of(shape, None if self._sizes is not None else length)
        return self._shape_of(shape, None)

    def _shape_of(self, shape: tuple, length: int | None) -> tuple:
        length = length if self.output_sequence_length is None else self.output_sequence_length
        return encoded_shape((*shape, length), _mode(self.output_mode), self._lookup_layer._depth())

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return "string"

    @property
    def output_dtype(self) -> str:
        """The dtype of the output: integers, except for ``"tf_idf"``."""
        return "float32" if self.output_mode == "tf_idf" else dtypes.canonical("int64").name

    # Files ------------------------------------------------------------------------------------------------------------

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal layer. A learned vocabulary is saved in a file of its own."""
        lookup = self._lookup_layer.get_config()
        kept = {k: lookup[k] for k in ("vocabulary", "idf_weights", "vocabulary_learned") if k in lookup}
        return super().get_config() | kept | {"vocabulary_size": self.vocabulary_size()}

    def save_own_variables(self, store: Any) -> None:
        """Write the weights of the tokens."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Read the weights that :meth:`save_own_variables` wrote."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder, unless the config has it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that :meth:`save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


def _mode(output_mode: str) -> str:
    return "count" if output_mode == "tf_idf" else output_mode


def _checked(value: Any, known: dict[str, Callable], name: str, who: str) -> Any:
    if value is None or callable(value) or value in known:
        return value
    raise ValueError(
        f"Unknown value for `{name}` of {who}: it must be one of {tuple(known)}, None or a function, got {value!r}."
    )


def _sizes(ngrams: Any, who: str) -> Sequence[int] | None:
    """Return the sizes of the n-grams."""
    if ngrams is None:
        return None
    if isinstance(ngrams, int) and not isinstance(ngrams, bool) and ngrams > 0:
        return range(1, ngrams + 1)
    if isinstance(ngrams, (tuple, list)) and all(isinstance(n, int) and n > 0 for n in ngrams):
        return tuple(ngrams)
    raise ValueError(f"{who}: ngrams must be None, a positive int or a tuple of them, got {ngrams!r}.")
