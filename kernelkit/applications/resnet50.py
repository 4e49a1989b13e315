"""ResNet with 50 layers, under a second module name, as in Keras; see `kernelkit.applications.resnet`."""

from kernelkit.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
