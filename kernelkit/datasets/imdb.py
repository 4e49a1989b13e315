"""IMDB: 50,000 positive and negative reviews of movies."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.datasets import npz, words
from kernelkit.datasets.files import fetch


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return the IMDB reviews as lists of word numbers, downloaded the first time.

    Args:
        path: Name of the file in the cache.
        num_words: Words with this number or a higher one become ``oov_char``.
        skip_top: The most frequent words, up to this number, become ``oov_char``.
        maxlen: Reviews of this length and above are left out.
        seed: Seed of the order.
        start_char: First number of each review; 0 is left for padding.
        oov_char: Number in the place of words left out; ``None`` drops these words.
        index_from: Number of the most frequent word, less 1.
        **kwargs: ``nb_words``, the old name of ``num_words``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: object arrays of 25,000 lists of ints, and int64 labels, 1 for
        a positive review.

    Source: Maas et al., 2011, Learning word vectors for sentiment analysis.

    Example:
        >>> (x_train, y_train), _ = load_data(num_words=10_000)  # doctest: +SKIP
        >>> x_train[0][:4]  # doctest: +SKIP
        [1, 14, 22, 16]
    """
    num_words = kwargs.pop("nb_words", num_words)
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {sorted(kwargs)}.")
    found = npz.read(fetch("imdb", path), "x_train", "y_train", "x_test", "y_test")
    random = np.random.RandomState(seed)
    parts = []
    for x, y in ((found[0], found[1]), (found[2], found[3])):
        texts, labels = words.shuffled(x, y, random)
        parts.append(words.short(words.numbered(texts, start_char, index_from), labels, maxlen))
    rows = words.frequent(parts[0][0] + parts[1][0], num_words, skip_top, oov_char)
    at = len(parts[0][0])
    return (words.as_objects(rows[:at]), parts[0][1]), (words.as_objects(rows[at:]), parts[1][1])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return the dict from word to number; add ``index_from`` to a number to find it in the reviews.

    Args:
        path: Name of the file in the cache.

    Example:
        >>> get_word_index()["the"]  # doctest: +SKIP
        1
    """
    return words.read_index(fetch("imdb_words", path))
