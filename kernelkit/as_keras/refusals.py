"""Private names of Keras that kernelkit does not have. They can be imported; their use is an error."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, NoReturn

_OWN = "kernelkit.as_keras"


class NotInKernelkit(NotImplementedError):
    """A package used a private name of Keras that kernelkit does not have."""


@dataclass
class Refusal:
    """A private name that a package imported and kernelkit does not have."""

    name: str
    module: str
    used: bool = False

    def __str__(self) -> str:
        return f"{self.name}, which {self.module} {'uses' if self.used else 'imports'}"


refusals: dict[tuple[str, str], Refusal] = {}


def note(name: str, used: bool = False) -> Refusal:
    """Record a requested name and the module that requested it."""
    refusal = refusals.setdefault((name, asker()), Refusal(name, asker()))
    refusal.used = refusal.used or used
    return refusal


def asker() -> str:
    """Return the name of the calling module, without this package and the import system."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__") or "?"
        if not name.startswith((_OWN, "importlib", "_frozen_importlib")):
            return name
        frame = frame.f_back  # type: ignore[assignment]
    return "?"


def refuse(name: str) -> NoReturn:
    """Raise the error for the use of a name."""
    refusal = note(name, used=True)
    raise NotInKernelkit(
        f"{name} is a private name of Keras that kernelkit does not have; {refusal.module} uses it. Run this "
        "package with Keras itself, or open an issue of kernelkit for this name. The known names are in "
        "kernelkit/as_keras/private.py."
    )


class Refuses(type):
    """The class of private names that kernelkit does not have. Each use of such a name is an error."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__bases__ != (object,):
            return super().__call__(*args, **kwargs)  # a subclass that a package defined
        refuse(cls.__qualname__)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or cls.__bases__ != (object,):
            raise AttributeError(name)
        refuse(f"{cls.__qualname__}.{name}")

    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance)  # no object is an instance


def missing(name: str) -> type:
    """Return a class for imports, subclasses and isinstance checks. Any other use is an error."""
    note(name)
    return Refuses(name.rpartition(".")[2], (), {"__qualname__": name})
