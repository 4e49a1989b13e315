"""A model as a `torch.nn.Module`: PyTorch code written from the model's jaxpr, with the model's weights."""

from kernelkit.export.torch.module import to_torch

__all__ = ["to_torch"]
