"""ResNet: blocks with residual connections.

Source: He et al., 2016, Deep residual learning for image recognition.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

EPSILON = 1.001e-5


def _resnet(file: str, depths: tuple, **options: Any) -> Model:
    net = Network(default_size=224, min_size=32, last_axis=3, **options)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(net.x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = layers.BatchNormalization(axis=net.channel_axis, epsilon=EPSILON, name="conv1_bn")(x)
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            stride = 2 if i == 1 and stage > 2 else 1
            x = _block(x, 32 * 2 ** (stage - 1), stride, i == 1, f"conv{stage}_block{i}", net.channel_axis)
    if not net.include_top:
        return net.model(net.pooled(x, "avg_pool", "max_pool"), file)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return net.model(net.classifier(x), file)


def _block(x: Tensor, filters: int, stride: int, widens: bool, name: str, axis: int) -> Tensor:
    """A bottleneck: convolutions 1x1, 3x3, 1x1, and a shortcut, with a 1x1 convolution if shapes differ."""

    def normalized(x: Tensor, name: str) -> Tensor:
        return layers.BatchNormalization(axis=axis, epsilon=EPSILON, name=name)(x)

    shortcut = x
    if widens:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x)
        shortcut = normalized(shortcut, f"{name}_0_bn")
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = normalized(x, f"{name}_1_bn")
    x = layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = normalized(x, f"{name}_2_bn")
    x = layers.Activation("relu", name=f"{name}_2_relu")(x)
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    x = normalized(x, f"{name}_3_bn")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def ResNet50(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "resnet50",
) -> Model:
    """Return ResNet with 50 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 23587712)
    """
    return _resnet("resnet50", (3, 4, 6, 3), **locals())


def ResNet101(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "resnet101",
) -> Model:
    """Return ResNet with 101 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ResNet101(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 42658176)
    """
    return _resnet("resnet101", (3, 4, 23, 3), **locals())


def ResNet152(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "resnet152",
) -> Model:
    """Return ResNet with 152 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ResNet152(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 58370944)
    """
    return _resnet("resnet152", (3, 8, 36, 3), **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Order channels as blue, green, red and subtract ImageNet's mean, as ResNet was trained; pixels are 0 to 255.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import resnet
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> resnet.preprocess_input(red).round(3).tolist()
        [[[[-103.939, -116.779, 131.32]]]]
    """
    return _prepared(x, data_format, mode="caffe")
