"""A class whose config follows from the signature of its constructor."""

from __future__ import annotations

import inspect
from typing import Any

from kernelkit import rich_display
from kernelkit.serialize.arguments import derived_arguments, derives, signature_of
from kernelkit.serialize.objects import deserialize_values, made_from_config, serialize_value
from kernelkit.serialize.shown import call_text
from kernelkit.signatures import plain


class _ConstructorsSignature:
    """The ``__signature__`` of a class: the arguments of ``__init__``, not those of ``__new__``.

    Python before 3.11.4 takes ``__new__`` for the signature of a class that inherits ``__init__``, and a notebook would
    show ``Conv2D(*args, **kwargs)``.
    """

    def __get__(self, instance: Any, cls: type) -> inspect.Signature | None:
        if instance is not None:
            return None
        constructor: Any = cls.__init__  # type: ignore[misc]
        if constructor is object.__init__:
            return inspect.Signature()
        parameters = list(inspect.signature(constructor).parameters.values())
        return inspect.Signature(plain(parameters[1:]))


class Configurable:
    """A class whose config follows from the signature of ``__init__``.

    A built-in class keeps each argument as an attribute of the same name; these attributes are saved. For a user's
    class, the arguments given to the constructor are saved.

    A class lists arguments that don't belong in configs in ``_not_in_config``.
    """

    _not_in_config: tuple[str, ...] = ()
    __signature__ = _ConstructorsSignature()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments, got {[*args, *kwargs]}.")
        if "__init__" not in vars(cls):
            _require_arguments(cls, args, kwargs)
        instance = super().__new__(cls)
        object.__setattr__(instance, "_init_arguments", (args, kwargs))
        return instance

    @derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal object, as plain JSON values."""
        return {name: serialize_value(value) for name, value in derived_arguments(self).items()}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Make an object from :meth:`get_config`'s result."""
        return made_from_config(cls, deserialize_values(config))

    def __repr__(self) -> str:
        return call_text(self)

    def _repr_html_(self) -> str | None:
        return rich_display.html(self)


def _require_arguments(cls: type, args: tuple, kwargs: dict) -> None:
    """Raise ``TypeError`` if an argument is missing. Python's own error names the class of ``__init__``."""
    parameters = list(signature_of(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    named = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    missing = [repr(p.name) for p in named[len(args) :] if p.default is p.empty and p.name not in kwargs]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise TypeError(
            f"{cls.__name__}.__init__() missing {len(missing)} required positional argument{plural}: "
            f"{' and '.join(missing)}"
        )
