"""The augmentations from which RandAugment and AugMix choose, and the choice of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from kernelkit.layers.augmentation.auto_contrast import AutoContrast
from kernelkit.layers.augmentation.equalization import Equalization
from kernelkit.layers.augmentation.random_brightness import RandomBrightness
from kernelkit.layers.augmentation.random_color_degeneration import RandomColorDegeneration
from kernelkit.layers.augmentation.random_contrast import RandomContrast
from kernelkit.layers.augmentation.random_posterization import RandomPosterization
from kernelkit.layers.augmentation.random_rotation import RandomRotation
from kernelkit.layers.augmentation.random_sharpness import RandomSharpness
from kernelkit.layers.augmentation.random_shear import RandomShear
from kernelkit.layers.augmentation.random_translation import RandomTranslation
from kernelkit.layers.augmentation.solarization import Solarization
from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.typing import Tensor


def augmentations(owner: Any) -> dict[str, ImageTransform]:
    """Make the layers for an owner's ``factor``, ``value_range``, ``interpolation`` and ``seed``, by their names."""
    factor, low_high, seed = owner.factor, owner.value_range, owner.seed
    shared = {
        "data_format": owner.data_format,
        "bounding_box_format": owner.bounding_box_format,
        "dtype": owner.dtype_policy,
    }
    moving = {"interpolation": owner.interpolation, "seed": seed, **shared}
    bits = (1, max(1, int(8 * factor[1])))
    return {
        "random_shear": RandomShear(factor, factor, **moving),
        "random_translation": RandomTranslation(factor, factor, **moving),
        "random_rotation": RandomRotation(factor, **moving),
        "random_brightness": RandomBrightness(factor, low_high, seed, **shared),
        "random_color_degeneration": RandomColorDegeneration(factor, low_high, seed=seed, **shared),
        "random_contrast": RandomContrast(factor, low_high, seed, **shared),
        "random_sharpness": RandomSharpness(factor, low_high, seed=seed, **shared),
        "random_posterization": RandomPosterization(bits, low_high, seed=seed, **shared),
        "solarization": Solarization(factor, factor, low_high, seed, **shared),
        "auto_contrast": AutoContrast(low_high, **shared),
        "equalization": Equalization(low_high, **shared),
    }


def choose(index: Tensor, branches: Sequence[Callable], *operands: Any) -> Tensor:
    """Run the branch with a given number, concrete or traced, and no other; return its result."""
    if isinstance(index, jax.core.Tracer):
        return jax.lax.switch(index, branches, *operands)
    return branches[int(index)](*operands)
