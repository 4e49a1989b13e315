"""The layers that the architectures bring along, findable by name when a model is loaded."""

from kernelkit.applications.convnext import LayerScale
from kernelkit.applications.inception_resnet_v2 import CustomScaleLayer

__all__ = ["CustomScaleLayer", "LayerScale"]
