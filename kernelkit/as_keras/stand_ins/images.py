"""The shape of images that a network is made for."""

from __future__ import annotations

from typing import Any

from kernelkit.applications.network import checked_input_shape
from kernelkit.typing import Shapes


def obtain_input_shape(
    input_shape: Shapes,
    default_size: int,
    min_size: int,
    data_format: str,
    require_flatten: bool,
    weights: Any = None,
) -> tuple:
    """Return the shape of an image, after a check that the network can take it."""
    return checked_input_shape(input_shape, default_size, min_size, require_flatten, weights, data_format)
