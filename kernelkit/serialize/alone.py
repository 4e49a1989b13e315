"""Configs that stand alone: they also hold learned values, such as vocabularies, because no file lies beside them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_local = threading.local()


@contextlib.contextmanager
def standing_alone(is_copy: bool = False) -> Iterator[None]:
    """Write configs with all learned values except weights, such as vocabularies, while the block runs.

    Args:
        is_copy: Whether the config makes a copy in this process that can be adapted again. Keras cannot read it.
    """
    before = getattr(_local, "alone", None)
    _local.alone = {"is_copy": is_copy, "classes": []}
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
    """Return what a config of a copy says of a class that nobody has registered: its number."""
    if not is_copy():
        return {}
    classes = _local.alone["classes"]
    classes.append(cls)
    return {"copied_class": len(classes) - 1}


def kept_class(config: dict) -> type | None:
    """Return the class whose number :func:`keep_class` wrote into a config; ``None`` in any other config."""
    number = config.get("copied_class")
    return _local.alone["classes"][number] if is_copy() and isinstance(number, int) else None
