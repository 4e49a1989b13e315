"""`keras.src.losses.loss`."""

from kernelkit.losses.shapes import squeeze_or_expand as squeeze_or_expand_to_same_rank  # noqa: F401
