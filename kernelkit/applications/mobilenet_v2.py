"""MobileNet V2: blocks that expand the channels, convolve each channel, and reduce their number.

Source: Sandler et al., 2018, MobileNetV2: inverted residuals and linear bottlenecks.
"""

from __future__ import annotations

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network, padding_to_halve, published_size, round_channels
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

# (expansion, channels, number of blocks, first stride): table 2 of the paper.
STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


def MobileNetV2(
    input_shape: Shapes = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str | None = None,
) -> Model:
    """Return MobileNet V2; ``alpha`` scales the number of filters. See :mod:`kernelkit.applications`.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1280), 2257984)
    """
    size = published_size(input_shape, weights, (96, 128, 160, 192, 224))
    net = Network(
        name,
        weights, include_top, classes, pooling, classifier_activation, input_tensor, input_shape,
        default_size=size or 224, min_size=32,
    )  # fmt: skip
    if weights == "imagenet" and alpha not in WIDTHS:
        raise ValueError(f"The weights of ImageNet are for `alpha` in {WIDTHS}. Received: alpha={alpha}")
    net.name = name or f"mobilenetv2_{alpha:0.2f}_{net.rows}"
    x = layers.Conv2D(round_channels(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(net.x)
    x = _activated(x, "bn_Conv1", "Conv1_relu", net)
    number = 0
    for expansion, channels, count, first_stride in STAGES:
        for i in range(count):
            stride = first_stride if i == 0 else 1
            x = _block(x, expansion, round_channels(int(channels * alpha)), stride, number, net)
            number += 1
    x = layers.Conv2D(round_channels(1280 * alpha) if alpha > 1 else 1280, 1, use_bias=False, name="Conv_1")(x)
    x = _activated(x, "Conv_1_bn", "out_relu", net)
    base = "tensorflow/keras-applications/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
    if not include_top:
        return net.model(net.pooled(x), (f"{base}_{alpha}_{size}_no_top.h5", None))
    x = layers.GlobalAveragePooling2D()(x)
    return net.model(net.classifier(x), (f"{base}_{alpha}_{size}.h5", None))


def _normalized(x: Tensor, name: str, net: Network) -> Tensor:
    return layers.BatchNormalization(axis=net.channel_axis, epsilon=1e-3, momentum=0.999, name=name)(x)


def _activated(x: Tensor, name: str, relu: str, net: Network) -> Tensor:
    return layers.ReLU(6.0, name=relu)(_normalized(x, name, net))


def _block(x: Tensor, expansion: int, channels: int, stride: int, number: int, net: Network) -> Tensor:
    name, shortcut = f"block_{number}" if number else "expanded_conv", x
    before = x.shape[net.channel_axis]
    if number:
        x = layers.Conv2D(expansion * before, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = _activated(x, f"{name}_expand_BN", f"{name}_expand_relu", net)
    if stride == 2:
        x = layers.ZeroPadding2D(padding_to_halve(x, 3), name=f"{name}_pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=f"{name}_depthwise")(x)
    x = _activated(x, f"{name}_depthwise_BN", f"{name}_depthwise_relu", net)
    x = layers.Conv2D(channels, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = _normalized(x, f"{name}_project_BN", net)
    if before == channels and stride == 1:
        return layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Scale images from 0 to 255 to the range -1 to 1, in which MobileNet V2 was trained.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import mobilenet_v2
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> mobilenet_v2.preprocess_input(red).round(3).tolist()
        [[[[1.0, -1.0, -1.0]]]]
    """
    return _prepared(x, data_format, mode="tf")
