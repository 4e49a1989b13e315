"""Whether the config that objects are being made from was written by somebody else, and what that forbids."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from kernelkit import budget, config

MEMORY_OF_TEXTS = 2 << 30
"""Bytes that the weights of a model may take which is described by a text alone, without a file of weights."""
_HINT = (
    "If you trust the file, pass safe_mode=False, which sets no limits; or build the model in code and call "
    "load_weights()."
)
_local = threading.local()


@contextlib.contextmanager
def loading(safe_mode: bool = True, memory: int = MEMORY_OF_TEXTS) -> Iterator[None]:
    """While the block runs, objects are made from a config that somebody else may have written.

    Args:
        safe_mode: Whether nothing that lies outside of the config may be read because the config says so, and whether
            there are limits to what it may take.
        memory: Bytes that weights may take in all.
    """
    before = getattr(_local, "safe_mode", None)
    _local.safe_mode = safe_mode
    limits = budget.Budget(memory, hint=_HINT) if in_safe_mode() else None
    try:
        with budget.limited(limits):
            yield
    finally:
        _local.safe_mode = before


def is_loading() -> bool:
    """Return whether the reader of a file has said how far it is to be trusted."""
    return getattr(_local, "safe_mode", None) is not None


def is_vouched_for() -> bool:
    """Return whether somebody said that code in the config may run: whoever reads the file, or who set it for all."""
    return getattr(_local, "safe_mode", None) is False or config.is_unsafe_deserialization_enabled()


def in_safe_mode() -> bool:
    """Return whether objects are being made from a config that nobody vouched for.

    A constructor that takes the path of a file or an address must refuse to open it then.

    Example:
        >>> in_safe_mode()
        False
    """
    return getattr(_local, "safe_mode", None) is True and not config.is_unsafe_deserialization_enabled()
