"""The registry of names: the packages' public members, and the user's classes and functions."""

from __future__ import annotations

import difflib
import inspect
import reprlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Namespace(NamedTuple):
    """A package, with the rule for the members that a config may name."""

    members: dict[str, Any]
    kinds: tuple[type, ...]
    is_function: Callable[[Any], bool]


namespaces: dict[str, Namespace] = {}
"""kernelkit's packages, by name."""
trusted_packages: set[str] = set()
"""Other packages whose classes a config may name by module, without a registration, as soon as the program has imported
the module itself."""
_tables: dict[str, Mapping[str, Any]] = {}
_HELPERS = ("get", "serialize", "deserialize")
_custom_by_name: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_local = threading.local()
_PACKAGE = __name__.partition(".")[0]


def register_namespace(
    name: str,
    members: dict[str, Any],
    kinds: tuple[type, ...] = (),
    is_function: Callable[[Any], bool] = lambda thing: False,
) -> None:
    """Make the public members of a package findable by name. Configs can name nothing else.

    Args:
        name: Public name of the package below ``kernelkit``, such as ``"layers"``.
        members: The package's ``globals()``.
        kinds: The classes whose subclasses a config may make.
        is_function: Function that returns whether a config may name a function of the package. Only functions without
            side effects may be named.
    """
    namespaces[name] = Namespace(members, kinds, is_function)
    _tables.pop(name, None)


def table(name: str) -> Mapping[str, Any]:
    """Return the classes and functions of a package that a config may name. The table is made at the first call.

    Example:
        >>> import kernelkit as kk
        >>> sorted(table("constraints"))[:3]
        ['Constraint', 'MaxNorm', 'MinMaxNorm']
        >>> "get" in table("activations"), "__setattr__" in table("activations")
        (False, False)
    """
    if name not in _tables:
        package = namespaces.get(name, Namespace({}, (), lambda thing: False))
        _tables[name] = {k: v for k, v in package.members.items() if not k.startswith("_") and _is_named(package, k, v)}
    return _tables[name]


def _is_named(package: Namespace, name: str, thing: Any) -> bool:
    if inspect.isclass(thing):
        return issubclass(thing, package.kinds)
    is_own = callable(thing) and str(getattr(thing, "__module__", "")).partition(".")[0] == _PACKAGE
    return is_own and name not in _HELPERS and package.is_function(thing)


def takes_targets(function: Any) -> bool:
    """Return whether a function compares predictions with targets, as losses and metrics do."""
    return list(inspect.signature(function).parameters)[:2] == ["y_true", "y_pred"]


def register_namespace_later(name: str, members: tuple[str, ...], load: Callable[[], Any]) -> None:
    """Make the classes of a package findable by name; the package is imported at the first lookup of one of them.

    Args:
        name: Public name of the package below ``kernelkit``.
        members: The names of the classes.
        load: Imports the package and returns it.
    """
    namespaces[name] = Namespace({}, (), lambda thing: False)
    _tables[name] = _Later(members, load)


