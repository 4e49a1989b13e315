"""Distillation: a small model learns from the outputs of a large one.

Source: Hinton et al., 2015, Distilling the knowledge in a neural network.
"""

from kernelkit.distillation.distiller import Distiller
from kernelkit.distillation.losses import DistillationLoss, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
