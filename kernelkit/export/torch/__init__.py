"""A model as a `torch.nn.Module`: PyTorch code written from the model's jaxpr, or a bridge to its program in jax."""

from kernelkit.export.torch.bridge import to_bridge
from kernelkit.export.torch.module import to_torch

__all__ = ["to_bridge", "to_torch"]
