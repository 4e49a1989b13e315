"""h5py, imported when something of it is first used: it takes as long to import as all of kernelkit."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    return getattr(importlib.import_module("h5py"), name)
