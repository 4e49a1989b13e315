"""VGG: blocks of small convolutions.

Source: Simonyan & Zisserman, 2015, Very deep convolutional networks for large-scale image recognition.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["VGG16", "VGG19", "decode_predictions", "preprocess_input"]

FILTERS = (64, 128, 256, 512, 512)


def _vgg(file: str, depths: tuple, **options: Any) -> Model:
    net = Network(default_size=224, min_size=32, **options)
    x = net.x
    for block, (filters, depth) in enumerate(zip(FILTERS, depths, strict=True), 1):
        for i in range(1, depth + 1):
            x = layers.Conv2D(filters, 3, activation="relu", padding="same", name=f"block{block}_conv{i}")(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if not net.include_top:
        return net.model(net.pooled(x), file)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(4096, activation="relu", name="fc1")(x)
    x = layers.Dense(4096, activation="relu", name="fc2")(x)
    return net.model(net.classifier(x), file)


def VGG16(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "vgg16",
) -> Model:
    """Return VGG with 16 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 512), 14714688)
    """
    return _vgg("vgg16", (2, 2, 3, 3, 3), **locals())


def VGG19(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "vgg19",
) -> Model:
    """Return VGG with 19 layers; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 512), 20024384)
    """
    return _vgg("vgg19", (2, 2, 4, 4, 4), **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Order channels as blue, green, red and subtract ImageNet's mean, as VGG was trained; pixels are 0 to 255.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import vgg16
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> vgg16.preprocess_input(red).round(3).tolist()
        [[[[-103.939, -116.779, 131.32]]]]
    """
    return _prepared(x, data_format, mode="caffe")
