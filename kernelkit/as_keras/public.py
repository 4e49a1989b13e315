"""Keras's public modules, and the modules of kernelkit for those with another name."""

MODULES = set(
    """activations applications backend callbacks config constraints datasets distillation distribution dtype_policies
    export initializers layers legacy losses metrics mixed_precision models ops optimizers preprocessing quantizers
    random regularizers saving tree utils visualization wrappers

    applications.convnext applications.densenet applications.efficientnet applications.efficientnet_v2
    applications.imagenet_utils applications.inception_resnet_v2 applications.inception_v3 applications.mobilenet
    applications.mobilenet_v2 applications.mobilenet_v3 applications.nasnet applications.resnet applications.resnet50
    applications.resnet_v2 applications.vgg16 applications.vgg19 applications.xception datasets.boston_housing
    datasets.california_housing datasets.cifar10 datasets.cifar100 datasets.fashion_mnist datasets.imdb datasets.mnist
    datasets.reuters legacy.saving ops.image ops.linalg ops.nn ops.numpy optimizers.legacy optimizers.schedules
    preprocessing.image preprocessing.sequence preprocessing.text utils.bounding_boxes utils.legacy""".split()
)
"""Public modules, `preprocessing.text` included, which is `tf.keras`'s."""

STAND_INS: dict[str, str] = {}
"""The module of kernelkit for each module of Keras that has another name here."""
