"""What is kept of Keras 2 under the name ``keras.legacy``."""

from kernelkit.legacy import saving
