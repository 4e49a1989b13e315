"""Trust in the config from which objects are being made, and the limits for untrusted configs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from kernelkit import budget, config

MEMORY_OF_TEXTS = 2 << 30
"""Bytes that the weights of a model may take if a text describes it, without a weights file."""
_HINT = (
    "If you trust the file, pass safe_mode=False, which sets no limits; or build the model in code and call "
    "load_weights()."
)
_local = threading.local()


@contextlib.contextmanager
def loading(safe_mode: bool = True, memory: int = MEMORY_OF_TEXTS) -> Iterator[None]:
    """Treat configs as untrusted while the block runs.

    Args:
        safe_mode: Whether the config may read no files or addresses, and has limits on memory, objects and time.
        memory: Bytes that all weights together may take.
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
    """Return whether a load with its own ``safe_mode`` is going on."""
    return getattr(_local, "safe_mode", None) is not None


def is_vouched_for() -> bool:
    """Return whether code in the config may run: by ``safe_mode=False``, or by the setting for all files."""
    return getattr(_local, "safe_mode", None) is False or config.is_unsafe_deserialization_enabled()


def in_safe_mode() -> bool:
    """Return whether objects are being made from an untrusted config.

    A constructor must then refuse to open a file or an address.

    Example:
        >>> in_safe_mode()
        False
    """
    return getattr(_local, "safe_mode", None) is True and not config.is_unsafe_deserialization_enabled()