class _Later(Mapping[str, Any]):
    """Members of a package that is not imported yet."""

    def __init__(self, names: tuple[str, ...], load: Callable[[], Any]) -> None:
        self._names, self._load = names, load

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return getattr(self._load(), name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """Return a decorator that registers a class or function, so that loading a model finds it.

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
    """Return the name under which a class or function was registered; otherwise its own name.

    Example:
        >>> import kernelkit as kk
        >>> @kk.saving.register_keras_serializable("shop")
        ... class Price(kk.layers.Layer):
        ...     pass
        >>> kk.saving.get_registered_name(Price)
        'shop>Price'
    """
    return _custom_names.get(obj, obj.__name__)


def get_registered_object(name: str, custom_objects: dict | None = None, module_objects: dict | None = None) -> Any:
    """Return the class or function of a registered name, or ``None``.

    Example:
        >>> import kernelkit as kk
        >>> @kk.saving.register_keras_serializable("shop")
        ... class Discount(kk.layers.Layer):
        ...     pass
        >>> kk.saving.get_registered_object("shop>Discount") is Discount
        True
    """
    for table in (*reversed(_scopes()), custom_objects or {}, _custom_by_name, module_objects or {}):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict:
    """Return the dict of globally registered objects; changes to it take effect.

    Example:
        >>> import kernelkit as kk
        >>> isinstance(kk.saving.get_custom_objects(), dict)
        True
    """
    return _custom_by_name


class CustomObjectScope:
    """Make objects known by name while a ``with`` block runs.

    Args:
        custom_objects: Dict of names to classes or functions.

    Example:
        >>> import kernelkit as kk
        >>> def twice(x):
        ...     return 2 * x
        >>> with kk.saving.CustomObjectScope({"twice": twice}):
        ...     print(kk.layers.Dense(1, activation="twice").activation(3))
        6
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
        name: A name such as ``"adam"``, ``"mse"``, ``"GlorotUniform"`` or ``"glorot_uniform"``.
        namespace: Namespace to search, such as ``"losses"``.
        kind: Noun for the error message, such as ``"loss"``.
        custom_objects: More names.

    Raises:
        ValueError: If nothing has that name; the message gives the nearest ones.
    """
    custom = get_registered_object(name, custom_objects)
    if custom is not None:
        return custom
    members = table(namespace)
    if name in members:
        return members[name]
    folded = {k.replace("_", "").lower(): k for k in sorted(members, reverse=True)}
    key = folded.get(name.replace("_", "").lower())
    if key is not None:
        return members[key]
    raise ValueError(f"Unknown {kind} {cut(name)}.{suggest(name, members)} [K15]")


def cut(value: Any) -> str:
    """Return a value from a config as text for an error, short however long it is.

    Example:
        >>> cut("relu"), len(cut("a" * 10**6))
        ("'relu'", 200)
    """
    return _short.repr(value)


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 200
_short.maxlist = _short.maxtuple = _short.maxdict = 20


def suggest(name: str, known: Any) -> str:
    """Return a sentence with the names nearest to a wrong one, or an empty string."""
    by_lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name[:100].lower(), by_lower, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(by_lower[c]) for c in close)}?" if close else ""


def public_module(thing: Any) -> str | None:
    """Return the namespace that exports a class or function under its own name (`""` for the top level)."""
    name = getattr(thing, "__name__", None)
    for namespace in ("", *namespaces):  # the top level comes first
        if name is not None and table(namespace).get(name) is thing:
            return namespace
    return None


OTHER_NAMES = {"Policy": "DTypePolicy", "GroupedQueryAttention": "GroupQueryAttention"}
"""Names that a config may use, and those under which the classes stand in the tables."""


def _of_trusted_packages(name: str, module: str) -> Any:
    """Return a class that an imported module of a trusted package defines, ``None`` for anything else."""
    if module.partition(".")[0] not in trusted_packages:
        return None
    found = vars(sys.modules.get(module, object)).get(name)
    kinds = tuple(kind for package in namespaces.values() for kind in package.kinds)
    is_named = inspect.isclass(found) and issubclass(found, kinds) and found.__module__ == module
    return found if is_named else None


def find(name: str, config: dict, namespace: str | None) -> Any:
    """Return the class or function that a config names. Only registered objects are found; nothing is imported."""
    registered = config.get("registered_name")
    registered = str(registered) if registered and registered != "function" else name
    for key in (registered, name):
        found = get_registered_object(key)
        if found is not None:
            return found
    wants_function = config.get("class_name") == "function"
    if wants_function:  # Keras 3.6 wrote them without their package
        same = [v for k, v in _custom_by_name.items() if k.rpartition(">")[2] == name]
        if len(same) == 1:
            return same[0]
    module = str(config.get("module") or "")
    found = None if wants_function else _of_trusted_packages(name, module)
    if found is not None:
        return found
    root, _, public = module.partition(".")
    places = [namespace] if namespace is not None else []
    if root in ("keras", "kernelkit"):
        # Module paths inside Keras change from version to version; class names don't.
        places += [public] if public in namespaces else sorted(namespaces)
    elif not module or module == "builtins":
        places += sorted(namespaces)
    for place in places:
        found = table(place).get(OTHER_NAMES.get(name, name))
        if found is None or inspect.isclass(found) == wants_function:
            continue
        if registered.rpartition(">")[2] not in (name, config.get("class_name")) or ">" in registered:
            raise ValueError(
                f"{name!r} resolved to a Keras built-in, but the config says that it was registered as "
                f"{registered!r}. If it is your own, pass custom_objects={{{registered!r}: ...}}."
            )
        return found
    kind = "function" if wants_function else "class"
    raise ValueError(
        f"{cut(registered)} (module {cut(module)}) is not known to kernelkit as a {kind} that a config may "
        "name. If it is your own class or function, decorate it with "
        "kernelkit.saving.register_keras_serializable(), or pass custom_objects={...} when loading."
        f"{suggest(name, table(namespace or public))} [K18]"
    )
