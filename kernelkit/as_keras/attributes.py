"""Attributes of layers that packages read, added only while kernelkit stands in Keras's place."""

from __future__ import annotations

import importlib
from typing import Any

DATA_LAYERS = (
    "AugMix AutoContrast CategoryEncoding CenterCrop ContrastLimitedAdaptiveHistogramEqualization CutMix "
    "Discretization Equalization MaxNumBoundingBoxes MelSpectrogram MixUp Normalization RandAugment RandomBrightness "
    "RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing "
    "RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization "
    "RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom Rescaling Resizing "
    "Solarization"
).split()
"""Layers whose subclasses compute with ``self.backend`` in Keras: keras-hub's Stable Diffusion 3, keras-aug."""


CONVOLUTIONS = (
    "Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose DepthwiseConv1D".split()
    + ("DepthwiseConv2D SeparableConv1D SeparableConv2D").split()
)
"""Layers whose ``rank`` packages read, the number of axes that the kernel moves along: kerex."""


def give_attributes(layers: Any) -> None:
    """Add Keras's attributes to the layer classes of a module. Repeated calls change nothing."""
    for name in DATA_LAYERS:
        getattr(layers, name).backend = property(_backend)
    for name in CONVOLUTIONS:
        getattr(layers, name).__base__.rank = _Rank()


def _backend(layer: Any) -> Any:
    return importlib.import_module("keras.src.backend")


class _Rank:
    """The number of axes of a kernel, until a subclass sets the attribute itself."""

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        return self if layer is None else len(layer.kernel_size)
