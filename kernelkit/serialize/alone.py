"""Configs that stand alone: no file lies beside them for what a layer has learned."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_local = threading.local()


@contextlib.contextmanager
def standing_alone(is_copy: bool = False) -> Iterator[None]:
    """While the block runs, a config holds all that its layer has learned beside its weights, such as a vocabulary.

    Args:
        is_copy: Whether the config makes a copy in this process, which can learn anew. Such a config is not for Keras.
    """
    before = getattr(_local, "alone", None)
    _local.alone = {"is_copy": is_copy}
    try:
        yield
    finally:
        _local.alone = before


def stands_alone() -> bool:
    """Return whether the config that is being written has no files beside it."""
    return getattr(_local, "alone", None) is not None


def is_copy() -> bool:
    """Return whether the config that is being written makes a copy in this process."""
    alone = getattr(_local, "alone", None)
    return alone is not None and alone["is_copy"]
