"""EfficientNet: one network whose width, depth and image size are scaled together.

Source: Tan & Le, 2019, EfficientNet: rethinking model scaling for convolutional neural networks.
"""

from __future__ import annotations

import math
from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import DEVIATION, decode_predictions
from kernelkit.applications.network import Network, padding_to_halve, round_channels
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

# (kernel, number of blocks, channels, expansion, first stride): table 1 of the paper.
STAGES = [
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
]
# width, depth, size of the images, dropout
VARIANTS = {
    "b0": (1.0, 1.0, 224, 0.2),
    "b1": (1.0, 1.1, 240, 0.2),
    "b2": (1.1, 1.2, 260, 0.3),
    "b3": (1.2, 1.4, 300, 0.3),
    "b4": (1.4, 1.8, 380, 0.4),
    "b5": (1.6, 2.2, 456, 0.4),
    "b6": (1.8, 2.6, 528, 0.5),
    "b7": (2.0, 3.1, 600, 0.5),
}
DROP = 0.2
NORMAL = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
UNIFORM = {"class_name": "VarianceScaling", "config": {"scale": 1 / 3, "mode": "fan_out", "distribution": "uniform"}}


def _efficientnet(variant: str, **options: Any) -> Model:
    width, depth, size, dropout = VARIANTS[variant]
    net = Network(default_size=size, min_size=32, last_axis=3, **options)
    x = layers.Rescaling(1.0 / 255.0)(net.x)
    x = layers.Normalization(axis=net.channel_axis)(x)
    if net.weights == "imagenet":  # the published weights need this second division
        x = layers.Rescaling([1.0 / math.sqrt(d) for d in DEVIATION])(x)
    x = layers.ZeroPadding2D(padding_to_halve(x, 3), name="stem_conv_pad")(x)
    filters = round_channels(32 * width)
    x = layers.Conv2D(filters, 3, strides=2, use_bias=False, kernel_initializer=NORMAL, name="stem_conv")(x)
    x = _activated(x, "stem_bn", "stem_activation", net)
    total = sum(math.ceil(depth * count) for _, count, *_ in STAGES)
    done = 0
    for stage, (kernel, count, channels, expansion, first_stride) in enumerate(STAGES, 1):
        for i in range(math.ceil(depth * count)):
            stride = first_stride if i == 0 else 1
            name = f"block{stage}{chr(ord('a') + i)}_"
            x = _block(x, round_channels(channels * width), kernel, stride, expansion, DROP * done / total, name, net)
            done += 1
    x = layers.Conv2D(
        round_channels(1280 * width), 1, padding="same", use_bias=False, kernel_initializer=NORMAL, name="top_conv"
    )(x)
    x = _activated(x, "top_bn", "top_activation", net)
    if not net.include_top:
        return net.model(net.pooled(x, "avg_pool", "max_pool"), f"efficientnet{variant}")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(dropout, name="top_dropout")(x)
    return net.model(net.classifier(x, kernel_initializer=UNIFORM), f"efficientnet{variant}")


def _activated(x: Tensor, bn: str, activation: str, net: Network) -> Tensor:
    x = layers.BatchNormalization(axis=net.channel_axis, name=bn)(x)
    return layers.Activation("swish", name=activation)(x)


def _block(
    x: Tensor,
    channels: int,
    kernel: int,
    stride: int,
    expansion: int,
    drop: float,
    name: str,
    net: Network,
) -> Tensor:
    """Expand the channels, convolve each channel, rescale the channels, reduce their number."""
    shortcut, before = x, x.shape[net.channel_axis]
    wide = before * expansion

    def conv(x: Tensor, filters: int, name: str, **options: Any) -> Tensor:
        return layers.Conv2D(filters, 1, padding="same", kernel_initializer=NORMAL, name=name, **options)(x)

    if expansion != 1:
        x = conv(x, wide, f"{name}expand_conv", use_bias=False)
        x = _activated(x, f"{name}expand_bn", f"{name}expand_activation", net)
    if stride == 2:
        x = layers.ZeroPadding2D(padding_to_halve(x, kernel), name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        depthwise_initializer=NORMAL,
        name=f"{name}dwconv",
    )(x)
    x = _activated(x, f"{name}bn", f"{name}activation", net)
    weights = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    shape = (wide, 1, 1) if net.channel_axis == 1 else (1, 1, wide)
    weights = layers.Reshape(shape, name=f"{name}se_reshape")(weights)
    weights = conv(weights, max(1, int(before * 0.25)), f"{name}se_reduce", activation="swish")
    weights = conv(weights, wide, f"{name}se_expand", activation="sigmoid")
    x = layers.multiply([x, weights], name=f"{name}se_excite")
    x = conv(x, channels, f"{name}project_conv", use_bias=False)
    x = layers.BatchNormalization(axis=net.channel_axis, name=f"{name}project_bn")(x)
    if stride == 1 and before == channels:
        if drop > 0:
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
        x = layers.add([x, shortcut], name=f"{name}add")
    return x


def EfficientNetB0(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "efficientnetb0",
) -> Model:
    """Return EfficientNet B0; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetB0(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1280), 4049571)
    """
    return _efficientnet("b0", **locals())


def EfficientNetB1(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "efficientnetb1",
) -> Model:
    """Return EfficientNet B1; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetB1(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1280), 6575239)
    """
    return _efficientnet("b1", **locals())


def EfficientNetB2(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "efficientnetb2",
) -> Model:
    """Return EfficientNet B2; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetB2(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1408), 7768569)
    """
    return _efficientnet("b2", **locals())


def EfficientNetB3(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "efficientnetb3",
) -> Model:
    """Return EfficientNet B3; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetB3(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1536), 10783535)
    """
    return _efficientnet("b3", **locals())


def EfficientNetB4(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "efficientnetb4",
) -> Model:
    """Return EfficientNet B4; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetB4(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1792), 17673823)
    """
    return _efficientnet("b4", **locals())


def EfficientNetB5(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "efficientnetb5",
) -> Model:
    """Return EfficientNet B5; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetB5(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 28513527)
    """
    return _efficientnet("b5", **locals())


def EfficientNetB6(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "efficientnetb6",
) -> Model:
    """Return EfficientNet B6; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetB6(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2304), 40960143)
    """
    return _efficientnet("b6", **locals())


def EfficientNetB7(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "efficientnetb7",
) -> Model:
    """Return EfficientNet B7; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetB7(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2560), 64097687)
    """
    return _efficientnet("b7", **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Return images as they are: the model scales them itself.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import efficientnet
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> efficientnet.preprocess_input(red).round(3).tolist()
        [[[[255.0, 0.0, 0.0]]]]
    """
    return x
