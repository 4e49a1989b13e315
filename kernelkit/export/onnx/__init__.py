"""ONNX files, written from a model's jaxpr."""

from kernelkit.export.onnx.file import make_model, save

__all__ = ["make_model", "save"]
