"""Texts as lists of word numbers: functions that IMDB and Reuters share."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

_LARGEST = 64 << 20


def shuffled(x: np.ndarray, y: np.ndarray, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Return both arrays in the same random order."""
    order = np.arange(len(x))
    random.shuffle(order)
    return x[order], y[order]


def numbered(texts: np.ndarray, start_char: int | None, index_from: int) -> list[list[int]]:
    """Return texts with ``index_from`` added to each word's number, and ``start_char`` before them unless ``None``."""
    begin, shift = [] if start_char is None else [start_char], index_from or 0
    return [[*begin, *(word + shift for word in text)] for text in texts]


def short(rows: list[list[int]], labels: np.ndarray, maxlen: int | None) -> tuple[list[list[int]], np.ndarray]:
    """Return the texts shorter than ``maxlen`` and their labels.

    Raises:
        ValueError: If no text is shorter.
    """
    if not maxlen:
        return rows, labels
    kept = [i for i, row in enumerate(rows) if len(row) < maxlen]
    if not kept:
        raise ValueError(
            f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. Increase maxlen."
        )
    return [rows[i] for i in kept], labels[kept]


def frequent(rows: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """Return texts; words below ``skip_top`` or from ``num_words`` up become ``oov_char`` or are dropped."""
    # Without ``num_words`` Keras uses the largest word number as the limit, which drops that one word, as here.
    limit = num_words or max(max(row, default=0) for row in rows)
    if oov_char is None:
        return [[word for word in row if skip_top <= word < limit] for row in rows]
    return [[word if skip_top <= word < limit else oov_char for word in row] for row in rows]


def as_objects(rows: list[list[int]]) -> np.ndarray:
    """Return lists of unequal lengths as an array of objects."""
    array = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):
        array[i] = row
    return array


def read_index(path: str) -> dict[str, int]:
    """Return the dict from word to number that a JSON file holds."""
    with open(path, encoding="utf-8") as file:
        text = file.read(_LARGEST + 1)
    found: Any = json.loads(text) if len(text) <= _LARGEST else None
    if not isinstance(found, dict) or not all(type(number) is int for number in found.values()):
        raise ValueError(f"{path} is not a dict from words to numbers.")
    return found
