"""Whether the config that objects are being made from was written by somebody else, and what that forbids."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from kernelkit import config

_local = threading.local()


@contextlib.contextmanager
def loading(safe_mode: bool = True, memory: int | None = None) -> Iterator[None]:
    """While the block runs, objects are made from a config that somebody else may have written.

    Args:
        safe_mode: Whether nothing that lies outside of the config may be read because the config says so.
        memory: Bytes that weights may take in all; ``None`` for no limit.
    """
    before = getattr(_local, "loading", None)
    _local.loading = {"safe_mode": safe_mode, "memory": memory}
    try:
        yield
    finally:
        _local.loading = before


def is_loading() -> bool:
    """Return whether the reader of a file has said how far it is to be trusted."""
    return getattr(_local, "loading", None) is not None


def is_vouched_for() -> bool:
    """Return whether somebody said that code in the config may run: whoever reads the file, or who set it for all."""
    state = getattr(_local, "loading", None)
    return (state is not None and not state["safe_mode"]) or config.is_unsafe_deserialization_enabled()


def in_safe_mode() -> bool:
    """Return whether objects are being made from a config that nobody vouched for.

    A constructor that takes the path of a file or an address must refuse to open it then.

    Example:
        >>> in_safe_mode()
        False
    """
    state = getattr(_local, "loading", None)
    return state is not None and state["safe_mode"] and not config.is_unsafe_deserialization_enabled()


def claim_memory(nbytes: int, who: str) -> None:
    """Raise before memory is taken that the file which is being loaded has no numbers for.

    Args:
        nbytes: Bytes that a weight would take.
        who: How the error names it.
    """
    state = getattr(_local, "loading", None)
    if state is None or state["memory"] is None:
        return
    state["memory"] -= nbytes
    if state["memory"] < 0:
        raise ValueError(
            f"{who} would take {nbytes} bytes, which the file that is being loaded does not hold. If you trust the "
            "file, build the model in code and call load_weights()."
        )
