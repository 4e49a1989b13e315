"""Numbers in sentences: steps, batches and epochs count from 1. In code they are indices, from 0."""

from __future__ import annotations


def nth(index: int) -> str:
    """Return the number of a step, batch or epoch as a reader counts it.

    Example:
        >>> nth(0), nth(1233)
        ('1', '1,234')
    """
    return f"{index + 1:,}"
