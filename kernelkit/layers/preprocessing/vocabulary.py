"""Vocabularies: lists of tokens, with the special tokens first, and their checks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from kernelkit import serialize


def read_vocabulary(vocabulary: Any, who: str, encoding: str = "utf-8") -> list:
    """Return a vocabulary as a list of tokens; one given as a path is read from that file, a token in each line.

    Args:
        vocabulary: List, tuple or array of tokens, or the path of a text file.
        who: How errors name the layer.
        encoding: Encoding of the file.

    Raises:
        ValueError: If there is no such file; or if the path comes from a config that is loaded in safe mode: such a
            config could make kernelkit read any file.
    """
    if not isinstance(vocabulary, (str, os.PathLike)):
        if hasattr(vocabulary, "tolist"):
            vocabulary = np.asarray(vocabulary).tolist()
        return [token.decode(encoding) if isinstance(token, bytes) else token for token in vocabulary]
    path = os.fspath(vocabulary)
    if serialize.in_safe_mode():
        raise ValueError(
            f"{who}: the config in the loaded file names {path!r} as the vocabulary file. "
            "In safe mode no file or address is read because a config names it. If you trust it, pass safe_mode=False "
            "to load_model()."
        )
    if not os.path.isfile(path):
        raise ValueError(f"{who}: there is no vocabulary file {path!r}.")
    with open(path, encoding=encoding) as file:
        return [line.rstrip("\n") for line in file]


def without_special_tokens(
    tokens: list, special: list, mask_token: Any, oov_token: Any, invert: bool, who: str
) -> list:
    """Return a vocabulary's own tokens, after a check.

    Args:
        tokens: Tokens, with all special tokens at the beginning, or without special tokens.
        special: The special tokens in order: the mask token, then the OOV tokens.
        mask_token: The token for masked positions, or ``None``.
        oov_token: The token for words that are out of the vocabulary.
        invert: Whether the layer turns indices into tokens.
        who: How errors name the layer.

    Raises:
        ValueError: If there are no tokens, a token occurs twice, or special tokens are at other places.
    """
    if len(tokens) == 0:
        raise ValueError(f"{who}: the vocabulary is empty.")
    own = tokens[len(special) :] if special and tokens[: len(special)] == special else list(tokens)
    repeated = sorted(token for token, count in Counter(own).items() if count > 1)
    if repeated:
        raise ValueError(f"{who}: the vocabulary has tokens more than once: {repeated[:10]}.")
    for token, kind in ((mask_token, "mask"), (oov_token if invert else None, "OOV")):
        if token is not None and token in own:
            raise ValueError(
                f"{who}: the {kind} token {token!r} stands at index {tokens.index(token)} of the vocabulary. Leave the "
                f"special tokens out, or begin the vocabulary with all of them: {special}."
            )
    return own


def most_frequent(counts: Counter, left_out: Iterable, limit: int | None) -> list:
    """Return tokens by descending count; tokens of equal count are in reverse alphabetical order.

    Example:
        >>> most_frequent(Counter("adda b"), {" "}, 2)
        ['d', 'a']
    """
    left_out = set(left_out)
    tokens = sorted((token for token in counts if token not in left_out), reverse=True)
    tokens.sort(key=lambda token: -counts[token])
    return tokens if limit is None else tokens[: max(limit, 0)]
