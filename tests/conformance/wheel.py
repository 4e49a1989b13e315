"""Where the installed keras wheel keeps its test files. Keras is found, not imported."""

import importlib.metadata
from pathlib import Path

_wheel = importlib.metadata.distribution("keras")
VERSION = _wheel.version
SRC = Path(str(_wheel.locate_file("keras/src"))).resolve()
SITE = SRC.parent.parent

# Folders that are judged. The others test engines other than jax, Keras's inside, distillation or export.
FOLDERS = (
    "activations initializers regularizers constraints losses metrics optimizers random tree dtype_policies callbacks "
    "models trainers saving layers ops utils legacy"
).split()


def test_files(folder: str) -> list[str]:
    """Return the test files of a folder, as paths below `keras/src`."""
    return sorted(
        str(path.relative_to(SRC))
        for path in (SRC / folder).rglob("*_test.py")
        if not set(path.relative_to(SRC).parts) & {"tensorflow", "torch", "openvino"}
    )
