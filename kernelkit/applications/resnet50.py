"""ResNet with 50 layers, under the name of its own that Keras gives it; see `kernelkit.applications.resnet`."""

from kernelkit.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
