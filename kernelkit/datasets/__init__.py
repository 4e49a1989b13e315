"""Small datasets for first experiments, downloaded once and kept in the cache."""

from kernelkit.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)
from kernelkit.public import names_of as _names_of

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]

__dir__ = _names_of(globals())
