"""VGG with 19 layers, under a second module name, as in Keras; see `kernelkit.applications.vgg`."""

from kernelkit.applications.vgg import VGG19, decode_predictions, preprocess_input

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]
