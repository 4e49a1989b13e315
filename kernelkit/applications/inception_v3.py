"""Inception V3: branches of convolutions of several sizes, side by side.

Source: Szegedy et al., 2016, Rethinking the Inception architecture for computer vision.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]


class Wiring:
    """Makes convolutions, pooling and concatenations with shared options."""

    def __init__(self, net: Network) -> None:
        self.axis = 1 if net.channel_axis == 1 else 3

    def conv(self, x: Tensor, *steps: tuple) -> Tensor:
        """Return a chain of convolutions, each given as ``(filters, kernel size)`` and options."""
        for filters, kernel, *rest in steps:
            options = {"padding": "same", **(rest[0] if rest else {})}
            x = layers.Conv2D(filters, kernel, use_bias=False, **options)(x)
            x = layers.BatchNormalization(axis=self.axis, scale=False)(x)
            x = layers.Activation("relu")(x)
        return x

    def average(self, x: Tensor) -> Tensor:
        """Return the means of 3x3 windows, in the size of the input."""
        return layers.AveragePooling2D(3, strides=1, padding="same")(x)

    def halved(self, x: Tensor) -> Tensor:
        """Return the maxima of 3x3 windows, in half the size of the input."""
        return layers.MaxPooling2D(3, strides=2)(x)

    def join(self, parts: list, name: str | None = None) -> Tensor:
        """Return the concatenation of tensors along the channel axis."""
        return layers.Concatenate(axis=self.axis, name=name)(parts)


VALID: dict[str, Any] = {"padding": "valid"}
HALVING: dict[str, Any] = {"padding": "valid", "strides": 2}


def InceptionV3(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "inception_v3",
) -> Model:
    """Return Inception V3; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 21802784)
    """
    net = Network(
        name, weights, include_top, classes, pooling, classifier_activation, input_tensor, input_shape,
        default_size=299, min_size=75,
    )  # fmt: skip
    w = Wiring(net)
    x = w.conv(net.x, (32, 3, HALVING), (32, 3, VALID), (64, 3))
    x = w.halved(x)
    x = w.conv(x, (80, 1, VALID), (192, 3, VALID))
    x = w.halved(x)
    for number, after_pool in enumerate((32, 64, 64)):  # 35 x 35
        single = w.conv(x, (64, 1))
        five = w.conv(x, (48, 1), (64, 5))
        double = w.conv(x, (64, 1), (96, 3), (96, 3))
        x = w.join([single, five, double, w.conv(w.average(x), (after_pool, 1))], f"mixed{number}")
    large = w.conv(x, (384, 3, HALVING))
    double = w.conv(x, (64, 1), (96, 3), (96, 3, HALVING))
    x = w.join([large, double, w.halved(x)], "mixed3")
    for number, n in enumerate((128, 160, 160, 192), 4):  # 17 x 17
        single = w.conv(x, (192, 1))
        seven = w.conv(x, (n, 1), (n, (1, 7)), (192, (7, 1)))
        double = w.conv(x, (n, 1), (n, (7, 1)), (n, (1, 7)), (n, (7, 1)), (192, (1, 7)))
        x = w.join([single, seven, double, w.conv(w.average(x), (192, 1))], f"mixed{number}")
    three = w.conv(x, (192, 1), (320, 3, HALVING))
    seven = w.conv(x, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, HALVING))
    x = w.join([three, seven, w.halved(x)], "mixed8")
    for number in (0, 1):  # 8 x 8
        single = w.conv(x, (320, 1))
        three = w.conv(x, (384, 1))
        three = w.join([w.conv(three, (384, (1, 3))), w.conv(three, (384, (3, 1)))], f"mixed9_{number}")
        double = w.conv(x, (448, 1), (384, 3))
        double = w.join([w.conv(double, (384, (1, 3))), w.conv(double, (384, (3, 1)))])
        x = w.join([single, three, double, w.conv(w.average(x), (192, 1))], f"mixed{9 + number}")
    if not include_top:
        return net.model(net.pooled(x), "inception_v3")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return net.model(net.classifier(x), "inception_v3")


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Scale images from 0 to 255 to the range -1 to 1, in which Inception V3 was trained.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import inception_v3
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> inception_v3.preprocess_input(red).round(3).tolist()
        [[[[1.0, -1.0, -1.0]]]]
    """
    return _prepared(x, data_format, mode="tf")
