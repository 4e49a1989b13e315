"""Convolution, pooling and dense layers as XLA operations: chosen by shape on the CPU, XLA's own on other devices."""

from kernelkit.ops.lowering.conv import convolve
from kernelkit.ops.lowering.matmul import contract
from kernelkit.ops.lowering.pool import avg_pool, max_pool

__all__ = ["avg_pool", "contract", "convolve", "max_pool"]
