"""Inception-ResNet V2: Inception's branches with residual connections.

Source: Szegedy et al., 2017, Inception-v4, Inception-ResNet and the impact of residual connections on learning.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.inception_v3 import HALVING, VALID, Wiring
from kernelkit.applications.network import Network
from kernelkit.layers import Layer
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor, Tree

__all__ = ["CustomScaleLayer", "InceptionResNetV2", "decode_predictions", "preprocess_input"]


class CustomScaleLayer(Layer):
    """Adds a second input, scaled, to the first.

    Args:
        scale: Factor of the second input.
        **kwargs: Arguments of :class:`~kernelkit.Layer`.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit.applications.inception_resnet_v2 import CustomScaleLayer
        >>> x = kk.ops.ones((1, 2))
        >>> CustomScaleLayer(scale=0.1)([x, 10 * x]).tolist()  # x + 0.1 * (10 * x)
        [[2.0, 2.0]]
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Tree) -> Tensor:
        """Return ``inputs[0] + inputs[1] * scale``."""
        return inputs[0] + inputs[1] * self.scale


def InceptionResNetV2(
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "inception_resnet_v2",
) -> Model:
    """Return Inception-ResNet V2; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.InceptionResNetV2(weights=None, include_top=False, input_shape=(75, 75, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1536), 54336736)
    """
    net = Network(
        name, weights, include_top, classes, pooling, classifier_activation, input_tensor, input_shape,
        default_size=299, min_size=75,
    )  # fmt: skip
    w = Wiring(net)
    x = w.conv(net.x, (32, 3, HALVING), (32, 3, VALID), (64, 3))
    x = w.halved(x)
    x = w.conv(x, (80, 1, VALID), (192, 3, VALID))
    x = w.halved(x)
    branches = [w.conv(x, (96, 1)), w.conv(x, (48, 1), (64, 5)), w.conv(x, (64, 1), (96, 3), (96, 3))]
    x = w.join([*branches, w.conv(w.average(x), (64, 1))], "mixed_5b")
    for i in range(1, 11):
        branches = [w.conv(x, (32, 1)), w.conv(x, (32, 1), (32, 3)), w.conv(x, (32, 1), (48, 3), (64, 3))]
        x = _added(x, branches, 0.17, f"block35_{i}", w)
    branches = [w.conv(x, (384, 3, HALVING)), w.conv(x, (256, 1), (256, 3), (384, 3, HALVING))]
    x = w.join([*branches, w.halved(x)], "mixed_6a")
    for i in range(1, 21):
        branches = [w.conv(x, (192, 1)), w.conv(x, (128, 1), (160, (1, 7)), (192, (7, 1)))]
        x = _added(x, branches, 0.1, f"block17_{i}", w)
    branches = [
        w.conv(x, (256, 1), (384, 3, HALVING)),
        w.conv(x, (256, 1), (288, 3, HALVING)),
        w.conv(x, (256, 1), (288, 3), (320, 3, HALVING)),
    ]
    x = w.join([*branches, w.halved(x)], "mixed_7a")
    for i in range(1, 11):
        branches = [w.conv(x, (192, 1)), w.conv(x, (192, 1), (224, (1, 3)), (256, (3, 1)))]
        x = _added(x, branches, 0.2 if i < 10 else 1.0, f"block8_{i}", w, activated=i < 10)
    x = layers.Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = layers.BatchNormalization(axis=w.axis, scale=False, name="conv_7b_bn")(x)
    x = layers.Activation("relu", name="conv_7b_ac")(x)
    if not include_top:
        return net.model(net.pooled(x), "inception_resnet_v2")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return net.model(net.classifier(x), "inception_resnet_v2")


def _added(x: Tensor, branches: list, scale: float, name: str, w: Wiring, activated: bool = True) -> Tensor:
    mixed = w.join(branches, f"{name}_mixed")
    new = layers.Conv2D(x.shape[w.axis], 1, padding="same", name=f"{name}_conv")(mixed)
    x = CustomScaleLayer(scale)([x, new])
    return layers.Activation("relu", name=f"{name}_ac")(x) if activated else x


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Scale images from 0 to 255 to the range -1 to 1, in which Inception-ResNet V2 was trained.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import inception_resnet_v2
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> inception_resnet_v2.preprocess_input(red).round(3).tolist()
        [[[[1.0, -1.0, -1.0]]]]
    """
    return _prepared(x, data_format, mode="tf")
