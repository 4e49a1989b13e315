"""The constructor's arguments of an object as source text: only those that differ from their defaults."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from kernelkit import scope
from kernelkit.serialize.arguments import derived_arguments, given_arguments, signature_of

_LONGEST = 60
_DEEPEST = 3


def shown_arguments(instance: Any, stop: type = object) -> dict[str, Any]:
    """Return the arguments given to the constructor that differ from their defaults, in the constructor's order.

    Args:
        instance: An object whose class keeps its arguments as attributes, as all `Configurable` classes do.
        stop: The base class whose own arguments are left out.

    Returns:
        Dict from the argument's name to its value; empty if the arguments cannot be found.

    Example:
        >>> import kernelkit as kk
        >>> shown_arguments(kk.layers.Dense(3, activation="relu"), kk.layers.Layer)["units"]
        3
    """
    try:
        values = derived_arguments(instance, stop)
        defaults = _defaults(type(instance))
        if (
            hasattr(instance, "_init_arguments")
            and type(instance).__module__.partition(".")[0] == __name__.partition(".")[0]
        ):
            # Values that the constructor filled in, such as the seed of an initializer, were not written by the user.
            given = given_arguments(instance)
            values = {name: value for name, value in values.items() if name in given}
    except Exception:  # the user's constructor or property failed: showing an object must not raise
        return {}
    return {
        name: value
        for name, value in values.items()
        if name != "name" and not _is_default(value, defaults.get(name, inspect.Parameter.empty))
    }


def shown_texts(instance: Any, stop: type = object, depth: int = 0) -> dict[str, str]:
    """Return :func:`shown_arguments` with each value as a short text.

    Example:
        >>> import kernelkit as kk
        >>> shown_texts(kk.layers.Dense(3, activation="relu"), kk.layers.Layer)
        {'units': '3', 'activation': "'relu'"}
    """
    return {name: value_text(value, depth + 1) for name, value in shown_arguments(instance, stop).items()}


def call_text(instance: Any, stop: type = object, more: tuple[str, ...] = (), depth: int = 0) -> str:
    """Return an object as the call that makes an equal one: ``Dense(3, activation='relu')``.

    Args:
        instance: The object.
        stop: The base class whose own arguments are left out.
        more: Texts to put after the arguments.
        depth: Depth inside other objects; below a depth of three, no arguments are shown.

    Example:
        >>> import kernelkit as kk
        >>> call_text(kk.regularizers.L2(0.5))
        'L2(l2=0.5)'
    """
    cls = type(instance)
    if depth > _DEEPEST:
        return f"{cls.__name__}(...)"
    try:
        parameters = list(signature_of(cls.__init__).parameters.values())[1:]
    except (TypeError, ValueError):
        parameters = []
    texts = shown_texts(instance, stop, depth)
    # Up to two required arguments come first, without a name.
    bare = 0
    for parameter in parameters[:2]:
        required = parameter.default is parameter.empty
        if parameter.name not in texts or parameter.kind is parameter.KEYWORD_ONLY or not required:
            break
        bare += 1
    parts = [text if i < bare else f"{name}={text}" for i, (name, text) in enumerate(texts.items())]
    return f"{cls.__name__}({', '.join([*parts, *more])})"


def value_text(value: Any, depth: int = 0) -> str:
    """Return a short text for one argument.

    Example:
        >>> value_text((3, 3)), value_text(len), value_text(0.1 + 0.2)
        ('(3, 3)', "'len'", '0.3')
    """
    if isinstance(value, (bool, int, type(None))):
        return repr(value)
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    if isinstance(value, str):
        return _cut(repr(value))
    if isinstance(value, (list, tuple)) and depth <= _DEEPEST:
        inner = ", ".join(value_text(v, depth + 1) for v in value[:8]) + (", ..." if len(value) > 8 else "")
        if isinstance(value, list):
            return _cut(f"[{inner}]")
        return _cut(f"({inner},)" if len(value) == 1 else f"({inner})")
    if isinstance(value, dict):
        return f"<dict of {len(value)}>"
    if callable(value) and hasattr(value, "__name__"):
        return _cut(repr(value.__name__))
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"<array {tuple(value.shape)} {value.dtype}>"
    if hasattr(value, "get_config"):
        return _cut(call_text(value, depth=depth))
    return f"<{type(value).__name__}>"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _defaults(cls: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        init = vars(base).get("__init__")
        if init is None or base is object:
            continue
        for name, parameter in signature_of(init).parameters.items():
            found.setdefault(name, parameter.default)
    return found


def _is_default(value: Any, default: Any) -> bool:
    if default is inspect.Parameter.empty:
        return False
    if value is default or (value is None and default is None):
        return True
    if isinstance(value, (bool, int, float, str)):
        return isinstance(default, (bool, int, float, str)) and value == default
    if isinstance(value, (list, tuple)):
        if isinstance(default, (list, tuple)):
            return list(value) == list(default)
        return isinstance(default, int) and all(v == default for v in value)
    name = getattr(value, "__name__", None)
    if name is not None:
        return default == name or (default is None and name == "linear")
    if isinstance(default, str) and hasattr(value, "get_config"):
        own = scope.to_snake_case(type(value).__name__)
        return own in (scope.to_snake_case(default), f"random_{default}") and not (
            shown_arguments(value).keys() - {"seed"}
        )
    return False
