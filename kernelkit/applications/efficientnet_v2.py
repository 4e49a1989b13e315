"""EfficientNet V2: its early blocks have one convolution instead of two.

Source: Tan & Le, 2021, EfficientNetV2: smaller models and faster training.
"""

from __future__ import annotations

import math
from typing import Any

from kernelkit import layers
from kernelkit.applications.efficientnet import NORMAL, UNIFORM
from kernelkit.applications.imagenet_utils import DEVIATION, MEAN, decode_predictions
from kernelkit.applications.network import Network
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

# (number of blocks, channels, expansion, first stride, whether fused): fused blocks don't rescale channels.
B = [
    (1, 16, 1, 1, True),
    (2, 32, 4, 2, True),
    (2, 48, 4, 2, True),
    (3, 96, 4, 2, False),
    (5, 112, 6, 1, False),
    (8, 192, 6, 2, False),
]
S = [
    (2, 24, 1, 1, True),
    (4, 48, 4, 2, True),
    (4, 64, 4, 2, True),
    (6, 128, 4, 2, False),
    (9, 160, 6, 1, False),
    (15, 256, 6, 2, False),
]
M = [
    (3, 24, 1, 1, True),
    (5, 48, 4, 2, True),
    (5, 80, 4, 2, True),
    (7, 160, 4, 2, False),
    (14, 176, 6, 1, False),
    (18, 304, 6, 2, False),
    (5, 512, 6, 1, False),
]
L = [
    (4, 32, 1, 1, True),
    (7, 64, 4, 2, True),
    (7, 96, 4, 2, True),
    (10, 192, 4, 2, False),
    (19, 224, 6, 1, False),
    (25, 384, 6, 2, False),
    (7, 640, 6, 1, False),
]
# stages, channels of the stem, width, depth, size of the images
VARIANTS = {
    "b0": (B, 32, 1.0, 1.0, 224),
    "b1": (B, 32, 1.0, 1.1, 240),
    "b2": (B, 32, 1.1, 1.2, 260),
    "b3": (B, 32, 1.2, 1.4, 300),
    "-s": (S, 24, 1.0, 1.0, 384),
    "-m": (M, 24, 1.0, 1.0, 480),
    "-l": (L, 32, 1.0, 1.0, 480),
}
DROP = 0.2


def _rounded(channels: float) -> int:
    return max(8, int(channels + 4) // 8 * 8)


def _efficientnet_v2(variant: str, include_preprocessing: bool, **options: Any) -> Model:
    stages, stem, width, depth, size = VARIANTS[variant]
    net = Network(default_size=size, min_size=32, last_axis=3, **options)
    x = net.x
    if include_preprocessing and variant.startswith("b"):
        x = layers.Rescaling(scale=1.0 / 255)(x)
        if net.channels == 3:
            x = layers.Normalization(mean=list(MEAN), variance=[d**2 for d in DEVIATION], axis=net.channel_axis)(x)
    elif include_preprocessing:
        x = layers.Rescaling(scale=1.0 / 128.0, offset=-1)(x)
    x = layers.Conv2D(
        _rounded(stem * width),
        3,
        strides=2,
        padding="same",
        use_bias=False,
        kernel_initializer=NORMAL,
        name="stem_conv",
    )(x)
    x = _activated(x, "stem_", net)
    total, done = sum(math.ceil(depth * count) for count, *_ in stages), 0
    for stage, (count, channels, expansion, first_stride, fused) in enumerate(stages, 1):
        for i in range(math.ceil(depth * count)):
            stride = first_stride if i == 0 else 1
            name = f"block{stage}{chr(ord('a') + i)}_"
            block = _fused if fused else _mbconv
            x = block(x, _rounded(channels * width), stride, expansion, DROP * done / total, name, net)
            done += 1
    x = layers.Conv2D(
        _rounded(1280 * width), 1, padding="same", use_bias=False, kernel_initializer=NORMAL, name="top_conv"
    )(x)
    x = _activated(x, "top_", net)
    if not net.include_top:
        return net.model(net.pooled(x, "avg_pool", "max_pool"), f"efficientnetv2{variant}")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(0.2, name="top_dropout")(x)
    return net.model(net.classifier(x, kernel_initializer=UNIFORM), f"efficientnetv2{variant}")


def _normalized(x: Tensor, name: str, net: Network) -> Tensor:
    return layers.BatchNormalization(axis=net.channel_axis, momentum=0.9, name=name)(x)


def _activated(x: Tensor, prefix: str, net: Network) -> Tensor:
    return layers.Activation("swish", name=f"{prefix}activation")(_normalized(x, f"{prefix}bn", net))


def _conv(x: Tensor, filters: int, kernel: int, name: str, stride: int = 1, **options: Any) -> Tensor:
    return layers.Conv2D(
        filters, kernel, strides=stride, padding="same", kernel_initializer=NORMAL, name=name, **options
    )(x)


def _mbconv(x: Tensor, channels: int, stride: int, expansion: int, drop: float, name: str, net: Network) -> Tensor:
    """Expand the channels, convolve each channel, rescale the channels, reduce their number."""
    shortcut, before = x, x.shape[net.channel_axis]
    wide = before * expansion
    if expansion != 1:
        x = _activated(_conv(x, wide, 1, f"{name}expand_conv", use_bias=False), f"{name}expand_", net)
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, depthwise_initializer=NORMAL, name=f"{name}dwconv2"
    )(x)
    x = _activated(x, name, net)
    weights = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    shape = (wide, 1, 1) if net.channel_axis == 1 else (1, 1, wide)
    weights = layers.Reshape(shape, name=f"{name}se_reshape")(weights)
    weights = _conv(weights, max(1, int(before * 0.25)), 1, f"{name}se_reduce", activation="swish")
    weights = _conv(weights, wide, 1, f"{name}se_expand", activation="sigmoid")
    x = layers.multiply([x, weights], name=f"{name}se_excite")
    x = _normalized(_conv(x, channels, 1, f"{name}project_conv", use_bias=False), f"{name}project_bn", net)
    return _added(x, shortcut, stride == 1 and before == channels, drop, name)


