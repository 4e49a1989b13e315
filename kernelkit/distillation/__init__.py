"""Distillation: a small model learns from the outputs of a large one.

Source: Hinton et al., 2015, Distilling the knowledge in a neural network.
"""

from kernelkit.distillation.distiller import Distiller
from kernelkit.distillation.losses import DistillationLoss, FeatureDistillation, LogitsDistillation
from kernelkit.public import names_of as _names_of

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]

__dir__ = _names_of(globals())
