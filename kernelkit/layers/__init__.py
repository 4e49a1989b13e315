"""Layers: the parts of models. A layer exported here can be saved, loaded and given by its name."""

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
from kernelkit.layers.augmentation.adaptive_equalization import ContrastLimitedAdaptiveHistogramEqualization
from kernelkit.layers.augmentation.aug_mix import AugMix
from kernelkit.layers.augmentation.auto_contrast import AutoContrast
from kernelkit.layers.augmentation.center_crop import CenterCrop
from kernelkit.layers.augmentation.cut_mix import CutMix
from kernelkit.layers.augmentation.equalization import Equalization
from kernelkit.layers.augmentation.max_num_bounding_boxes import MaxNumBoundingBoxes
from kernelkit.layers.augmentation.mix_up import MixUp
from kernelkit.layers.augmentation.pipeline import Pipeline
from kernelkit.layers.augmentation.rand_augment import RandAugment
from kernelkit.layers.augmentation.random_brightness import RandomBrightness
from kernelkit.layers.augmentation.random_color_degeneration import RandomColorDegeneration
from kernelkit.layers.augmentation.random_color_jitter import RandomColorJitter
from kernelkit.layers.augmentation.random_contrast import RandomContrast
from kernelkit.layers.augmentation.random_crop import RandomCrop
from kernelkit.layers.augmentation.random_elastic_transform import RandomElasticTransform
from kernelkit.layers.augmentation.random_erasing import RandomErasing
from kernelkit.layers.augmentation.random_flip import RandomFlip
from kernelkit.layers.augmentation.random_gaussian_blur import RandomGaussianBlur
from kernelkit.layers.augmentation.random_grayscale import RandomGrayscale
from kernelkit.layers.augmentation.random_hue import RandomHue
from kernelkit.layers.augmentation.random_invert import RandomInvert
from kernelkit.layers.augmentation.random_perspective import RandomPerspective
from kernelkit.layers.augmentation.random_posterization import RandomPosterization
from kernelkit.layers.augmentation.random_rotation import RandomRotation
from kernelkit.layers.augmentation.random_saturation import RandomSaturation
from kernelkit.layers.augmentation.random_sharpness import RandomSharpness
from kernelkit.layers.augmentation.random_shear import RandomShear
from kernelkit.layers.augmentation.random_translation import RandomTranslation
from kernelkit.layers.augmentation.random_zoom import RandomZoom
from kernelkit.layers.augmentation.rescaling import Rescaling
from kernelkit.layers.augmentation.resizing import Resizing
from kernelkit.layers.augmentation.solarization import Solarization
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
from kernelkit.layers.flax_layer import FlaxLayer
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
from kernelkit.layers.jax_layer import JaxLayer
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
from kernelkit.layers.preprocessing.category_encoding import CategoryEncoding
from kernelkit.layers.preprocessing.discretization import Discretization
from kernelkit.layers.preprocessing.hashed_crossing import HashedCrossing
from kernelkit.layers.preprocessing.hashing import Hashing
from kernelkit.layers.preprocessing.integer_lookup import IntegerLookup
from kernelkit.layers.preprocessing.mel_spectrogram import MelSpectrogram
from kernelkit.layers.preprocessing.normalization import Normalization
from kernelkit.layers.preprocessing.stft_spectrogram import STFTSpectrogram
from kernelkit.layers.preprocessing.string_lookup import StringLookup
from kernelkit.layers.preprocessing.text_vectorization import TextVectorization
from kernelkit.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from kernelkit.layers.rnn import RNN
from kernelkit.layers.separable_conv import SeparableConv1D, SeparableConv2D
from kernelkit.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from kernelkit.layers.spectral_normalization import SpectralNormalization
from kernelkit.layers.stacked_rnn_cells import StackedRNNCells
from kernelkit.layers.tfsm_layer import TFSMLayer
from kernelkit.layers.time_distributed import TimeDistributed
from kernelkit.layers.torch_module_wrapper import TorchModuleWrapper
from kernelkit.layers.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from kernelkit.layers.wrapper import Wrapper
from kernelkit.public import names_of as _names_of

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
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization",
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
    "CutMix",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "Flatten",
    "FlaxLayer",
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
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "JaxLayer",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxNumBoundingBoxes",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MelSpectrogram",
    "Minimum",
    "MixUp",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TFSMLayer",
    "TextVectorization",
    "TimeDistributed",
    "TorchModuleWrapper",
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
    """Return a layer's class and config as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.serialize(kk.layers.Dense(4))["config"]["units"]
        4
    """
    return _serialize.serialize_keras_object(layer)


def deserialize(config: dict, custom_objects: dict | None = None) -> Layer:
    """Make a layer from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> config = kk.layers.serialize(kk.layers.Dense(4))
        >>> kk.layers.deserialize(config).units
        4
    """
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="layers")


_serialize.register_namespace("layers", globals(), (Layer,))

__dir__ = _names_of(globals())
