"""`keras` and `keras.src`: names that Keras has at its top and kernelkit somewhere else."""

from kernelkit.utils import clear_session  # noqa: F401
