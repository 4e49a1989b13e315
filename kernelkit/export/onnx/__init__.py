"""ONNX files, written from a model's jaxpr."""

from kernelkit.export.onnx.file import as_written, make_model, save

__all__ = ["as_written", "make_model", "save"]
