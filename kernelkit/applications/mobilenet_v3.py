"""MobileNet V3: blocks found by architecture search; some rescale their channels.

Source: Howard et al., 2019, Searching for MobileNetV3.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.network import Network, padding_to_halve, round_channels
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

# (expansion, channels, kernel, stride, whether channels are rescaled, whether hard-swish): tables 1 and 2 of the paper.
LARGE = [
    (1, 16, 3, 1, False, False), (4, 24, 3, 2, False, False), (3, 24, 3, 1, False, False), (3, 40, 5, 2, True, False),
    (3, 40, 5, 1, True, False), (3, 40, 5, 1, True, False), (6, 80, 3, 2, False, True), (2.5, 80, 3, 1, False, True),
    (2.3, 80, 3, 1, False, True), (2.3, 80, 3, 1, False, True), (6, 112, 3, 1, True, True), (6, 112, 3, 1, True, True),
    (6, 160, 5, 2, True, True), (6, 160, 5, 1, True, True), (6, 160, 5, 1, True, True),
]  # fmt: skip
SMALL = [
    (1, 16, 3, 2, True, False), (72 / 16, 24, 3, 2, False, False), (88 / 24, 24, 3, 1, False, False),
    (4, 40, 5, 2, True, True), (6, 40, 5, 1, True, True), (6, 40, 5, 1, True, True), (3, 48, 5, 1, True, True),
    (3, 48, 5, 1, True, True), (6, 96, 5, 2, True, True), (6, 96, 5, 1, True, True), (6, 96, 5, 1, True, True),
]  # fmt: skip


class _Wiring:
    """The options that all parts of a model share."""

    def __init__(self, net: Network, minimalistic: bool) -> None:
        self.net, self.minimalistic = net, minimalistic

    def activation(self, x: Tensor, hard_swish: bool = True) -> Tensor:
        if hard_swish and not self.minimalistic:
            return layers.Activation("hard_swish")(x)
        return layers.ReLU()(x)

    def normalized(self, x: Tensor, name: str) -> Tensor:
        return layers.BatchNormalization(axis=self.net.channel_axis, epsilon=1e-3, momentum=0.999, name=name)(x)

    def block(
        self,
        x: Tensor,
        number: int,
        expansion: float,
        channels: int,
        kernel: int,
        stride: int,
        weighs: bool,
        hard_swish: bool,
    ) -> Tensor:
        """Expand the channels, convolve each channel, rescale the channels, reduce their number."""
        prefix = f"expanded_conv_{number}_" if number else "expanded_conv_"
        kernel = 3 if self.minimalistic else kernel
        shortcut, before = x, x.shape[self.net.channel_axis]
        wide = round_channels(before * expansion) if number else before
        if number:
            x = layers.Conv2D(wide, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
            x = self.activation(self.normalized(x, f"{prefix}expand_bn"), hard_swish)
        if stride == 2:
            x = layers.ZeroPadding2D(padding_to_halve(x, kernel), name=f"{prefix}depthwise_pad")(x)
        padding = "same" if stride == 1 else "valid"
        x = layers.DepthwiseConv2D(kernel, strides=stride, padding=padding, use_bias=False, name=f"{prefix}depthwise")(
            x
        )
        x = self.activation(self.normalized(x, f"{prefix}depthwise_bn"), hard_swish)
        if weighs and not self.minimalistic:
            x = _weighed(x, wide, f"{prefix}squeeze_excite_")
        x = layers.Conv2D(channels, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
        x = self.normalized(x, f"{prefix}project_bn")
        if stride == 1 and before == channels:
            x = layers.Add(name=f"{prefix}add")([shortcut, x])
        return x


def _weighed(x: Tensor, channels: int, prefix: str) -> Tensor:
    """Multiply each channel by a number from 0 to 1 that depends on all channels (squeeze and excitation)."""
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{prefix}avg_pool")(x)
    weights = layers.Conv2D(round_channels(channels * 0.25), 1, padding="same", name=f"{prefix}conv")(weights)
    weights = layers.ReLU(name=f"{prefix}relu")(weights)
    weights = layers.Conv2D(channels, 1, padding="same", name=f"{prefix}conv_1")(weights)
    weights = layers.ReLU(6.0)(weights + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{prefix}mul")([x, weights])


def _mobilenet_v3(
    blocks: list,
    last: int,
    alpha: float,
    minimalistic: bool,
    dropout_rate: float,
    include_preprocessing: bool,
    **options: Any,
) -> Model:
    # The classifier is a convolution after global pooling, so images may have any size.
    net = Network(default_size=224, min_size=32, flatten=False, **options)
    wiring = _Wiring(net, minimalistic)
    x = net.x
    if include_preprocessing:
        x = layers.Rescaling(scale=1.0 / 127.5, offset=-1.0)(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = wiring.activation(wiring.normalized(x, "conv_bn"))
    for number, (expansion, channels, *rest) in enumerate(blocks):
        x = wiring.block(x, number, expansion, round_channels(channels * alpha), *rest)
    wide = round_channels(x.shape[net.channel_axis] * 6)
    x = layers.Conv2D(wide, 1, padding="same", use_bias=False, name="conv_1")(x)
    x = wiring.activation(wiring.normalized(x, "conv_1_bn"))
    size = "large" if blocks is LARGE else "small"
    file = f"mobilenet_v3_{size}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}_float"
    if not net.include_top:
        return net.model(net.pooled(x, "avg_pool", "max_pool"), file)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(round_channels(last * alpha) if alpha > 1 else last, 1, padding="same", name="conv_2")(x)
    x = wiring.activation(x)
    if dropout_rate > 0:
        x = layers.Dropout(dropout_rate)(x)
    x = layers.Conv2D(net.classes, 1, padding="same", name="logits")(x)
    x = layers.Flatten()(x)
    return net.model(layers.Activation(net.classifier_activation, name="predictions")(x), file)


def MobileNetV3Small(
    input_shape: Shapes = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "MobileNetV3Small",
) -> Model:
    """Return the smaller MobileNet V3; ``minimalistic`` leaves out what is slow on some hardware.

    See :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 576), 939120)
    """
    return _mobilenet_v3(SMALL, 1024, **locals())


def MobileNetV3Large(
    input_shape: Shapes = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    name: str = "MobileNetV3Large",
) -> Model:
    """Return the larger MobileNet V3; ``minimalistic`` leaves out what is slow on some hardware.

    See :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.MobileNetV3Large(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 960), 2996352)
    """
    return _mobilenet_v3(LARGE, 1280, **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Return images as they are: the model scales them itself.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import mobilenet_v3
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> mobilenet_v3.preprocess_input(red).round(3).tolist()
        [[[[255.0, 0.0, 0.0]]]]
    """
    return x
