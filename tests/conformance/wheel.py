"""Where the installed keras wheel keeps its test files. Keras is found, not imported."""

import importlib.metadata
from pathlib import Path

_wheel = importlib.metadata.distribution("keras")
VERSION = _wheel.version
SRC = Path(str(_wheel.locate_file("keras/src"))).resolve()
SITE = SRC.parent.parent

# Folders that are judged. The others test engines other than jax, Keras's inside or distillation; those of export need
# environments of their own: `make runtimes` judges them.
FOLDERS = (
    "activations initializers regularizers constraints losses metrics optimizers random tree dtype_policies callbacks "
    "models trainers saving layers ops utils legacy distribution"
).split()

# Keras keeps these tests of keras.distribution with its engine.
OF_DISTRIBUTION = ("backend/jax/distribution_lib_test.py", "backend/jax/jax_multi_process_distribution_test.py")


def needs_devices(file: str) -> bool:
    """Return whether a test file is for several devices."""
    return file.startswith("distribution/") or file in OF_DISTRIBUTION


def test_files(folder: str) -> list[str]:
    """Return the test files of a folder, as paths below `keras/src`."""
    found = sorted(
        str(path.relative_to(SRC))
        for path in (SRC / folder).rglob("*_test.py")
        if not set(path.relative_to(SRC).parts) & {"tensorflow", "torch", "openvino"}
    )
    return found + list(OF_DISTRIBUTION) if folder == "distribution" else found
