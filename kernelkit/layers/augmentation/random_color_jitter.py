"""RandomColorJitter: brightness, contrast, saturation and hue changed at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernelkit.layers.augmentation.random_brightness import RandomBrightness
from kernelkit.layers.augmentation.random_contrast import RandomContrast
from kernelkit.layers.augmentation.random_hue import RandomHue
from kernelkit.layers.augmentation.random_saturation import RandomSaturation
from kernelkit.layers.augmentation.ranges import value_range_of
from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.random import SeedGenerator
from kernelkit.typing import Seed, Tensor, Transformation, Tree


class RandomColorJitter(ImageTransform):
    """Change brightness, contrast, saturation and hue of images at random, one after the other.

    Args:
        value_range: Lowest and highest value of a pixel.
        brightness_factor: ``factor`` of :class:`RandomBrightness`; ``None`` leaves brightness unchanged.
        contrast_factor: ``factor`` of :class:`RandomContrast`, likewise.
        saturation_factor: ``factor`` of :class:`RandomSaturation`, likewise.
        hue_factor: ``factor`` of :class:`RandomHue`, likewise.
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.RandomColorJitter(brightness_factor=0.2, hue_factor=0.1, seed=0)
        >>> layer(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        self.seed = seed
        self.generator = SeedGenerator(seed)
        shared = {
            "value_range": self.value_range,
            "seed": seed,
            "data_format": self.data_format,
            "dtype": self.dtype_policy,
        }
        for kind, factor in (
            (RandomBrightness, brightness_factor),
            (RandomContrast, contrast_factor),
            (RandomSaturation, saturation_factor),
            (RandomHue, hue_factor),
        ):
            if factor is not None:
                layer = kind(factor, **shared)
                setattr(self, _attribute(kind), layer)

    def _steps(self) -> dict[str, Any]:
        names = map(_attribute, (RandomBrightness, RandomContrast, RandomSaturation, RandomHue))
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        seed = self._source(seed)
        return {k: v.get_random_transformation(data, training, seed) for k, v in self._steps().items()}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        images = self._in_compute_dtype(images)
        if training and transformation is not None:
            for name, layer in self._steps().items():
                images = layer.transform_images(images, transformation[name], training)
        return images


def _attribute(kind: type) -> str:
    return {
        RandomBrightness: "random_brightness",
        RandomContrast: "random_contrast",
        RandomSaturation: "random_saturation",
        RandomHue: "random_hue",
    }[kind]
