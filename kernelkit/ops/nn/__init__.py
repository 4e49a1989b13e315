"""Functions of neural networks: activations, convolutions, pooling, normalization, losses."""

from kernelkit.ops.nn.attention import dot_product_attention
from kernelkit.ops.nn.convolution import conv, conv_transpose, depthwise_conv, separable_conv
from kernelkit.ops.nn.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from kernelkit.ops.nn.ctc import ctc_decode, ctc_loss
from kernelkit.ops.nn.encodings import multi_hot, one_hot
from kernelkit.ops.nn.normalization import (
    batch_normalization,
    layer_normalization,
    moments,
    normalize,
    rms_normalization,
)
from kernelkit.ops.nn.patches import depth_to_space, fold, space_to_depth, unfold
from kernelkit.ops.nn.pooling import adaptive_average_pool, adaptive_max_pool, average_pool, max_pool
from kernelkit.ops.nn.rectifiers import (
    celu,
    elu,
    gelu,
    glu,
    hard_silu,
    hard_swish,
    leaky_relu,
    relu,
    relu6,
    selu,
    silu,
    softplus,
    sparse_plus,
    squareplus,
    swish,
    threshold,
)
from kernelkit.ops.nn.sigmoids import (
    hard_shrink,
    hard_sigmoid,
    hard_tanh,
    log_sigmoid,
    sigmoid,
    soft_shrink,
    softsign,
    sparse_sigmoid,
    tanh_shrink,
)
from kernelkit.ops.nn.signal import polar, psnr
from kernelkit.ops.nn.softmaxes import log_softmax, softmax, sparsemax

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "celu",
    "conv",
    "conv_transpose",
    "ctc_decode",
    "ctc_loss",
    "depth_to_space",
    "depthwise_conv",
    "dot_product_attention",
    "elu",
    "fold",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "layer_normalization",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "moments",
    "multi_hot",
    "normalize",
    "one_hot",
    "polar",
    "psnr",
    "relu",
    "relu6",
    "rms_normalization",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "space_to_depth",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
    "unfold",
]
