"""VGG with 16 layers, under the name of its own that Keras gives it; see `kernelkit.applications.vgg`."""

from kernelkit.applications.vgg import VGG16, decode_predictions, preprocess_input

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]
