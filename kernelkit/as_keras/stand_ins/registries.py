"""Tables into which packages write their own functions."""

from __future__ import annotations

from typing import Any

from kernelkit import activations, saving


class _Live(dict):
    """Activations by name. A function written into this table is found by its name everywhere."""

    def __setitem__(self, name: Any, value: Any) -> None:
        super().__setitem__(name, value)
        saving.get_custom_objects()[name] = value


ALL_OBJECTS_DICT = _Live({n: v for n, v in vars(activations).items() if callable(v) and not n.startswith("_")})
