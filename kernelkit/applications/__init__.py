"""Published networks for images, with weights trained on ImageNet.

All functions take these arguments (MobileNet, MobileNet V2 and V3 and NASNet begin with ``input_shape``):

* ``include_top``: whether the classifier is part of the model.
* ``weights``: ``"imagenet"`` for the published ones (downloaded once, checked and kept in the cache), the path of a
  weights file, its address (``https://...``, followed by its checksum: ``#sha256=...`` or ``#md5=...``), or
  ``None`` for random weights.
* ``input_tensor``: symbolic tensor to begin with.
* ``input_shape``: shape of an image; the size is free without the top.
* ``pooling``: without the top, ``"avg"`` or ``"max"`` returns a vector for each image, ``None`` a feature map.
* ``classes``: number of classes of the top.
* ``classifier_activation``: activation of the top, ``None`` for logits.
* ``name``: name of the model.

Layers have Keras's names and order, so weights files work in both libraries. Each family's module also has
``preprocess_input`` and ``decode_predictions``.

Example:
    >>> from kernelkit import applications
    >>> model = applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, include_top=False, pooling="avg")
    >>> model.output_shape
    (None, 1280)
"""

from kernelkit.applications import (
    convnext,
    densenet,
    efficientnet,
    efficientnet_v2,
    imagenet_utils,
    inception_resnet_v2,
    inception_v3,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    nasnet,
    resnet,
    resnet50,
    resnet_v2,
    vgg,
    vgg16,
    vgg19,
    xception,
)
from kernelkit.applications.convnext import ConvNeXtBase, ConvNeXtLarge, ConvNeXtSmall, ConvNeXtTiny, ConvNeXtXLarge
from kernelkit.applications.densenet import DenseNet121, DenseNet169, DenseNet201
from kernelkit.applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)
from kernelkit.applications.efficientnet_v2 import (
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2L,
    EfficientNetV2M,
    EfficientNetV2S,
)
from kernelkit.applications.inception_resnet_v2 import InceptionResNetV2
from kernelkit.applications.inception_v3 import InceptionV3
from kernelkit.applications.mobilenet import MobileNet
from kernelkit.applications.mobilenet_v2 import MobileNetV2
from kernelkit.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from kernelkit.applications.nasnet import NASNetLarge, NASNetMobile
from kernelkit.applications.resnet import ResNet50, ResNet101, ResNet152
from kernelkit.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from kernelkit.applications.vgg import VGG16, VGG19
from kernelkit.applications.xception import Xception
from kernelkit.public import names_of as _names_of

__all__ = [
    "VGG16",
    "VGG19",
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "NASNetLarge",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "Xception",
    "convnext",
    "densenet",
    "efficientnet",
    "efficientnet_v2",
    "imagenet_utils",
    "inception_resnet_v2",
    "inception_v3",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "nasnet",
    "resnet",
    "resnet50",
    "resnet_v2",
    "vgg16",
    "vgg19",
    "xception",
]

__dir__ = _names_of(globals())
