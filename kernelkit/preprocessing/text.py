"""Text to numbers, under the old name ``keras.preprocessing.text``. New code uses `layers.TextVectorization`."""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """Return the words of a text.

    Args:
        input_text: The text.
        filters: Characters that end a word and are left out.
        lower: Whether to convert to lower case.
        split: Separator of words.

    Example:
        >>> text_to_word_sequence("The cat. The hat!")
        ['the', 'cat', 'the', 'hat']
    """
    text = input_text.lower() if lower else input_text
    text = text.translate({ord(c): split for c in filters})
    return [word for word in text.split(split) if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable | None = None,
) -> list[int]:
    """Return a number from 1 to ``n - 1`` for each word; different words may share one.

    Args:
        text: The text.
        n: Upper bound of the numbers; 0 is not used.
        hash_function: Function of a word, or ``"md5"`` (the same in every process); Python's ``hash`` by default.
        filters: Characters that end a word.
        lower: Whether to convert to lower case.
        split: Separator of words.
        analyzer: Function that splits a text into words, instead of the arguments above.

    Example:
        >>> hashing_trick("the cat the", 50, "md5")
        [43, 32, 43]
    """
    function: Callable
    if hash_function is None:
        function = hash
    elif hash_function == "md5":
        function = lambda w: int(hashlib.md5(w.encode(), usedforsecurity=False).hexdigest(), 16)  # noqa: E731
    else:
        assert callable(hash_function)
        function = hash_function
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [function(word) % (n - 1) + 1 for word in words]


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable | None = None,
) -> list[int]:
    """Return :func:`hashing_trick` with Python's ``hash``. Despite its name, it returns numbers, not vectors.

    Example:
        >>> from kernelkit.preprocessing import text
        >>> numbers = text.one_hot("the cat and the dog", n=50)
        >>> len(numbers), numbers[0] == numbers[3]
        (5, True)
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


class Tokenizer:
    """Learns the words of texts, and turns texts into word numbers; the most frequent word has number 1.

    Args:
        num_words: Only the ``num_words - 1`` most frequent words are kept; all by default.
        filters: Characters that end a word.
        lower: Whether to convert to lower case.
        split: Separator of words.
        char_level: Whether to count characters instead of words.
        oov_token: Token for unknown words; without it they are left out.
        analyzer: Function that splits a text into words, instead of the arguments above.

    Example:
        >>> tokenizer = Tokenizer(num_words=3, oov_token="?")
        >>> tokenizer.fit_on_texts(["the cat", "the hat"])
        >>> tokenizer.word_index, tokenizer.texts_to_sequences(["the dog"])
        ({'?': 1, 'the': 2, 'cat': 3, 'hat': 4}, [[2, 1]])
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable | None = None,
        **kwargs: Any,
    ) -> None:
        self.document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Tokenizer() got unknown arguments {sorted(kwargs)}.")
        self.word_counts: dict[str, int] = collections.OrderedDict()
        self.word_docs: dict[str, int] = collections.defaultdict(int)
        self.index_docs: dict[int, int] = collections.defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.num_words, self.filters, self.split, self.lower = num_words, filters, split, lower
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer

    def fit_on_texts(self, texts: Iterable) -> None:
        """Count the words of texts, each a string or a list of words; calls add up."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        ranked = sorted(self.word_counts, key=lambda w: -self.word_counts[w])  # stable: equal counts by first seen
        names = [*([] if self.oov_token is None else [self.oov_token]), *ranked]
        self.word_index = {word: i for i, word in enumerate(names, 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable) -> None:
        """Count the sequences that contain each number, for :meth:`sequences_to_matrix`."""
        for numbers in sequences:
            self.document_count += 1
            for i in set(numbers):
                self.index_docs[i] += 1

    def texts_to_sequences(self, texts: Iterable) -> list[list[int]]:
        """Return the numbers of the known words of each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable) -> Iterator[list[int]]:
        """Yield the items of :meth:`texts_to_sequences`."""
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = (self._known(self.word_index.get(word), unknown) for word in self._words(text))
            yield [i for i in numbers if i is not None]

    def _known(self, number: int | None, unknown: int | None) -> int | None:
        kept = number is not None and (not self.num_words or number < self.num_words)
        return number if kept else unknown

    def sequences_to_texts(self, sequences: Iterable) -> list[str]:
        """Return texts of the words of sequences of numbers."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable) -> Iterator[str]:
        """Yield the items of :meth:`sequences_to_texts`."""
        for numbers in sequences:
            words = []
            for number in numbers:
                word = self.index_word.get(number)
                if word is None or (self.num_words and number >= self.num_words):
                    word = self.oov_token
                if word is not None:
                    words.append(word)
            yield " ".join(words)

    def texts_to_matrix(self, texts: Iterable, mode: str = "binary") -> np.ndarray:
        """Return a row for each text; see :meth:`sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: list, mode: str = "binary") -> np.ndarray:
        """Return a row for each sequence and a column for each number.

        Args:
            sequences: Lists of numbers.
            mode: ``"binary"`` (1 if a number occurs), ``"count"`` (its count), ``"freq"`` (its share), or
                ``"tfidf"`` for ``(1 + log(count)) * log(1 + documents / (1 + documents with it))``.

        Returns:
            Array (sequences, ``num_words`` or the number of words + 1).
        """
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise ValueError(f"Unknown vectorization mode: {mode}. Give 'binary', 'count', 'freq' or 'tfidf'.")
        if not self.num_words and not self.word_index:
            raise ValueError("Specify a dimension (`num_words` argument), or fit on some text data first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Fit the Tokenizer on some data before using tfidf mode.")
        width = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), width))
        for row, numbers in zip(matrix, sequences, strict=True):
            for number, count in collections.Counter(numbers).items():
                if number >= width:
                    continue
                if mode == "count":
                    row[number] = count
                elif mode == "freq":
                    row[number] = count / len(numbers)
                elif mode == "binary":
                    row[number] = 1
                else:
                    idf = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
                    row[number] = (1 + np.log(count)) * idf
        return matrix

    def _words(self, text: Any) -> list[str]:
        if self.analyzer is not None:
            return self.analyzer(text)
        if self.char_level or isinstance(text, list):
            if not self.lower:
                return list(text)
            return [part.lower() for part in text]
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def get_config(self) -> dict:
        """Return all settings and counts; the tables as JSON texts."""
        tables = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        plain = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        return {n: getattr(self, n) for n in plain} | {n: json.dumps(getattr(self, n)) for n in tables}

    def to_json(self, **kwargs: Any) -> str:
        """Return the tokenizer as a JSON text; ``kwargs`` go to ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Return a tokenizer made from :meth:`Tokenizer.to_json`'s text.

    Example:
        >>> from kernelkit.preprocessing import text
        >>> tokenizer = text.Tokenizer()
        >>> tokenizer.fit_on_texts(["the cat and the dog"])
        >>> text.tokenizer_from_json(tokenizer.to_json()).texts_to_sequences(["the dog"])
        [[1, 4]]
    """
    config = json.loads(json_string)["config"]
    tables = {
        n: json.loads(config.pop(n)) for n in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
    }
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts = tables["word_counts"]
    tokenizer.word_docs.update(tables["word_docs"])
    tokenizer.index_docs.update({int(k): v for k, v in tables["index_docs"].items()})
    tokenizer.word_index = tables["word_index"]
    tokenizer.index_word = {int(k): v for k, v in tables["index_word"].items()}
    return tokenizer
