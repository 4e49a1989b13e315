"""LiteRT's ``.tflite`` files, for phones and small devices."""

from kernelkit.export.litert.file import check_converter, reader, save

__all__ = ["check_converter", "reader", "save"]
