"""VGG with 19 layers, under the name of its own that Keras gives it; see `kernelkit.applications.vgg`."""

from kernelkit.applications.vgg import VGG19, decode_predictions, preprocess_input

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]
