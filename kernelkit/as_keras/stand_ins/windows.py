"""Bases of layers with windows, by the number of axes: what packages derive convolutions of their own from."""

from __future__ import annotations

from typing import Any

from kernelkit.layers.conv import ConvLayer


class BaseConv(ConvLayer):
    """A convolution over `rank` axes."""

    def __init__(self, rank: int, *args: Any, **kwargs: Any) -> None:
        self._spatial = rank
        super().__init__(*args, **kwargs)

    @property
    def rank(self) -> int:
        """The number of axes that the window moves along."""
        return self._spatial
