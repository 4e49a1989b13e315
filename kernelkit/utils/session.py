"""`clear_session`: reset automatic names and the global seed."""

from __future__ import annotations

from kernelkit import scope
from kernelkit.random import forget_global_seed


def clear_session(free_memory: bool = True) -> None:
    """Reset automatic names and the global seed to their state after the import of kernelkit.

    Args:
        free_memory: Whether unreachable objects are collected at once.

    Example:
        >>> import kernelkit as kk
        >>> kk.utils.clear_session()
        >>> kk.layers.Dense(1).name
        'dense'
    """
    scope.reset_names()
    forget_global_seed()
    if free_memory:
        import gc

        gc.collect()
