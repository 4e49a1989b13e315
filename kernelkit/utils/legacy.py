"""Objects to configs and back in the format of Keras 2: ``{"class_name", "config"}``, without a class's module."""

from __future__ import annotations

import inspect
from typing import Any

from kernelkit.serialize import CustomObjectScope, get_registered_name, get_registered_object, suggest

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: Any) -> Any:
    """Return an object in Keras 2's format: a dict with ``class_name`` and ``config``; for a function, its name.

    Raises:
        ValueError: If the object has no ``get_config()`` and no name.

    Example:
        >>> import kernelkit as kk
        >>> serialize_keras_object(kk.regularizers.L1(0.1))
        {'class_name': 'L1', 'config': {'l1': 0.1}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config") and not inspect.isclass(instance):
        return {"class_name": get_registered_name(type(instance)), "config": _plain(instance.get_config())}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(f"Cannot serialize {instance!r} because it doesn't implement `get_config()`.")


def _plain(value: Any) -> Any:
    """Return a config with the objects in it written in the old format."""
    if isinstance(value, dict):
        if "class_name" in value and isinstance(value.get("config"), dict):
            return {"class_name": value["class_name"], "config": _plain(value["config"])}
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(v) for v in value)
    return value


def deserialize_keras_object(
    identifier: Any,
    module_objects: dict | None = None,
    custom_objects: dict | None = None,
    printable_module_name: str = "object",
) -> Any:
    """Return the object for an identifier in Keras 2's format.

    Args:
        identifier: ``None``, a name, a dict with ``class_name`` and ``config``, or a function.
        module_objects: Classes and functions by name, such as the ``globals()`` of a module.
        custom_objects: More classes and functions by name; these are searched first.
        printable_module_name: Noun for error messages.

    Returns:
        An object; a function for a function's name.

    Raises:
        ValueError: If the name is not known, or the identifier has another type.

    Example:
        >>> import kernelkit as kk
        >>> config = {"class_name": "Dense", "config": {"units": 2}}
        >>> deserialize_keras_object(config, vars(kk.layers), printable_module_name="layer").units
        2
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = _find(identifier, module_objects, custom_objects, printable_module_name)
        return found() if inspect.isclass(found) else found
    if inspect.isfunction(identifier):
        return identifier
    if not isinstance(identifier, dict):
        raise ValueError(f"Could not interpret serialized object: {identifier!r}.")
    if "class_name" not in identifier or "config" not in identifier:
        raise ValueError(
            f"Improper config format for {identifier}. Expecting a dict that contains `class_name` and `config`."
        )
    cls = _find(identifier["class_name"], module_objects, custom_objects, printable_module_name)
    with CustomObjectScope(custom_objects):
        if hasattr(cls, "from_config"):
            return cls.from_config(identifier["config"])
        return cls(**identifier["config"])


def _find(name: str, module_objects: dict | None, custom_objects: dict | None, noun: str) -> Any:
    found = get_registered_object(name, custom_objects, module_objects)
    if found is None:
        raise ValueError(
            f"Unknown {noun}: {name!r}. If it is your own, open a `kernelkit.utils.custom_object_scope` that includes "
            f"it.{suggest(name, module_objects or {})}"
        )
    return found
