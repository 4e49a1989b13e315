"""Configs without files: they also contain learned values, such as vocabularies."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator

_local = threading.local()
_numbers = itertools.count()  # of the process: a number in the config of an earlier copy means nothing


@contextlib.contextmanager
def standing_alone(is_copy: bool = False) -> Iterator[None]:
    """Write configs with all learned values except weights, such as vocabularies, while the block runs.

    Args:
        is_copy: Whether the config makes a copy in this process that can be adapted again. Keras cannot read it.
    """
    before = getattr(_local, "alone", None)
    _local.alone = {"is_copy": is_copy, "classes": {}}
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


def keep_class(cls: type) -> dict[str, int]:
    """Return the entry for an unregistered class in the config of a copy: its number."""
    if not is_copy():
        return {}
    number = next(_numbers)
    _local.alone["classes"][number] = cls
    return {"copied_class": number}


def kept_class(config: dict) -> type | None:
    """Return the class for a number that :func:`keep_class` of this copy wrote into a config, else ``None``."""
    return _local.alone["classes"].get(config.get("copied_class")) if is_copy() else None
