"""Layers of single architectures, registered by name so that their models can be loaded."""

from kernelkit.applications.convnext import LayerScale
from kernelkit.applications.inception_resnet_v2 import CustomScaleLayer

__all__ = ["CustomScaleLayer", "LayerScale"]
