"""A process that turns StableHLO into a ``.tflite`` file. It imports neither jax nor kernelkit.

Its arguments are the paths of the module, of a file of JSON with the names, and of the file to write.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def convert(module: bytes, inputs: list[str], outputs: list[str]) -> bytes:
    """Return the file of a module.

    The steps are those of the converter's command for jax; its names are private, so one version of it is named in
    `file.py`. Debug information goes first: with it, `set_signature` crashes.
    """
    from litert_converter import converter_api_ext as converter
    from litert_converter.mlir import ir, passmanager

    context = ir.Context()
    converter.prepare_mlir_context(context)
    with context, ir.Location.unknown():
        made = ir.Module.parse(module)
        _drop_assertions(made.operation)
        passes = "vhlo-legalize-to-stablehlo,reconcile-unrealized-casts,strip-debuginfo"
        passmanager.PassManager.parse(f"builtin.module({passes})").run(made.operation)
        converter.set_signature(made.operation, "serving_default", inputs, outputs)
        converter.run_convert_to_tfl_passes(made, passmanager.PassManager(), converter.ConvertToTFLConfig())
        return converter.export_flatbuffer_to_bytes(made.operation)


def _drop_assertions(operation: Any) -> None:
    """Take out jax's checks of open sizes, for which the converter has no operation; nothing reads their results."""
    for region in operation.regions:
        for block in region.blocks:
            for inner in list(block.operations):
                _drop_assertions(inner.operation)
                if inner.operation.name.endswith("custom_call_v1") and "shape_assertion" in str(inner.operation):
                    inner.operation.erase()


if __name__ == "__main__":
    source, names, target = map(Path, sys.argv[1:])
    told = json.loads(names.read_text(encoding="utf-8"))
    target.write_bytes(convert(source.read_bytes(), told["inputs"], told["outputs"]))
