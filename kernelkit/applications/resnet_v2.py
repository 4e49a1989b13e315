"""ResNet V2: normalization and activation before each convolution.

Source: He et al., 2016, Identity mappings in deep residual networks.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

EPSILON = 1.001e-5


def _resnet_v2(file: str, depths: tuple, **options: Any) -> Model:
    net = Network(default_size=224, min_size=32, last_axis=3, **options)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(net.x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            # The last block of a stage makes the image smaller; the last stage keeps its size.
            stride = 2 if i == depth and stage < 5 else 1
            x = _block(x, 32 * 2 ** (stage - 1), stride, i == 1, f"conv{stage}_block{i}", net.channel_axis)
    x = _activated(x, "post", net.channel_axis)
    if not net.include_top:
        return net.model(net.pooled(x, "avg_pool", "max_pool"), file)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return net.model(net.classifier(x), file)


def _activated(x: Tensor, name: str, axis: int) -> Tensor:
    x = layers.BatchNormalization(axis=axis, epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _block(x: Tensor, filters: int, stride: int, widens: bool, name: str, axis: int) -> Tensor:
    """A bottleneck whose shortcut is never normalized."""
    before = _activated(x, f"{name}_preact", axis)
    if widens:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    x = _activated(x, f"{name}_1", axis)
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = _activated(x, f"{name}_2", axis)
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def ResNet50V2(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "resnet50v2",
) -> Model:
    """Return ResNet V2 with 50 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ResNet50V2(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 23564800)
    """
    return _resnet_v2("resnet50v2", (3, 4, 6, 3), **locals())


def ResNet101V2(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "resnet101v2",
) -> Model:
    """Return ResNet V2 with 101 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ResNet101V2(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 42626560)
    """
    return _resnet_v2("resnet101v2", (3, 4, 23, 3), **locals())


def ResNet152V2(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "resnet152v2",
) -> Model:
    """Return ResNet V2 with 152 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ResNet152V2(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 58331648)
    """
    return _resnet_v2("resnet152v2", (3, 8, 36, 3), **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Scale images from 0 to 255 to the range -1 to 1, in which ResNet V2 was trained.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import resnet_v2
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> resnet_v2.preprocess_input(red).round(3).tolist()
        [[[[1.0, -1.0, -1.0]]]]
    """
    return _prepared(x, data_format, mode="tf")
