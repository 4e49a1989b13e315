"""The version of kernelkit."""

__version__ = "0.1.0"
