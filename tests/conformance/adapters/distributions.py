"""`keras.src.distribution.distribution_lib`: distributions that count processes as Keras's tests set their number."""

import importlib
from typing import Any
from unittest import mock

import jax

import kernelkit.distribution as kinds
from kernelkit.distribution import *  # noqa: F403
from tests.conformance.adapters import distribution_lib  # noqa: F401  # it reads jax's own count of processes now


def _counting(kind: Any) -> Any:
    """Return a kind of distribution that asks Keras's engine, as its tests do, how many processes there are."""

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        engine = importlib.import_module("keras.src.backend.distribution_lib")
        with mock.patch.object(jax, "process_count", lambda *_: engine.num_processes()):
            kind.__init__(self, *args, **kwargs)

    return type(kind.__name__, (kind,), {"__init__": init})


Distribution = kinds.Distribution
DataParallel = _counting(kinds.DataParallel)
ModelParallel = _counting(kinds.ModelParallel)
