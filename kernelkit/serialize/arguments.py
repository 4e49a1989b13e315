"""The constructor's arguments of an object, found from its attributes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any


@functools.lru_cache(maxsize=4096)
def signature_of(function: Callable) -> inspect.Signature:
    """Return the signature of a constructor. It is read once: a model of 1,000 layers asks for a few, often."""
    return inspect.signature(function)


def derived_arguments(instance: Any, stop: type = object) -> dict[str, Any]:
    """Return the values of the constructor's arguments, from a class below any own ``get_config`` up to ``stop``.

    Raises:
        NotImplementedError: If an argument of a user's class cannot be found.
    """
    mro = type(instance).__mro__
    own = [i for i, c in enumerate(mro) if "get_config" in vars(c) and not _is_derived(c)]
    values: dict[str, Any] = {}
    first = own[-1] + 1 if own else 0
    given = given_arguments(instance) if first == 0 else {}
    for cls in mro[first:]:
        if cls is stop or cls is object:
            break
        init = vars(cls).get("__init__")
        if init is None:
            continue
        parameters = list(signature_of(init).parameters.values())[1:]
        for parameter in parameters:
            name = parameter.name
            if parameter.kind is parameter.VAR_POSITIONAL and given.get(f"*{name}"):
                raise NotImplementedError(
                    f"{type(instance).__name__} must override get_config(): its constructor takes any number of "
                    f"arguments, *{name}."
                )
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) or name in values:
                continue
            if name in getattr(instance, "_not_in_config", ()):
                continue
            built_in = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
            if not built_in and name in given:
                values[name] = given[name]
            elif hasattr(instance, name):
                values[name] = getattr(instance, name)
            elif name in given:
                values[name] = given[name]
            elif parameter.default is parameter.empty:
                raise NotImplementedError(
                    f"{type(instance).__name__} must override get_config(): the value of its argument {name!r} "
                    "is not kept as an attribute of that name."
                )
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return values


def _is_derived(cls: type) -> bool:
    return getattr(vars(cls)["get_config"], "_derives", False)


def derives(method: Callable) -> Callable:
    """Mark a base class's own ``get_config`` as one that includes the derived arguments."""
    method._derives = True  # type: ignore[attr-defined]
    return method


def given_arguments(instance: Any) -> dict[str, Any]:
    """Return the arguments that an object's constructor was called with, by name."""
    args, kwargs = getattr(instance, "_init_arguments", ((), {}))
    try:
        bound = signature_of(type(instance).__init__).bind_partial(instance, *args, **kwargs)
    except TypeError:
        return {}
    given = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = signature_of(type(instance).__init__).parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            given.update(value)
        else:
            given[f"*{name}" if kind is inspect.Parameter.VAR_POSITIONAL else name] = value
    return given


def shared_arguments(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a constructor that another class takes under the same names, to pass them on.

    Args:
        cls: The parent, or the part, whose constructor gets them.
        values: ``locals()`` of the constructor that passes them on.

    Example:
        >>> class Pen:
        ...     def __init__(self, color, width=1): ...
        >>> class Brush(Pen):
        ...     def __init__(self, color, hair="soft", width=3):
        ...         print(shared_arguments(Pen, locals()))
        >>> brush = Brush("red")
        {'color': 'red', 'width': 3}
    """
    return {name: values[name] for name in _names(cls) if name in values}


@functools.cache
def _names(cls: type) -> tuple[str, ...]:
    parameters = list(signature_of(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    return tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
