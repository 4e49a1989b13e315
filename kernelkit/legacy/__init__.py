"""Names of Keras 2 under ``keras.legacy``."""

from kernelkit.legacy import saving
