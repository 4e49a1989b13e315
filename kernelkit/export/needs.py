"""Packages that only an export needs."""

from __future__ import annotations

import importlib
from types import ModuleType


def need(package: str, what: str, install: str | None = None) -> ModuleType:
    """Import a package.

    Args:
        package: Its module.
        what: What needs it, as errors say it.
        install: What pip is told, if it is not the module's name.

    Raises:
        ImportError: If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{what} need the package {package!r}: pip install {install or package}.") from error
