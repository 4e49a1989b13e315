"""Every layer of kernelkit as an ONNX file: it equals the layer, or is named here with the reason why it has none."""

from __future__ import annotations

import inspect

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as L
from kernelkit.export import onnx as writer
from kernelkit.export import program, report

runtime = pytest.importorskip("onnxruntime")

SEQUENCE, IMAGE, VOLUME, ROW = (6, 4), (8, 8, 3), (4, 4, 4, 2), (5,)
INTS = ("int32", (6,))

# From a layer's name to the shapes of its inputs (without the batch) and its arguments.
CASES: dict[str, tuple] = {
    "Activation": (ROW, "softplus"),
    "ActivityRegularization": (ROW,),
    "AdaptiveAveragePooling1D": ((6, 4), 3),
    "AdaptiveAveragePooling2D": (IMAGE, 3),
    "AdaptiveAveragePooling3D": (VOLUME, 2),
    "AdaptiveMaxPooling1D": ((6, 4), 4),
    "AdaptiveMaxPooling2D": (IMAGE, 3),
    "AdaptiveMaxPooling3D": (VOLUME, 2),
    "Add": ([ROW, ROW],),
    "AdditiveAttention": ([SEQUENCE, SEQUENCE],),
    "AlphaDropout": (ROW, 0.3),
    "Attention": ([SEQUENCE, SEQUENCE],),
    "Average": ([ROW, ROW],),
    "AveragePooling1D": (SEQUENCE, 2),
    "AveragePooling2D": (IMAGE, 3, 2, "same"),
    "AveragePooling3D": (VOLUME, 2),
    "BatchNormalization": (IMAGE,),
    "Bidirectional": (SEQUENCE, lambda: L.GRU(3, return_sequences=True)),
    "CenterCrop": (IMAGE, 5, 5),
    "Concatenate": ([ROW, ROW],),
    "Conv1D": (SEQUENCE, 3, 2),
    "Conv1DTranspose": (SEQUENCE, 3, 3, 2),
    "Conv2D": (IMAGE, 6, 3, 2, "same", None, 1, 3),
    "Conv2DTranspose": (IMAGE, 3, 3, 2, "same"),
    "Conv3D": (VOLUME, 3, 2),
    "Conv3DTranspose": (VOLUME, 3, 2, 2),
    "ConvLSTM1D": ((3, 6, 2), 2, 3),
    "ConvLSTM2D": ((3, 5, 5, 2), 2, 3),
    "ConvLSTM3D": ((2, 4, 4, 4, 1), 2, 2),
    "Cropping1D": (SEQUENCE, 1),
    "Cropping2D": (IMAGE, 1),
    "Cropping3D": (VOLUME, 1),
    "Dense": (ROW, 3, "selu"),
    "DepthwiseConv1D": (SEQUENCE, 3),
    "DepthwiseConv2D": (IMAGE, 3, 2, "same", 2),
    "Discretization": (ROW, [-1.0, 0.0, 1.0]),
    "Dot": ([ROW, ROW], 1),
    "Dropout": (ROW, 0.3),
    "EinsumDense": (SEQUENCE, "abc,cd->abd", (None, 7)),
    "ELU": (ROW,),
    "Embedding": (INTS, 11, 4),
    "Flatten": (IMAGE,),
    "GRU": (SEQUENCE, 3),
    "GaussianDropout": (ROW, 0.2),
    "GaussianNoise": (ROW, 0.2),
    "GlobalAveragePooling1D": (SEQUENCE,),
    "GlobalAveragePooling2D": (IMAGE,),
    "GlobalAveragePooling3D": (VOLUME,),
    "GlobalMaxPooling1D": (SEQUENCE,),
    "GlobalMaxPooling2D": (IMAGE,),
    "GlobalMaxPooling3D": (VOLUME,),
    "GroupNormalization": ((6, 4), 2),
    "GroupQueryAttention": ([SEQUENCE, SEQUENCE], 2, 4, 2),
    "Identity": (ROW,),
    "LSTM": (SEQUENCE, 3),
    "LayerNormalization": (SEQUENCE,),
    "LeakyReLU": (ROW,),
    "Masking": (SEQUENCE,),
    "MaxPooling1D": (SEQUENCE, 2),
    "MaxPooling2D": (IMAGE, 3, 2, "same"),
    "MaxPooling3D": (VOLUME, 2),
    "Maximum": ([ROW, ROW],),
    "Minimum": ([ROW, ROW],),
    "MultiHeadAttention": ([SEQUENCE, SEQUENCE], 2, 4),
    "Multiply": ([ROW, ROW],),
    "Normalization": (ROW, -1, [0.1] * 5, [2.0] * 5),
    "PReLU": (IMAGE,),
    "Permute": (SEQUENCE, (2, 1)),
    "RMSNormalization": (SEQUENCE,),
    "RNN": (SEQUENCE, lambda: L.LSTMCell(3)),
    "RandomBrightness": (IMAGE, 0.2),
    "RandomContrast": (IMAGE, 0.2),
    "RandomCrop": (IMAGE, 5, 5),
    "RandomFlip": (IMAGE,),
    "RandomRotation": (IMAGE, 0.2),
    "RandomTranslation": (IMAGE, 0.2, 0.2),
    "RandomZoom": (IMAGE, 0.2),
    "ReLU": (ROW, 6.0, 0.1, 0.2),
    "RepeatVector": (ROW, 3),
    "Rescaling": (IMAGE, 1 / 255, 0.5),
    "Reshape": (SEQUENCE, (4, 3, 2)),
    "Resizing": (IMAGE, 5, 11),
    "SeparableConv1D": (SEQUENCE, 3, 3),
    "SeparableConv2D": (IMAGE, 3, 3),
    "SimpleRNN": (SEQUENCE, 3),
    "Softmax": (SEQUENCE,),
    "SpatialDropout1D": (SEQUENCE, 0.2),
    "SpatialDropout2D": (IMAGE, 0.2),
    "SpatialDropout3D": (VOLUME, 0.2),
    "SpectralNormalization": (ROW, lambda: L.Dense(3)),
    "StackedRNNCells": (SEQUENCE, lambda: [L.GRUCell(3), L.LSTMCell(2)]),
    "Subtract": ([ROW, ROW],),
    "TimeDistributed": ((3, *IMAGE), lambda: L.Conv2D(2, 3)),
    "UnitNormalization": (SEQUENCE,),
    "UpSampling1D": (SEQUENCE, 2),
    "UpSampling2D": (IMAGE, 2, None, "bilinear"),
    "UpSampling3D": (VOLUME, 2),
    "ZeroPadding1D": (SEQUENCE, 2),
    "ZeroPadding2D": (IMAGE, ((1, 2), (0, 3))),
    "ZeroPadding3D": (VOLUME, 1),
    "CategoryEncoding": (INTS, 3, "multi_hot"),
    "IntegerLookup": (("int64", (4,)), None, 1, None, -1, [4, 7, 9]),
    "ReversibleEmbedding": (INTS, 11, 4),
}

