"""DenseNet: each layer gets the outputs of all earlier layers of its block.

Source: Huang et al., 2017, Densely connected convolutional networks.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

EPSILON = 1.001e-5
GROWTH = 32


def _densenet(file: str, depths: tuple, **options: Any) -> Model:
    net = Network(default_size=224, min_size=32, last_axis=3, **options)
    axis = net.channel_axis
    x = layers.ZeroPadding2D(3)(net.x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = _activated(x, "conv1", axis, "conv1_")
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            x = _block(x, f"conv{stage}_block{i}", axis)
        if stage < 5:
            x = _activated(x, f"pool{stage}", axis, f"pool{stage}_")
            x = layers.Conv2D(x.shape[axis] // 2, 1, use_bias=False, name=f"pool{stage}_conv")(x)
            x = layers.AveragePooling2D(2, strides=2, name=f"pool{stage}_pool")(x)
    x = layers.BatchNormalization(axis=axis, epsilon=EPSILON, name="bn")(x)
    x = layers.Activation("relu", name="relu")(x)
    if not net.include_top:
        return net.model(net.pooled(x, "avg_pool", "max_pool"), file)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return net.model(net.classifier(x), file)


def _activated(x: Tensor, name: str, axis: int, prefix: str) -> Tensor:
    x = layers.BatchNormalization(axis=axis, epsilon=EPSILON, name=f"{prefix}bn")(x)
    return layers.Activation("relu", name=f"{prefix}relu")(x)


def _block(x: Tensor, name: str, axis: int) -> Tensor:
    new = _activated(x, name, axis, f"{name}_0_")
    new = layers.Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = _activated(new, name, axis, f"{name}_1_")
    new = layers.Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(new)
    return layers.Concatenate(axis=axis, name=f"{name}_concat")([x, new])


def DenseNet121(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "densenet121",
) -> Model:
    """Return DenseNet with 121 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.DenseNet121(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1024), 7037504)
    """
    return _densenet("densenet121", (6, 12, 24, 16), **locals())


def DenseNet169(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "densenet169",
) -> Model:
    """Return DenseNet with 169 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.DenseNet169(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1664), 12642880)
    """
    return _densenet("densenet169", (6, 12, 32, 32), **locals())


def DenseNet201(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "densenet201",
) -> Model:
    """Return DenseNet with 201 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.DenseNet201(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1920), 18321984)
    """
    return _densenet("densenet201", (6, 12, 48, 32), **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Subtract ImageNet's mean and divide by its deviation, as DenseNet was trained; images are from 0 to 255.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import densenet
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> densenet.preprocess_input(red).round(3).tolist()
        [[[[2.249, -2.036, -1.804]]]]
    """
    return _prepared(x, data_format, mode="torch")
