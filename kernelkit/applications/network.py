"""Shared code of all architectures: the shape of images, the top, and the weights files."""

from __future__ import annotations

import os
import urllib.parse
import warnings
from typing import Any

from kernelkit import config, layers
from kernelkit.applications.weights_table import BASE, FILES
from kernelkit.layers import Input
from kernelkit.models import Model
from kernelkit.symbolic import is_keras_tensor
from kernelkit.typing import ActivationLike, PathLike, Shapes, Tensor
from kernelkit.utils.download import get_file
from kernelkit.utils.tensors import get_source_inputs


def checked_input_shape(
    input_shape: Shapes,
    default_size: int,
    min_size: int,
    require_flatten: bool,
    weights: PathLike | None = None,
    data_format: str | None = None,
) -> tuple:
    """Return the shape of an image, checked.

    Args:
        input_shape: Shape without the axis of the batch, or ``None`` for the architecture's own.
        default_size: Height and width of the images that the architecture was made for.
        min_size: Smallest height and width that leaves something after the last pooling.
        require_flatten: Whether height and width must be known.
        weights: ``"imagenet"`` allows three channels only.
        data_format: The layout; the setting by default.

    Raises:
        ValueError: If the shape is not an image's, or too small.
    """
    first = config.standardize_data_format(data_format) == "channels_first"
    default = (3, default_size, default_size) if first else (default_size, default_size, 3)
    if input_shape is None:
        channels = (3,)
        sizes = (default_size, default_size) if require_flatten else (None, None)
        return (*channels, *sizes) if first else (*sizes, *channels)
    input_shape = tuple(input_shape)
    if len(input_shape) != 3:
        raise ValueError(f"`input_shape` must be a tuple of three integers. Received: input_shape={input_shape}")
    channels_of = input_shape[0] if first else input_shape[-1]
    sizes_of = input_shape[1:] if first else input_shape[:-1]
    if weights == "imagenet" and require_flatten and input_shape != default:
        raise ValueError(
            "When setting `include_top=True` and loading `imagenet` weights, `input_shape` should be "
            f"{default}. Received: input_shape={input_shape}"
        )
    if weights == "imagenet" and channels_of != 3:
        raise ValueError(
            f"The weights of ImageNet are for 3 input channels. Received: input_shape={input_shape}. Pass weights=None "
            "for other numbers."
        )
    if channels_of not in (1, 3):
        warnings.warn(
            f"This model usually expects 1 or 3 input channels. However, it was passed an input_shape with "
            f"{channels_of} input channels.",
            stacklevel=3,
        )
    if any(s is not None and s < min_size for s in sizes_of):
        raise ValueError(f"Input size must be at least {min_size}x{min_size}. Received: input_shape={input_shape}")
    if require_flatten and None in sizes_of:
        raise ValueError(
            f"If `include_top` is True, you should specify a static `input_shape`. Received: input_shape={input_shape}"
        )
    return input_shape


