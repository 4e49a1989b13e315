"""ConvNeXt: convolutions arranged like a transformer.

Source: Liu et al., 2022, A ConvNet for the 2020s.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import DEVIATION, MEAN, decode_predictions
from kernelkit.applications.network import Network
from kernelkit.layers import Layer
from kernelkit.models import Model, Sequential
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "LayerScale",
    "decode_predictions",
    "preprocess_input",
]

# blocks in each stage, channels of each stage
VARIANTS = {
    "tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "small": ((3, 3, 27, 3), (96, 192, 384, 768)),
    "base": ((3, 3, 27, 3), (128, 256, 512, 1024)),
    "large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
    "xlarge": ((3, 3, 27, 3), (256, 512, 1024, 2048)),
}


class LayerScale(Layer):
    """Multiplies each channel by a weight that is small at first.

    Source: Touvron et al., 2021, Going deeper with image transformers.

    Args:
        init_values: Initial value of the weights.
        projection_dim: Number of channels.
        **kwargs: Arguments of :class:`~kernelkit.Layer`.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit.applications.convnext import LayerScale
        >>> LayerScale(0.5, projection_dim=2)(kk.ops.ones((1, 2))).tolist()
        [[0.5, 0.5]]
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, input_shape: Shapes) -> None:
        """Make the weights."""
        initializer = {"class_name": "Constant", "config": {"value": self.init_values}}
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer=initializer)

    def call(self, x: Tensor) -> Tensor:
        """Return the scaled channels."""
        return x * self.gamma


def _convnext(variant: str, include_preprocessing: bool, **options: Any) -> Model:
    depths, channels = VARIANTS[variant]
    net = Network(default_size=224, min_size=32, **options)
    name, x = net.name, net.x
    if include_preprocessing and net.channels == 3:
        mean, variance = [255 * m for m in MEAN], [(255 * d) ** 2 for d in DEVIATION]
        x = layers.Normalization(mean=mean, variance=variance, name=f"{name}_prestem_normalization")(x)
    stem = [
        layers.Conv2D(channels[0], 4, strides=4, name=f"{name}_stem_conv"),
        layers.LayerNormalization(epsilon=1e-6, name=f"{name}_stem_layernorm"),
    ]
    x = Sequential(stem, name=f"{name}_stem")(x)
    for stage, (depth, width) in enumerate(zip(depths, channels, strict=True)):
        if stage > 0:
            smaller = [
                layers.LayerNormalization(epsilon=1e-6, name=f"{name}_downsampling_layernorm_{stage - 1}"),
                layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{stage - 1}"),
            ]
            x = Sequential(smaller, name=f"{name}_downsampling_block_{stage - 1}")(x)
        for i in range(depth):
            x = _block(x, width, f"{name}_stage_{stage}_block_{i}")
    if net.include_top:
        x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
        x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_head_layernorm")(x)
        x = net.classifier(x, f"{name}_head_dense")
    else:
        x = layers.LayerNormalization(epsilon=1e-6)(net.pooled(x))
    return net.model(x, f"convnext_{variant}")


def _block(x: Tensor, width: int, name: str) -> Tensor:
    new = layers.Conv2D(width, 7, padding="same", groups=width, name=f"{name}_depthwise_conv")(x)
    new = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_layernorm")(new)
    new = layers.Dense(4 * width, name=f"{name}_pointwise_conv_1")(new)
    new = layers.Activation("gelu", name=f"{name}_gelu")(new)
    new = layers.Dense(width, name=f"{name}_pointwise_conv_2")(new)
    new = LayerScale(1e-6, width, name=f"{name}_layer_scale")(new)
    return x + layers.Activation("linear", name=f"{name}_identity")(new)


def ConvNeXtTiny(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "convnext_tiny",
) -> Model:
    """Return ConvNeXt Tiny; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ConvNeXtTiny(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 768), 27820128)
    """
    return _convnext("tiny", **locals())


def ConvNeXtSmall(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "convnext_small",
) -> Model:
    """Return ConvNeXt Small; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ConvNeXtSmall(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 768), 49454688)
    """
    return _convnext("small", **locals())


def ConvNeXtBase(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "convnext_base",
) -> Model:
    """Return ConvNeXt Base; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ConvNeXtBase(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1024), 87566464)
    """
    return _convnext("base", **locals())


def ConvNeXtLarge(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "convnext_large",
) -> Model:
    """Return ConvNeXt Large; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ConvNeXtLarge(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1536), 196230336)
    """
    return _convnext("large", **locals())


def ConvNeXtXLarge(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    input_shape: Shapes = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "convnext_xlarge",
) -> Model:
    """Return ConvNeXt XLarge; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.ConvNeXtXLarge(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 2048), 348147968)
    """
    return _convnext("xlarge", **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Return images as they are: the model scales them itself.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import convnext
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> convnext.preprocess_input(red).round(3).tolist()
        [[[[255.0, 0.0, 0.0]]]]
    """
    return x
