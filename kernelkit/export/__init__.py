"""Export of models: pure functions, and files for other runtimes."""

from kernelkit.export.front import export
from kernelkit.export.modules import to_equinox, to_linen, to_nnx
from kernelkit.export.pure import Weights, assign, pure
from kernelkit.export.report import Report
from kernelkit.public import names_of as _names_of

__all__ = [
    "ExportArchive",
    "Report",
    "Weights",
    "assign",
    "assign_torch",
    "export",
    "load",
    "pure",
    "to_equinox",
    "to_linen",
    "to_nnx",
]


def __getattr__(name: str) -> object:
    if name == "load":  # reads its own parts of jax
        from kernelkit.export.stablehlo import load

        return load
    if name == "ExportArchive":
        from kernelkit.export.tensorflow import ExportArchive

        return ExportArchive
    if name == "assign_torch":
        from kernelkit.export.torch.module import assign_torch

        return assign_torch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__dir__ = _names_of(globals())