class Network:
    """An architecture under construction: its input, its options, and finally its model.

    Args:
        name: Name of the model.
        weights: ``"imagenet"``, a path, an address or ``None``.
        include_top: Whether the classifier is part of the model.
        classes: Number of classes.
        pooling: ``None``, ``"avg"`` or ``"max"``: the last layer of a model without the top.
        classifier_activation: Activation of the classifier.
        input_tensor: Symbolic tensor to begin with.
        input_shape: Shape of an image.
        default_size: Height and width of the images that the architecture was made for.
        min_size: Smallest height and width.
        flatten: Whether the classifier needs a known height and width.
        last_axis: Axis of the channels in layers' configs, if channels are last: -1 or 3.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        name: str | None,
        weights: PathLike | None,
        include_top: bool,
        classes: int,
        pooling: str | None,
        classifier_activation: ActivationLike,
        input_tensor: Tensor,
        input_shape: Shapes,
        default_size: int,
        min_size: int,
        flatten: bool = True,
        last_axis: int = -1,
    ) -> None:
        if weights not in ("imagenet", None) and not _is_address(weights) and not os.path.exists(weights):
            raise ValueError(
                "The `weights` argument should be either `None` (random initialization), 'imagenet' (pre-training on "
                f"ImageNet), the path to the weights file to be loaded, or its address. Received: weights={weights}"
            )
        if weights == "imagenet" and include_top and classes != 1000:
            raise ValueError(
                'If using `weights="imagenet"` with `include_top=True`, `classes` should be 1000. Received: '
                f"classes={classes}"
            )
        if pooling not in (None, "avg", "max"):
            raise ValueError(f"`pooling` must be None, 'avg' or 'max'. Received: pooling={pooling}")
        if include_top and weights == "imagenet" and classifier_activation not in (None, "softmax"):
            raise ValueError(
                "Only `None` and `softmax` activations are allowed for the `classifier_activation` argument when using "
                f"pretrained weights, with `include_top=True`; Received: classifier_activation={classifier_activation}"
            )
        self.name, self.weights, self.include_top, self.classes = name, weights, include_top, classes
        self.pooling, self.classifier_activation = pooling, classifier_activation
        self.channel_axis = 1 if config.image_data_format() == "channels_first" else last_axis
        if is_keras_tensor(input_tensor) and input_shape is None:
            input_shape = tuple(input_tensor.shape[1:])
        shape = checked_input_shape(input_shape, default_size, min_size, include_top and flatten, weights)
        if input_tensor is None:
            self.x = Input(shape)
        elif is_keras_tensor(input_tensor):
            self.x = input_tensor
        else:
            self.x = Input(tensor=input_tensor, shape=shape)
        self.shape = tuple(self.x.shape[1:])
        self._given = input_tensor

    @property
    def rows(self) -> int | None:
        """The height of the images, ``None`` if it is not fixed."""
        return self.shape[1 if self.channel_axis == 1 else 0]

    @property
    def channels(self) -> int:
        """The number of channels of the images."""
        return self.shape[0 if self.channel_axis == 1 else -1]

    def pooled(self, x: Tensor, avg_name: str | None = None, max_name: str | None = None) -> Tensor:
        """Return the outputs of a model without a top, after the pooling, if there is one."""
        if self.pooling == "avg":
            return layers.GlobalAveragePooling2D(name=avg_name)(x)
        if self.pooling == "max":
            return layers.GlobalMaxPooling2D(name=max_name)(x)
        return x

    def classifier(self, x: Tensor, name: str = "predictions", **options: Any) -> Tensor:
        """Return the likelihoods of the classes, from features (batch, features)."""
        return layers.Dense(self.classes, activation=self.classifier_activation, name=name, **options)(x)

    def model(self, outputs: Tensor, file: str | tuple[str, str | None]) -> Model:
        """Return the model with its weights loaded.

        Args:
            outputs: The last tensor.
            file: Name of the architecture in the table of weights files, or the file itself with its checksum.
        """
        inputs = get_source_inputs(self._given) if self._given is not None else self.x
        if isinstance(inputs, list) and len(inputs) == 1:
            inputs = inputs[0]
        made = Model(inputs, outputs, name=self.name)
        if self.weights == "imagenet":
            path, checksum = file if isinstance(file, tuple) else _published(file, self.include_top)
            made.load_weights(get_file(os.path.basename(path), BASE + path, cache_subdir="models", file_hash=checksum))
        elif self.weights is not None:
            made.load_weights(fetched(self.weights))
        return made


def fetched(weights: PathLike) -> str:
    """Return the path of a weights file. A file with an address is downloaded, unless the cache has it.

    An address may end with ``#md5=...`` or ``#sha256=...``, the checksum that the file must have.
    """
    if not _is_address(weights):
        return os.fspath(weights)
    address, _, checksum = str(weights).partition("#")
    algorithm, _, digits = checksum.partition("=")
    if checksum and (algorithm not in ("md5", "sha256") or not digits):
        raise ValueError(f"The address of a weights file may end with #md5=... or #sha256=..., got #{checksum}.")
    return get_file(
        origin=address, cache_subdir="models", file_hash=digits or None, hash_algorithm=algorithm if digits else "auto"
    )


def _is_address(weights: PathLike | None) -> bool:
    return isinstance(weights, str) and urllib.parse.urlsplit(weights).scheme in ("http", "https", "ftp", "file")


def _published(name: str, include_top: bool) -> tuple[str, str | None]:
    if name not in FILES:
        raise ValueError(f"There are no published weights of ImageNet for {name!r}. Pass weights=None.")
    whole, whole_md5, bare, bare_md5 = FILES[name]
    return (whole, whole_md5) if include_top else (bare, bare_md5)


def padding_to_halve(x: Tensor, kernel_size: int) -> tuple:
    """Return the zero padding that places windows of stride 2 as PyTorch does, with `valid` convolutions."""
    first = config.image_data_format() == "channels_first"
    sizes = x.shape[2:4] if first else x.shape[1:3]
    reach = kernel_size // 2
    odd = [0 if s is None else s % 2 for s in sizes]
    return tuple((reach - 1 + o, reach) for o in odd)


def published_size(input_shape: Shapes, weights: PathLike | None, sizes: tuple[int, ...]) -> int | None:
    """Return the image size of the published weights to load: that of the input, or else the largest.

    Args:
        input_shape: Shape of an image, or ``None``.
        weights: The argument ``weights`` of the model.
        sizes: Heights (and widths) of images for which weights were published.
    """
    if input_shape is None:
        return sizes[-1]
    first = config.image_data_format() == "channels_first"
    rows, columns = input_shape[1:] if first else input_shape[:2]
    if rows == columns and rows in sizes:
        return rows
    if weights == "imagenet":
        warnings.warn(
            f"`input_shape` is undefined or not square, or its size is not in {list(sizes)}. Weights for input shape "
            f"({sizes[-1]}, {sizes[-1]}) will be loaded as the default.",
            stacklevel=3,
        )
    return sizes[-1]


def round_channels(count: float, divisor: int = 8, least: int | None = None) -> int:
    """Return the nearest multiple of a divisor that is at least 90 % of a number of channels.

    Source: Sandler et al., 2018, MobileNetV2, in its published code.

    Example:
        >>> round_channels(44.8), round_channels(11)
        (48, 16)
    """
    rounded = max(least or divisor, int(count + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * count else rounded