# Layers that are not exported alone, each kind with its reason.
WITHOUT = {
    "not layers that are called by themselves": "GRUCell InputLayer JaxLayer FlaxLayer Layer LSTMCell Lambda Pipeline "
    "SimpleRNNCell TFSMLayer TorchModuleWrapper Wrapper",
    "strings, which ONNX models of kernelkit leave in front": "HashedCrossing Hashing StringLookup TextVectorization",
    "identities outside of training": "AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix "
    "Equalization MixUp RandAugment RandomColorDegeneration RandomColorJitter RandomElasticTransform RandomErasing "
    "RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomSaturation "
    "RandomSharpness RandomShear Solarization",
    "boxes, Fourier transforms": "MaxNumBoundingBoxes MelSpectrogram STFTSpectrogram",
}


def layer_names() -> list[str]:
    return sorted(
        name
        for name, value in vars(L).items()
        if inspect.isclass(value) and issubclass(value, L.Layer) and not name.startswith("_")
    )


def model_of(name: str) -> kk.Model:
    shapes, *args = CASES[name]
    args = [a() if callable(a) and getattr(a, "__name__", "") == "<lambda>" else a for a in args]
    kk.utils.set_random_seed(1)
    make = lambda s: kk.Input(s[1], dtype=s[0]) if isinstance(s[0], str) else kk.Input(s)  # noqa: E731
    inputs = [make(s) for s in shapes] if isinstance(shapes, list) else make(shapes)
    layer = L.RNN(L.StackedRNNCells(*args)) if name == "StackedRNNCells" else getattr(L, name)(*args)
    outputs = (
        layer(*inputs) if "Attention" in name and name not in ("Attention", "AdditiveAttention") else layer(inputs)
    )
    return kk.Model(inputs, outputs)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", sorted(CASES))
def test_a_layer_as_an_onnx_file_equals_the_layer(name):
    model = model_of(name)
    traced = program.trace(model)
    session = runtime.InferenceSession(writer.make_model(traced).SerializeToString())
    for batch in (1, 3):
        inputs = report.sample(traced.signature.inputs, seed=batch, batch=batch)
        names = [spec.name for spec in traced.signature.inputs]
        got = session.run(None, dict(zip(names, inputs, strict=True)))
        want = [np.asarray(y) for y in jax.tree.leaves(model(traced.signature.nest(inputs), training=False))]
        assert report.largest_difference(got, want) < 1e-5


def test_each_layer_is_exported_or_named_with_a_reason():
    classes = {vars(L)[name].__name__ for name in layer_names()}
    assert classes - set(CASES) - set(" ".join(WITHOUT.values()).split()) == set()
