"""Packages that only an export needs."""

from __future__ import annotations

import importlib
from types import ModuleType


def need(package: str, what: str, install: str | None = None) -> ModuleType:
    """Import a package.

    Args:
        package: Name of its module.
        what: The feature that needs it, for errors.
        install: Name of the package for pip, if it differs from the module's.

    Raises:
        ImportError: If the package is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{what} need the package {package!r}: pip install {install or package}.") from error
