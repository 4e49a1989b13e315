"""Boston housing: 506 districts in the 1970s."""

from __future__ import annotations

from kernelkit.datasets import npz, tables
from kernelkit.datasets.files import fetch


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[tables.Pair, tables.Pair]:
    """Return the Boston housing data, downloaded the first time.

    One of the 13 features assumes that the skin color of residents lowers the prices of houses. Use the data
    to discuss that; to learn regression, use ``california_housing.load_data("small")``.

    Args:
        path: Name of the file in the cache.
        test_split: Share of the samples that are for testing.
        seed: Seed of the order.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: float64 features (n, 13), and median prices (n,) in 1,000 dollars.

    Source: Harrison and Rubinfeld, 1978, Hedonic housing prices and the demand for clean air.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape  # doctest: +SKIP
        (404, 13)
    """
    x, y = npz.read(fetch("boston_housing", path), "x", "y")
    return tables.split(x, y, test_split, seed)
