"""MobileNet: depthwise convolutions alternate with 1x1 convolutions.

Source: Howard et al., 2017, MobileNets: efficient convolutional neural networks for mobile vision applications.
"""

from __future__ import annotations

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network, published_size
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

# (filters, stride) of the thirteen blocks.
BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
WIDTHS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}


def MobileNet(
    input_shape: Shapes = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str | None = None,
) -> Model:
    """Return MobileNet; ``alpha`` scales the number of filters. See :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.MobileNet(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1024), 3228864)
    """
    size = published_size(input_shape, weights, (128, 160, 192, 224))
    net = Network(
        name,
        weights, include_top, classes, pooling, classifier_activation, input_tensor, input_shape,
        default_size=size or 224, min_size=32,
    )  # fmt: skip
    if weights == "imagenet" and (alpha not in WIDTHS or depth_multiplier != 1):
        raise ValueError(
            f"The weights of ImageNet are for `alpha` in {sorted(WIDTHS)} and `depth_multiplier=1`. Received: "
            f"alpha={alpha}, depth_multiplier={depth_multiplier}"
        )
    net.name = name or f"mobilenet_{alpha:0.2f}_{net.rows}"
    x = layers.Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(net.x)
    x = _activated(x, "conv1", net)
    for i, (filters, stride) in enumerate(BLOCKS, 1):
        if stride > 1:
            x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{i}")(x)
        x = layers.DepthwiseConv2D(
            3,
            strides=stride,
            padding="same" if stride == 1 else "valid",
            depth_multiplier=depth_multiplier,
            use_bias=False,
            name=f"conv_dw_{i}",
        )(x)
        x = _activated(x, f"conv_dw_{i}", net)
        x = layers.Conv2D(int(filters * alpha), 1, padding="same", use_bias=False, name=f"conv_pw_{i}")(x)
        x = _activated(x, f"conv_pw_{i}", net)
    file = f"tensorflow/keras-applications/mobilenet/mobilenet_{WIDTHS.get(alpha)}_{size}_tf"
    if not include_top:
        return net.model(net.pooled(x), (f"{file}_no_top.h5", None))
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((classes,), name="reshape_2")(x)
    x = layers.Activation(classifier_activation, name="predictions")(x)
    return net.model(x, (f"{file}.h5", None))


def _activated(x: Tensor, name: str, net: Network) -> Tensor:
    x = layers.BatchNormalization(axis=net.channel_axis, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Scale images from 0 to 255 to the range -1 to 1, in which MobileNet was trained.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import mobilenet
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> mobilenet.preprocess_input(red).round(3).tolist()
        [[[[1.0, -1.0, -1.0]]]]
    """
    return _prepared(x, data_format, mode="tf")
