"""VGG with 16 layers, under a second module name, as in Keras; see `kernelkit.applications.vgg`."""

from kernelkit.applications.vgg import VGG16, decode_predictions, preprocess_input

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]
