"""Texts turned into tokens: lower case, no punctuation, words, characters, n-grams.

The rules are TensorFlow's: they apply to ASCII characters only.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WORD = re.compile(r"[^ \t\n\v\f\r]+")


def lower(text: str) -> str:
    """Return a text with the letters A to Z in lower case.

    Example:
        >>> lower("Ä Large Ü")
        'Ä large Ü'
    """
    return text.lower() if text.isascii() else text.translate(_LOWER)


def strip_punctuation(text: str) -> str:
    """Return a text without ASCII punctuation marks.

    Example:
        >>> strip_punctuation("don't (panic)!")
        'dont panic'
    """
    return text.translate(_PUNCTUATION)


def lower_and_strip_punctuation(text: str) -> str:
    """Return a text in lower case without punctuation marks."""
    return strip_punctuation(lower(text))


def split_words(text: str) -> list[str]:
    r"""Return the parts of a text between ASCII white space.

    Example:
        >>> split_words("  one\ttwo three ")
        ['one', 'two', 'three']
    """
    return _WORD.findall(text)


def ngrams(tokens: list[str], sizes: Iterable[int]) -> list[str]:
    """Return runs of tokens joined by spaces: all runs of the first size, then all of the second.

    Example:
        >>> ngrams(["a", "b", "c"], (1, 2))
        ['a', 'b', 'c', 'a b', 'b c']
    """
    if isinstance(sizes, range):  # a range starts at 1; runs longer than the tokens don't exist
        sizes = sizes[: len(tokens)]
    return [" ".join(tokens[i : i + n]) for n in sizes for i in range(len(tokens) - n + 1)]


STANDARDIZE: dict[str, Callable[[str], str]] = {
    "lower_and_strip_punctuation": lower_and_strip_punctuation,
    "lower": lower,
    "strip_punctuation": strip_punctuation,
}
SPLIT: dict[str, Callable[[str], list[str]]] = {"whitespace": split_words, "character": list}
