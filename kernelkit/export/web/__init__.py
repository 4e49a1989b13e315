"""A folder with a page that runs the model in the browser."""

from kernelkit.export.web.file import read_model, save

__all__ = ["read_model", "save"]
