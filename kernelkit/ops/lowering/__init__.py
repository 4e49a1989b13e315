"""How convolution, pooling and dense layers become XLA operations: by shape on the CPU, as XLA has them elsewhere."""

from kernelkit.ops.lowering.conv import convolve
from kernelkit.ops.lowering.matmul import contract
from kernelkit.ops.lowering.pool import avg_pool, max_pool

__all__ = ["avg_pool", "contract", "convolve", "max_pool"]
