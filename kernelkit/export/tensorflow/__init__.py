"""TensorFlow's SavedModels: TensorFlow is imported when an archive is made, and nowhere else."""

from kernelkit.export.tensorflow.archive import ExportArchive
from kernelkit.export.tensorflow.file import reader, save

__all__ = ["ExportArchive", "reader", "save"]
