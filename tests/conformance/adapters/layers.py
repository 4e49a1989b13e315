"""`keras.src.layers`: names by which Keras itself knows public layers."""

from kernelkit.layers import GroupQueryAttention as GroupedQueryAttention  # noqa: F401
from kernelkit.layers import InputSpec  # noqa: F401
