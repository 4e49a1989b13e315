"""Layers: the parts that models are made of. What is exported here can be saved, loaded and named everywhere."""

from kernelkit import serialize
from kernelkit.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from kernelkit.layers.activity_regularization import ActivityRegularization
from kernelkit.layers.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from kernelkit.layers.batch_normalization import BatchNormalization
from kernelkit.layers.borders import Cropping1D, Cropping2D, Cropping3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D
from kernelkit.layers.concatenate import Concatenate, concatenate
from kernelkit.layers.conv import Conv1D, Conv2D, Conv3D
from kernelkit.layers.conv_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from kernelkit.layers.dense import Dense
from kernelkit.layers.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from kernelkit.layers.dot import Dot, dot
from kernelkit.layers.dropout import Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from kernelkit.layers.einsum_dense import EinsumDense
from kernelkit.layers.embedding import Embedding, ReversibleEmbedding
from kernelkit.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from kernelkit.layers.group_normalization import GroupNormalization
from kernelkit.layers.identity import Identity
from kernelkit.layers.input_layer import Input, InputLayer
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.lambda_layer import Lambda
from kernelkit.layers.layer import Layer
from kernelkit.layers.layer_normalization import LayerNormalization, RMSNormalization, UnitNormalization
from kernelkit.layers.masking import Masking
from kernelkit.layers.merging import (
    Add,
    Average,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    maximum,
    minimum,
    multiply,
    subtract,
)
from kernelkit.layers.noise import AlphaDropout, GaussianDropout, GaussianNoise
from kernelkit.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from kernelkit.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from kernelkit.layers.separable_conv import SeparableConv1D, SeparableConv2D
from kernelkit.layers.spectral_normalization import SpectralNormalization
from kernelkit.layers.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "ReversibleEmbedding",
    "SeparableConv1D",
    "SeparableConv2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

serialize.register_namespace("layers", globals())
