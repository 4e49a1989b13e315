"""Who is known by which name: the packages' own members, and the classes and functions of the user."""

from __future__ import annotations

import difflib
import inspect
import threading
from collections.abc import Callable
from typing import Any

namespaces: dict[str, dict[str, Any]] = {}
"""The members of kernelkit's packages, by the package's name."""
_custom_by_name: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_local = threading.local()


def register_namespace(name: str, members: dict[str, Any]) -> None:
    """Make the public members of a package findable by name.

    Args:
        name: Public name of the package below ``kernelkit``, such as ``"layers"``.
        members: The package's ``globals()``.
    """
    namespaces[name] = members


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """Return a decorator that makes a class or function of the user findable when a model is loaded.

    Args:
        package: Prefix that keeps the names of different projects apart.
        name: Name; that of the class by default.

    Example:
        >>> import kernelkit as kk
        >>> @kk.saving.register_keras_serializable(package="demo")
        ... def square(x):
        ...     return x * x
        >>> kk.saving.get_registered_name(square)
        'demo>square'
    """

    def decorate(thing: Any) -> Any:
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(
                f"Cannot register a class that does not have a get_config() method: {thing.__name__} needs one to be "
                "saved and loaded."
            )
        full = f"{package}>{name or thing.__name__}"
        _custom_by_name[full] = thing
        _custom_names[thing] = full
        return thing

    return decorate


def get_registered_name(obj: Any) -> str:
    """Return the name under which a class or function was registered, else its own."""
    return _custom_names.get(obj, obj.__name__)


def get_registered_object(name: str, custom_objects: dict | None = None, module_objects: dict | None = None) -> Any:
    """Return the class or function of a registered name, or ``None``."""
    for table in (*reversed(_scopes()), custom_objects or {}, _custom_by_name, module_objects or {}):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict:
    """Return the live dict of objects that are known by name everywhere."""
    return _custom_by_name


class CustomObjectScope:
    """Make objects known by name while a ``with`` block runs.

    Args:
        custom_objects: Dict of names to classes or functions.
    """

    def __init__(self, custom_objects: dict | None) -> None:
        self.custom_objects = custom_objects or {}

    def __enter__(self) -> CustomObjectScope:
        _scopes().append(self.custom_objects)
        return self

    def __exit__(self, *_: Any) -> None:
        _scopes().pop()


custom_object_scope = CustomObjectScope


def _scopes() -> list[dict]:
    if not hasattr(_local, "scopes"):
        _local.scopes = []
    return _local.scopes


def is_custom(thing: Any) -> bool:
    """Return whether a class or function of the user was registered."""
    return thing in _custom_names


def lookup(name: str, namespace: str, kind: str, custom_objects: dict | None = None) -> Any:
    """Return the member of a namespace that a string names.

    Args:
        name: As a user writes it: ``"adam"``, ``"mse"``, ``"GlorotUniform"``, ``"glorot_uniform"``.
        namespace: Where to look, such as ``"losses"``.
        kind: Noun for the error message, such as ``"loss"``.
        custom_objects: More names.

    Raises:
        ValueError: If nothing has that name; the message gives the nearest ones.
    """
    custom = get_registered_object(name, custom_objects)
    if custom is not None:
        return custom
    members = {k: v for k, v in namespaces[namespace].items() if not k.startswith("_") and callable(v)}
    if name in members:
        return members[name]
    folded = {k.replace("_", "").lower(): k for k in sorted(members, reverse=True)}
    key = folded.get(name.replace("_", "").lower())
    if key is not None:
        return members[key]
    raise ValueError(f"Unknown {kind} {name!r}.{suggest(name, members)}")


def suggest(name: str, known: Any) -> str:
    """Return a sentence with the names nearest to a wrong one, or an empty string."""
    by_lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(by_lower[c]) for c in close)}?" if close else ""


def public_module(thing: Any) -> str | None:
    """Return the namespace that exports a class or function under its own name (`""` for the top level)."""
    name = getattr(thing, "__name__", None)
    for namespace in ("", *namespaces):  # what stands at the top is known by that place
        members = namespaces.get(namespace, {})
        if name is not None and members.get(name) is thing:
            return namespace
    return None


# Functions may only come from packages whose functions compute and do nothing else.
_PURE = ("activations", "initializers", "regularizers", "constraints", "losses", "metrics", "ops", "optimizers")
_OTHER_NAMES = {"Policy": "DTypePolicy", "GroupedQueryAttention": "GroupQueryAttention"}


def find(name: str, config: dict, namespace: str | None) -> Any:
    """Return the class or function that a config means. Only what is registered is found; nothing is imported."""
    registered = config.get("registered_name")
    registered = str(registered) if registered and registered != "function" else name
    for key in (registered, name):
        found = get_registered_object(key)
        if found is not None:
            return found
    if config.get("class_name") == "function":  # Keras 3.6 wrote them without their package
        same = [v for k, v in _custom_by_name.items() if k.rpartition(">")[2] == name]
        if len(same) == 1:
            return same[0]
    module = str(config.get("module") or "")
    root, _, public = module.partition(".")
    places = [namespace] if namespace is not None else []
    if root in ("keras", "kernelkit"):
        # Names of places inside of Keras change from version to version; names of classes don't.
        places += [public] if public in namespaces else sorted(namespaces)
    elif not module or module == "builtins":
        places += sorted(namespaces)
    wants_function = config.get("class_name") in ("function", "__typespec__")
    for place in places:
        found = namespaces.get(place, {}).get(_OTHER_NAMES.get(name, name))
        if found is None or not callable(found) or name.startswith("_"):
            continue
        if inspect.isclass(found) or (wants_function and _is_pure(place, name)):
            if registered.rpartition(">")[2] not in (name, config.get("class_name")) or ">" in registered:
                raise ValueError(
                    f"{name!r} resolved to a Keras built-in, but the config says that it was registered as "
                    f"{registered!r}. If it is your own, pass custom_objects={{{registered!r}: ...}}."
                )
            return found
    raise ValueError(
        f"{registered!r} (module {module!r}) is not known to kernelkit. If it is your own class or "
        "function, decorate it "
        "with kernelkit.saving.register_keras_serializable(), or pass custom_objects={...} when loading."
        f"{suggest(name, namespaces.get(namespace or public, {}))}"
    )


def _is_pure(place: str, name: str) -> bool:
    listed = namespaces[place].get("__all__")
    return (
        place.partition(".")[0] in _PURE
        and name not in ("get", "serialize", "deserialize")
        and (listed is None or name in listed)
    )
