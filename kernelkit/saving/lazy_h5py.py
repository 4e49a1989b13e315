"""h5py, imported at its first use: its import takes as long as that of all of kernelkit."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    return getattr(importlib.import_module("h5py"), name)
