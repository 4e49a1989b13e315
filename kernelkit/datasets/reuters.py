"""Reuters: 11,228 newswires on 46 topics."""

from __future__ import annotations

import numpy as np

from kernelkit.datasets import npz, words
from kernelkit.datasets.files import fetch

_LABELS = """
cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude
nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber
heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead
""".split()


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return the Reuters newswires as lists of word numbers, downloaded the first time.

    Args:
        path: Name of the file in the cache.
        num_words: Words with this number or a higher one become ``oov_char``.
        skip_top: The most frequent words, up to this number, become ``oov_char``.
        maxlen: Newswires of this length and above are left out.
        test_split: Share of the newswires that are for testing.
        seed: Seed of the order.
        start_char: First number of each newswire; 0 is left for padding.
        oov_char: Number in the place of words left out; ``None`` drops these words.
        index_from: Number of the most frequent word, less 1.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: object arrays of lists of ints, and int64 topics from 0 to 45.

    Source: Lewis, 1997, Reuters-21578 text categorization test collection.

    Example:
        >>> (x_train, y_train), _ = load_data(num_words=10_000)  # doctest: +SKIP
        >>> len(x_train)  # doctest: +SKIP
        8982
    """
    texts, labels = npz.read(fetch("reuters", path), "x", "y")
    texts, labels = words.shuffled(texts, labels, np.random.RandomState(seed))
    rows, labels = words.short(words.numbered(texts, start_char, index_from), labels, maxlen)
    rows = words.frequent(rows, num_words, skip_top, oov_char)
    at = int(len(rows) * (1 - test_split))
    return (words.as_objects(rows[:at]), labels[:at]), (words.as_objects(rows[at:]), labels[at:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Return the dict from word to number; add ``index_from`` to a number to find it in the newswires.

    Args:
        path: Name of the file in the cache.

    Example:
        >>> get_word_index()["the"]  # doctest: +SKIP
        1
    """
    return words.read_index(fetch("reuters_words", path))


def get_label_names() -> tuple[str, ...]:
    """Return the names of the 46 topics.

    Example:
        >>> get_label_names()[:2]
        ('cocoa', 'grain')
    """
    return tuple(_LABELS)
