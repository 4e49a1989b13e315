"""NASNet: a stack of two kinds of cells, found by architecture search.

Source: Zoph et al., 2018, Learning transferable architectures for scalable image recognition.
"""

from __future__ import annotations

from typing import Any

from kernelkit import layers
from kernelkit.applications.imagenet_utils import decode_predictions
from kernelkit.applications.imagenet_utils import preprocess_input as _prepared
from kernelkit.applications.network import Network, padding_to_halve
from kernelkit.models import Model
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]


def _nasnet(file: str, size: int, stem: int, filters: int, count: int, skips: bool, **options: Any) -> Model:
    net = Network(default_size=size, min_size=32, **options)
    cells = _Cells(net.channel_axis)
    x = layers.Conv2D(stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal", name="stem_conv1")(net.x)
    x = cells.normalized(x, "stem_bn1")
    x, before = cells.reduction(x, None, filters // 4, "stem_1")
    x, before = cells.reduction(x, before, filters // 2, "stem_2")
    for part in range(3):
        if part > 0:
            x, skipped = cells.reduction(x, before, filters * 2**part, f"reduce_{part * count}")
            before = before if skips else skipped
        first = part * count + (part > 0)
        for number in range(first, first + count):
            x, before = cells.normal(x, before, filters * 2**part, str(number))
    x = layers.Activation("relu")(x)
    if not net.include_top:
        return net.model(net.pooled(x), file)
    x = layers.GlobalAveragePooling2D()(x)
    return net.model(net.classifier(x), file)


class _Cells:
    """The two kinds of cells. Each cell gets the outputs of the two cells before it."""

    def __init__(self, channel_axis: int) -> None:
        self.axis = channel_axis

    def normalized(self, x: Tensor, name: str) -> Tensor:
        return layers.BatchNormalization(axis=self.axis, momentum=0.9997, epsilon=1e-3, name=name)(x)

    def conv(self, x: Tensor, filters: int, name: str) -> Tensor:
        return layers.Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(x)

    def separable(self, x: Tensor, filters: int, kernel: int, name: str, stride: int = 1) -> Tensor:
        """Return the output of two separable convolutions; the first may halve the image."""
        x = layers.Activation("relu")(x)
        if stride == 2:
            x = layers.ZeroPadding2D(padding_to_halve(x, kernel), name=f"separable_conv_1_pad_{name}")(x)
        for i in (1, 2):
            halves = stride == 2 and i == 1
            x = layers.SeparableConv2D(
                filters,
                kernel,
                strides=2 if halves else 1,
                padding="valid" if halves else "same",
                use_bias=False,
                name=f"separable_conv_{i}_{name}",
            )(x)
            x = self.normalized(x, f"separable_conv_{i}_bn_{name}")
            if i == 1:
                x = layers.Activation("relu")(x)
        return x

    def adjusted(self, before: Tensor | None, x: Tensor, filters: int, name: str) -> Tensor:
        """Return the output of the second to last cell in the shape of the last cell's output."""
        if before is None:
            return x
        row = 2 if self.axis == 1 else 1
        if before.shape[row] != x.shape[row]:
            before = layers.Activation("relu", name=f"adjust_relu_1_{name}")(before)
            half = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_1_{name}")(before)
            half = self.conv(half, filters // 2, f"adjust_conv_1_{name}")
            other = layers.ZeroPadding2D(((0, 1), (0, 1)))(before)
            other = layers.Cropping2D(((1, 0), (1, 0)))(other)
            other = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_2_{name}")(other)
            other = self.conv(other, filters // 2, f"adjust_conv_2_{name}")
            before = layers.concatenate([half, other], axis=self.axis)
        elif before.shape[self.axis] != filters:
            before = layers.Activation("relu")(before)
            before = self.conv(before, filters, f"adjust_conv_projection_{name}")
        else:
            return before
        return self.normalized(before, f"adjust_bn_{name}")

    def normal(self, x: Tensor, before: Tensor | None, filters: int, name: str) -> tuple[Tensor, Tensor]:
        """Return the output of a cell that keeps the image's size."""
        p = self.adjusted(before, x, filters, name)
        h = self.conv(layers.Activation("relu")(x), filters, f"normal_conv_1_{name}")
        h = self.normalized(h, f"normal_bn_1_{name}")

        def average(x: Tensor, side: str) -> Tensor:
            return layers.AveragePooling2D(3, strides=1, padding="same", name=f"normal_{side}_{name}")(x)

        pairs: list = [
            lambda: (
                self.separable(h, filters, 5, f"normal_left1_{name}"),
                self.separable(p, filters, 3, f"normal_right1_{name}"),
            ),
            lambda: (
                self.separable(p, filters, 5, f"normal_left2_{name}"),
                self.separable(p, filters, 3, f"normal_right2_{name}"),
            ),
            lambda: (average(h, "left3"), p),
            lambda: (average(p, "left4"), average(p, "right4")),
            lambda: (self.separable(h, filters, 3, f"normal_left5_{name}"), h),
        ]
        sums = [layers.add(list(pair()), name=f"normal_add_{i}_{name}") for i, pair in enumerate(pairs, 1)]
        return layers.concatenate([p, *sums], axis=self.axis, name=f"normal_concat_{name}"), x

    def reduction(self, x: Tensor, before: Tensor | None, filters: int, name: str) -> tuple[Tensor, Tensor]:
        """Return the output of a cell that halves the image's size."""
        p = self.adjusted(before, x, filters, name)
        h = self.conv(layers.Activation("relu")(x), filters, f"reduction_conv_1_{name}")
        h = self.normalized(h, f"reduction_bn_1_{name}")
        padded = layers.ZeroPadding2D(padding_to_halve(h, 3), name=f"reduction_pad_1_{name}")(h)
        one = layers.add(
            [
                self.separable(h, filters, 5, f"reduction_left1_{name}", 2),
                self.separable(p, filters, 7, f"reduction_right1_{name}", 2),
            ],
            name=f"reduction_add_1_{name}",
        )
        two = layers.add(
            [
                layers.MaxPooling2D(3, strides=2, name=f"reduction_left2_{name}")(padded),
                self.separable(p, filters, 7, f"reduction_right2_{name}", 2),
            ],
            name=f"reduction_add_2_{name}",
        )
        three = layers.add(
            [
                layers.AveragePooling2D(3, strides=2, name=f"reduction_left3_{name}")(padded),
                self.separable(p, filters, 5, f"reduction_right3_{name}", 2),
            ],
            name=f"reduction_add3_{name}",
        )
        four = layers.add(
            [two, layers.AveragePooling2D(3, strides=1, padding="same", name=f"reduction_left4_{name}")(one)]
        )
        five = layers.add(
            [
                self.separable(one, filters, 3, f"reduction_left4_{name}"),
                layers.MaxPooling2D(3, strides=2, name=f"reduction_right5_{name}")(padded),
            ],
            name=f"reduction_add4_{name}",
        )
        return layers.concatenate([two, three, four, five], axis=self.axis, name=f"reduction_concat_{name}"), x


def NASNetMobile(
    input_shape: Shapes = None,
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "nasnet_mobile",
) -> Model:
    """Return the smaller NASNet; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.NASNetMobile(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 1056), 4269716)
    """
    return _nasnet("nasnet_mobile", 224, 32, 44, 4, False, **locals())


def NASNetLarge(
    input_shape: Shapes = None,
    include_top: bool = True,
    weights: PathLike | None = "imagenet",
    input_tensor: Tensor = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    name: str = "nasnet_large",
) -> Model:
    """Return the larger NASNet; see :mod:`kernelkit.applications` for the arguments.

    Example:
        >>> from kernelkit import applications
        >>> model = applications.NASNetLarge(weights=None, include_top=False, input_shape=(32, 32, 3))
        >>> model.output_shape, model.count_params()
        ((None, 1, 1, 4032), 84916818)
    """
    return _nasnet("nasnet_large", 331, 96, 168, 6, True, **locals())


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Scale images from 0 to 255 to the range -1 to 1, in which NASNet was trained.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import nasnet
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])  # one image of one pixel
        >>> nasnet.preprocess_input(red).round(3).tolist()
        [[[[1.0, -1.0, -1.0]]]]
    """
    return _prepared(x, data_format, mode="tf")
