"""Xception: a network of separable convolutions.

Source: Chollet, 2017, Xception: deep learning with depthwise separable convolutions.
"""

from __future__ import annotations

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["Xception", "decode_predictions", "preprocess_input"]


def Xception(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "xception",
) -> Model:
    """Return Xception; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.Xception(weights=None, include_top=False, input_shape=(71, 71, 3))
        >>> model.output_shape, model.count_params()
        ((None, 3, 3, 2048), 20861480)
    """
    net = Network(
        name, weights, include_top, classes, pooling, classifier_activation, input_tensor, input_shape,
        default_size=299, min_size=71,
    )  # fmt: skip
    x = layers.Conv2D(32, 3, strides=2, use_bias=False, name="block1_conv1")(net.x)
    x = _activated(x, "block1_conv1", net)
    x = layers.Conv2D(64, 3, use_bias=False, name="block1_conv2")(x)
    x = _activated(x, "block1_conv2", net)
    for block, filters in ((2, (128, 128)), (3, (256, 256)), (4, (728, 728)), (13, (728, 1024))):
        if block == 13:
            x = _middle(x, net)
        shortcut = layers.Conv2D(filters[1], 1, strides=2, padding="same", use_bias=False)(x)
        shortcut = layers.BatchNormalization(axis=net.channel_axis)(shortcut)
        if block > 2:
            x = layers.Activation("relu", name=f"block{block}_sepconv1_act")(x)
        x = _separable(x, filters[0], f"block{block}_sepconv1", net)
        x = layers.Activation("relu", name=f"block{block}_sepconv2_act")(x)
        x = _separable(x, filters[1], f"block{block}_sepconv2", net)
        x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
        x = layers.add([x, shortcut])
    for i, last in ((1, 1536), (2, 2048)):
        x = _separable(x, last, f"block14_sepconv{i}", net)
        x = layers.Activation("relu", name=f"block14_sepconv{i}_act")(x)
    if not include_top:
        return net.model(net.pooled(x), "xception")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return net.model(net.classifier(x), "xception")


def _middle(x: Tensor, net: Network) -> Tensor:
    for block in range(5, 13):
        shortcut = x
        for i in (1, 2, 3):
            x = layers.Activation("relu", name=f"block{block}_sepconv{i}_act")(x)
            x = _separable(x, 728, f"block{block}_sepconv{i}", net)
        x = layers.add([x, shortcut])
    return x


def _activated(x: Tensor, name: str, net: Network) -> Tensor:
    x = layers.BatchNormalization(axis=net.channel_axis, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_act")(x)


def _separable(x: Tensor, filters: int, name: str, net: Network) -> Tensor:
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(axis=net.channel_axis, name=f"{name}_bn")(x)


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Scale images from 0 to 255 to the range -1 to 1, in which Xception was trained.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import xception
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> xception.preprocess_input(red).round(3).tolist()
        [[[[1.0, -1.0, -1.0]]]]
    """
    return _prepared(x, data_format, mode="tf")
