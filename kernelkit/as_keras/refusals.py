"""Private names of Keras that kernelkit has no counterpart of: they are imported, and refuse to be used."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, NoReturn

_OWN = "kernelkit.as_keras"


class NotInKernelkit(NotImplementedError):
    """A package used a private name of Keras that kernelkit has no counterpart of."""


@dataclass
class Refusal:
    """A name that was asked for."""

    name: str
    module: str
    used: bool = False

    def __str__(self) -> str:
        return f"{self.name}, which {self.module} {'uses' if self.used else 'imports'}"


refusals: dict[tuple[str, str], Refusal] = {}


def note(name: str, used: bool = False) -> Refusal:
    """Keep in mind that a name was asked for, and by whom."""
    refusal = refusals.setdefault((name, asker()), Refusal(name, asker()))
    refusal.used = refusal.used or used
    return refusal


def asker() -> str:
    """Return the name of the module whose code is running, this package and the import system left out."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__") or "?"
        if not name.startswith((_OWN, "importlib", "_frozen_importlib")):
            return name
        frame = frame.f_back  # type: ignore[assignment]
    return "?"


def refuse(name: str) -> NoReturn:
    """Raise the error of a name that is used."""
    refusal = note(name, used=True)
    raise NotInKernelkit(
        f"{name} is a private name of Keras that kernelkit has no counterpart of; {refusal.module} uses it. Run this "
        "package with Keras itself, or ask for the name at kernelkit's issues: those in use stand in "
        "kernelkit/as_keras/private.py."
    )


class Refuses(type):
    """The class of names without a counterpart: each use of one is an error that says so."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__bases__ != (object,):
            return super().__call__(*args, **kwargs)  # what somebody derived from it
        refuse(cls.__qualname__)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or cls.__bases__ != (object,):
            raise AttributeError(name)
        refuse(f"{cls.__qualname__}.{name}")

    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance)  # nothing is one


def missing(name: str) -> type:
    """Return a class that can be imported, derived from and tested against, and nothing else."""
    note(name)
    return Refuses(name.rpartition(".")[2], (), {"__qualname__": name})
