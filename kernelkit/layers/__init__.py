"""Layers: the parts that models are made of. What is exported here can be saved, loaded and named everywhere."""

from kernelkit import serialize as _serialize
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
from kernelkit.layers.additive_attention import AdditiveAttention
from kernelkit.layers.batch_normalization import BatchNormalization
from kernelkit.layers.bidirectional import Bidirectional
from kernelkit.layers.borders import Cropping1D, Cropping2D, Cropping3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D
from kernelkit.layers.concatenate import Concatenate, concatenate
from kernelkit.layers.conv import Conv1D, Conv2D, Conv3D
from kernelkit.layers.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from kernelkit.layers.conv_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from kernelkit.layers.dense import Dense
from kernelkit.layers.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from kernelkit.layers.dot import Dot, dot
from kernelkit.layers.dot_product_attention import Attention
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
from kernelkit.layers.grouped_query_attention import GroupQueryAttention
from kernelkit.layers.gru import GRU, GRUCell
from kernelkit.layers.identity import Identity
from kernelkit.layers.input_layer import Input, InputLayer
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.lambda_layer import Lambda
from kernelkit.layers.layer import Layer
from kernelkit.layers.layer_normalization import LayerNormalization, RMSNormalization, UnitNormalization
from kernelkit.layers.lstm import LSTM, LSTMCell
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
from kernelkit.layers.multi_head_attention import MultiHeadAttention
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
from kernelkit.layers.rnn import RNN
from kernelkit.layers.separable_conv import SeparableConv1D, SeparableConv2D
from kernelkit.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from kernelkit.layers.spectral_normalization import SpectralNormalization
from kernelkit.layers.stacked_rnn_cells import StackedRNNCells
from kernelkit.layers.time_distributed import TimeDistributed
from kernelkit.layers.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from kernelkit.layers.wrapper import Wrapper

# Other names that Keras has for the same layers.
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
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
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
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
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "Subtract",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]


def serialize(layer: Layer) -> dict:
    """Return a layer's class and config as plain JSON."""
    return _serialize.serialize_keras_object(layer)


def deserialize(config: dict, custom_objects: dict | None = None) -> Layer:
    """Make a layer from :func:`serialize`'s result."""
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="layers")


_serialize.register_namespace("layers", globals())
