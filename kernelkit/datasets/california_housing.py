"""California housing: 20,640 districts in 1990."""

from __future__ import annotations

from kernelkit.datasets import npz, tables
from kernelkit.datasets.files import fetch

_SMALL = 600


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[tables.Pair, tables.Pair]:
    """Return the California housing data, downloaded the first time.

    The features: longitude, latitude, median age of the houses, rooms, bedrooms, people, households, median income.

    Args:
        version: ``"large"`` for all 20,640 districts, ``"small"`` for 600.
        path: Name of the file in the cache.
        test_split: Share of the samples that are for testing.
        seed: Seed of the order.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: float32 features (n, 8), and median prices (n,) in dollars.

    Raises:
        ValueError: If the version is unknown.

    Source: Pace and Barry, 1997, Sparse spatial autoregressions.

    Example:
        >>> load_data("tiny")
        Traceback (most recent call last):
        ValueError: The version must be 'small' or 'large', got 'tiny'.
    """
    if version not in ("small", "large"):
        raise ValueError(f"The version must be 'small' or 'large', got {version!r}.")
    x, y = npz.read(fetch("california_housing", path), "x", "y")
    if version == "small":
        x, y = x[:_SMALL], y[:_SMALL]
    return tables.split(x, y, test_split, seed)
