"""`keras.src.initializers.random_initializers`."""

from kernelkit.initializers.scaling import compute_fans  # noqa: F401