def _fused(x: Tensor, channels: int, stride: int, expansion: int, drop: float, name: str, net: Network) -> Tensor:
    """Expand the channels in a full convolution, then reduce their number."""
    shortcut, before = x, x.shape[net.channel_axis]
    if expansion != 1:
        x = _conv(x, before * expansion, 3, f"{name}expand_conv", stride, use_bias=False)
        x = _activated(x, f"{name}expand_", net)
        x = _conv(x, channels, 1, f"{name}project_conv", use_bias=False)
        x = _normalized(x, f"{name}project_bn", net)
    else:
        x = _conv(x, channels, 3, f"{name}project_conv", stride, use_bias=False)
        x = _activated(x, f"{name}project_", net)
    return _added(x, shortcut, stride == 1 and before == channels, drop, name)


def _added(x: Tensor, shortcut: Tensor, fits: bool, drop: float, name: str) -> Tensor:
    if not fits:
        return x
    if drop > 0:
        x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.add([x, shortcut], name=f"{name}add")


def EfficientNetV2B0(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b0",
) -> Model:
    """Return EfficientNet V2 B0; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetV2B0(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1280), 5919312)
    """
    return _efficientnet_v2("b0", **locals())


def EfficientNetV2B1(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b1",
) -> Model:
    """Return EfficientNet V2 B1; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetV2B1(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1280), 6931124)
    """
    return _efficientnet_v2("b1", **locals())


def EfficientNetV2B2(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b2",
) -> Model:
    """Return EfficientNet V2 B2; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetV2B2(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1408), 8769374)
    """
    return _efficientnet_v2("b2", **locals())


def EfficientNetV2B3(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b3",
) -> Model:
    """Return EfficientNet V2 B3; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetV2B3(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1536), 12930622)
    """
    return _efficientnet_v2("b3", **locals())


def EfficientNetV2S(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-s",
) -> Model:
    """Return EfficientNet V2 S; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetV2S(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1280), 20331360)
    """
    return _efficientnet_v2("-s", **locals())


def EfficientNetV2M(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-m",
) -> Model:
    """Return EfficientNet V2 M; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetV2M(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1280), 53150388)
    """
    return _efficientnet_v2("-m", **locals())


def EfficientNetV2L(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-l",
) -> Model:
    """Return EfficientNet V2 L; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.EfficientNetV2L(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1280), 117746848)
    """
    return _efficientnet_v2("-l", **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Return images as they are: the model scales them itself.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import efficientnet_v2
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> efficientnet_v2.preprocess_input(red).round(3).tolist()
        [[[[255.0, 0.0, 0.0]]]]
    """
    return x
