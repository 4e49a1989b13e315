"""Objects to configs (plain JSON) and back, by registry alone: a config never causes an import.

Built-in objects are found in the namespaces that hold them: :func:`register_namespace` is called once by each package
(`layers`, `losses`, ...), so what a package exports can be saved, loaded and named by a string. Classes of the user are
found through :func:`register_keras_serializable` or ``custom_objects``.

A class made with :class:`Configurable` needs no ``get_config``: its config is read off the signature of ``__init__``.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from kernelkit import bytecode, config
from kernelkit.symbolic import KerasTensor

_namespaces: dict[str, dict[str, Any]] = {}
_custom_by_name: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_local = threading.local()


def register_namespace(name: str, members: dict[str, Any]) -> None:
    """Make the public members of a package findable by name.

    Args:
        name: Public name of the package below ``kernelkit``, such as ``"layers"``.
        members: The package's ``globals()``.
    """
    _namespaces[name] = members


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


# Files from elsewhere ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def loading(safe_mode: bool = True, memory: int | None = None) -> Iterator[None]:
    """While the block runs, objects are made from a config that somebody else may have written.

    Args:
        safe_mode: Whether nothing that lies outside of the config may be read because the config says so.
        memory: Bytes that weights may take in all; ``None`` for no limit.
    """
    before = getattr(_local, "loading", None)
    _local.loading = {"safe_mode": safe_mode, "memory": memory}
    try:
        yield
    finally:
        _local.loading = before


def in_safe_mode() -> bool:
    """Return whether objects are being made from a config that nobody vouched for.

    A constructor that takes the path of a file or an address must refuse to open it then.

    Example:
        >>> in_safe_mode()
        False
    """
    state = getattr(_local, "loading", None)
    return state is not None and state["safe_mode"] and not config.is_unsafe_deserialization_enabled()


def claim_memory(nbytes: int, who: str) -> None:
    """Raise before memory is taken that the file which is being loaded has no numbers for.

    Args:
        nbytes: Bytes that a weight would take.
        who: How the error names it.
    """
    state = getattr(_local, "loading", None)
    if state is None or state["memory"] is None:
        return
    state["memory"] -= nbytes
    if state["memory"] < 0:
        raise ValueError(
            f"{who} would take {nbytes} bytes, which the file that is being loaded does not hold. If you trust the "
            "file, build the model in code and call load_weights()."
        )


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """While the block runs, an object that is written or read at several places is known to be one."""
    if getattr(_local, "shared", None) is not None:
        yield
        return
    _local.shared = {}
    _local.numbers = itertools.count(1)
    try:
        yield
    finally:
        _local.shared = None


# Finding by name -----------------------------------------------------------------------------------------------------


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
    members = {k: v for k, v in _namespaces[namespace].items() if not k.startswith("_") and callable(v)}
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


def get(
    identifier: Any, namespace: str, kind: str, base: type | None = None, custom_objects: dict | None = None
) -> Any:
    """Return the object that an identifier stands for; the body of every family's ``get``.

    Args:
        identifier: ``None`` (returned), a name, a config dict, an instance, a class or a function.
        namespace: Where names are looked up.
        kind: Noun for error messages.
        base: Class whose subclasses are instantiated.
        custom_objects: More names.

    Raises:
        ValueError: If the identifier is none of these.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = lookup(identifier, namespace, kind, custom_objects)
        return found() if inspect.isclass(found) else found
    if isinstance(identifier, dict):
        if "class_name" not in identifier:
            raise ValueError(f"A {kind} given as a dict needs the keys 'class_name' and 'config', got {identifier!r}.")
        return deserialize_keras_object(identifier, custom_objects, namespace=namespace)
    if inspect.isclass(identifier) and (base is None or issubclass(identifier, base)):
        return identifier()
    if (base is not None and isinstance(identifier, base)) or callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret {identifier!r} as a {kind}: give a name, an object or a function.")


# Configs
# ---------------------------------------------------------------------------------------------------------------


class Configurable:
    """A class whose config is read off the signature of ``__init__``.

    Each argument of a built-in class is kept as an attribute of the same name; that is what is saved. For a class of
    the user, the arguments given to the constructor are saved.

    A class may name arguments it doesn't want in configs in ``_not_in_config``.
    """

    _not_in_config: tuple[str, ...] = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments, got {[*args, *kwargs]}.")
        instance = super().__new__(cls)
        object.__setattr__(instance, "_init_arguments", (args, kwargs))
        return instance

    def get_config(self) -> dict:
        """Return the arguments that make an equal object, as plain JSON values."""
        return {name: serialize_value(value) for name, value in derived_arguments(self).items()}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Make an object from :meth:`get_config`'s result."""
        return cls(**deserialize_values(config))


def derived_arguments(instance: Any, stop: type = object) -> dict[str, Any]:
    """Return the values of the constructor's arguments, from a class below any own ``get_config`` up to ``stop``.

    Raises:
        NotImplementedError: If an argument of a user's class cannot be found again.
    """
    mro = type(instance).__mro__
    own = [i for i, c in enumerate(mro) if "get_config" in vars(c) and not _is_derived(c)]
    values: dict[str, Any] = {}
    first = own[-1] + 1 if own else 0
    given = _given_arguments(instance) if first == 0 else {}
    for cls in mro[first:]:
        if cls is stop or cls is object:
            break
        init = vars(cls).get("__init__")
        if init is None:
            continue
        parameters = list(inspect.signature(init).parameters.values())[1:]
        for parameter in parameters:
            name = parameter.name
            if parameter.kind is parameter.VAR_POSITIONAL and given.get(f"*{name}"):
                raise NotImplementedError(
                    f"{type(instance).__name__} must override get_config(): its constructor takes any number of "
                    f"arguments, *{name}."
                )
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) or name in values:
                continue
            if name in instance._not_in_config:
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
    return getattr(vars(cls)["get_config"], "_derives", False) or cls is Configurable


def derives(method: Callable) -> Callable:
    """Mark a base class's own ``get_config`` as one that includes the derived arguments."""
    method._derives = True  # type: ignore[attr-defined]
    return method


def _given_arguments(instance: Any) -> dict[str, Any]:
    args, kwargs = getattr(instance, "_init_arguments", ((), {}))
    try:
        bound = inspect.signature(type(instance).__init__).bind_partial(instance, *args, **kwargs)
    except TypeError:
        return {}
    given = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = inspect.signature(type(instance).__init__).parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            given.update(value)
        else:
            given[f"*{name}" if kind is inspect.Parameter.VAR_POSITIONAL else name] = value
    return given


def serialize_value(value: Any) -> Any:
    """Return a config value: plain JSON as it is, functions that kernelkit knows by name, objects as dicts."""
    if inspect.isfunction(value) or getattr(value, "is_op", False):
        name = getattr(value, "__name__", "")
        if name != "<lambda>" and value not in _custom_names and _public_module(value) is not None:
            return name
    if type(value) is tuple:
        return tuple(serialize_value(v) for v in value)
    return serialize_keras_object(value)


def deserialize_values(config: dict) -> dict:
    """Return a config with the objects in it made anew."""
    return {k: deserialize_keras_object(v) if _holds_objects(v) else v for k, v in config.items()}


def _holds_objects(value: Any) -> bool:
    """Return whether a config value is an object's config or a list with some."""
    if isinstance(value, (list, tuple)):
        return any(_holds_objects(item) for item in value)
    return isinstance(value, dict) and "class_name" in value


def serialize_keras_object(obj: Any) -> Any:
    """Return a value as plain JSON.

    Args:
        obj: A number, string, list, dict, array, dtype, function, or an object with ``get_config``.

    Returns:
        JSON values; objects as ``{"module", "class_name", "config", "registered_name"}``.

    Raises:
        ValueError: For an object without ``get_config``, or a lambda that closes over one.
    """
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("latin1")}}
    if isinstance(obj, dict):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, list):
        return [serialize_keras_object(v) for v in obj]
    if isinstance(obj, tuple):
        return tuple(serialize_keras_object(v) for v in obj)
    if isinstance(obj, slice):
        bounds = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": {k: serialize_keras_object(v) for k, v in bounds.items()}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, (np.ndarray, jax.Array)):
        array = np.asarray(obj)
        return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(obj, KerasTensor):
        history = list(obj._keras_history or ())
        if history:
            history[0] = history[0].name
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": obj.shape, "dtype": obj.dtype, "keras_history": history},
        }
    if isinstance(obj, np.dtype):
        return obj.name
    if inspect.isfunction(obj) or getattr(obj, "is_op", False):
        if obj.__name__ == "<lambda>":
            return _describe_lambda(obj)
        return _describe(obj, obj.__name__, class_name="function")
    if inspect.isclass(obj):
        return _describe(obj, obj.__name__, class_name="__typespec__")
    if hasattr(obj, "get_config"):
        described = _describe(type(obj), _completed(obj.get_config()))
        _note_shared(obj, described)
        if hasattr(obj, "get_build_config") and (build := obj.get_build_config()):
            described["build_config"] = _listed(build)
        return described
    raise ValueError(f"{type(obj).__name__} cannot be saved: it has no get_config() method. Got {obj!r}.")


def _completed(config: Any) -> Any:
    """Return a config with the objects that a user's ``get_config`` left in it described; itself if there are none."""
    if isinstance(config, dict):
        items = {k: _completed(v) for k, v in config.items()}
        return config if all(items[k] is v for k, v in config.items()) else items
    if isinstance(config, (list, tuple)):
        values = [_completed(v) for v in config]
        return config if all(a is b for a, b in zip(values, config, strict=True)) else type(config)(values)
    plain = config is None or isinstance(config, (bool, int, float, str))
    return config if plain or isinstance(config, type) else serialize_keras_object(config)


def _listed(value: Any) -> Any:
    """Return nested shapes as plain JSON, tuples as lists."""
    if isinstance(value, dict):
        return {k: _listed(v) for k, v in value.items()}
    return [_listed(v) for v in value] if isinstance(value, (list, tuple)) else value


def _note_shared(obj: Any, described: dict) -> None:
    """Give the descriptions of one object the same number, once there is a second."""
    shared = getattr(_local, "shared", None)
    if shared is None:
        return
    first = shared.setdefault(id(obj), (obj, described))[1]  # the object is kept, or its id might be used again
    if first is not described:
        if "shared_object_id" not in first:
            first["shared_object_id"] = next(_local.numbers)
        described["shared_object_id"] = first["shared_object_id"]


def _describe(thing: Any, config: Any, class_name: str | None = None) -> dict:
    public = _public_module(thing)
    if public is not None:
        module, registered = f"keras.{public}".rstrip("."), None
    elif class_name == "function":
        module, registered, config = "builtins", "function", get_registered_name(thing)
    else:
        module, registered = getattr(thing, "__module__", "builtins"), get_registered_name(thing)
    return {
        "module": module,
        "class_name": class_name or thing.__name__,
        "config": config,
        "registered_name": registered,
    }


def _public_module(thing: Any) -> str | None:
    """Return the namespace that exports a class or function under its own name (`""` for the top level)."""
    name = getattr(thing, "__name__", None)
    for namespace in ("", *_namespaces):  # what stands at the top is known by that place
        members = _namespaces.get(namespace, {})
        if name is not None and members.get(name) is thing:
            return namespace
    return None


def _numbers(config: dict) -> np.ndarray:
    # The dtype comes from a file: only kinds whose elements have a fixed, small size.
    try:
        dtype = jax.numpy.dtype(str(config["dtype"]))
    except TypeError:
        dtype = np.dtype("O")
    if dtype.kind not in "biufcV" or dtype.itemsize > 16:
        raise ValueError(f"A config holds an array of the dtype {config['dtype']!r}; only numbers are supported.")
    return np.array(config["value"], dtype=dtype)


_plain: dict[str, Callable[[dict], Any]] = {
    "__tuple__": lambda c: tuple(deserialize_keras_object(v) for v in c["value"]),
    "__numpy__": lambda c: _numbers(c),
    "__tensor__": lambda c: jax.numpy.asarray(_numbers(c)),
    "__keras_tensor__": lambda c: KerasTensor(c["shape"], dtype=c["dtype"]),
    "__bytes__": lambda c: c["value"].encode("latin1"),
    "__slice__": lambda c: slice(c["start"], c["stop"], c["step"]),
    "__ellipsis__": lambda c: Ellipsis,
}


def deserialize_keras_object(
    config: Any,
    custom_objects: dict | None = None,
    safe_mode: bool = True,
    namespace: str | None = None,
    **kwargs: Any,
) -> Any:
    """Make an object from :func:`serialize_keras_object`'s result.

    Args:
        config: JSON values.
        custom_objects: Names of classes and functions that are not registered.
        safe_mode: ``False`` makes lambdas of the code that the config holds. While a file is loaded, what its reader
            was told decides.
        namespace: Where a bare class name is looked up first, such as ``"layers"``.
        **kwargs: Ignored.

    Raises:
        ValueError: If a class is not known; the message says how to make it known.
    """
    if custom_objects:
        with CustomObjectScope(custom_objects):
            return deserialize_keras_object(config, None, safe_mode, namespace)
    if not safe_mode and getattr(_local, "loading", None) is None:
        with loading(safe_mode=False):
            return deserialize_keras_object(config, None, safe_mode, namespace)
    if isinstance(config, (list, tuple)):
        return [deserialize_keras_object(v, safe_mode=safe_mode) for v in config]
    if isinstance(config, str) and namespace is not None:
        return get(config, namespace, namespace.rstrip("s"))
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {k: deserialize_keras_object(v, safe_mode=safe_mode) for k, v in config.items()}
    class_name, inner = config["class_name"], config["config"]
    if class_name in _plain:
        return _plain[class_name](inner)
    if class_name == "__lambda__":
        return _made_lambda(inner)
    if class_name in ("function", "__typespec__"):
        if not isinstance(inner, str):
            raise NoSuchConfig(f"Expected 'config' to be a non-null str, the function's name, got {inner!r}.")
        return _find(str(inner), config, namespace)
    shared = getattr(_local, "shared", None)
    number = config.get("shared_object_id")
    if shared is not None and number is not None and number in shared:
        return shared[number]
    cls = _find(str(class_name), config, namespace)
    if not (inspect.isclass(cls) and hasattr(cls, "from_config")):
        raise NoSuchConfig(
            f"Unable to reconstruct an instance of {class_name!r}: it is no class with a from_config() method."
        )
    if not isinstance(inner, dict):
        raise NoSuchConfig(f"Expected 'config' to be a dict, the arguments of {class_name}, got {inner!r}.")
    instance = cls.from_config(inner)
    if shared is not None and number is not None:
        shared[number] = instance
    build = config.get("build_config")
    if build and hasattr(instance, "build_from_config") and not getattr(instance, "built", True):
        instance.build_from_config(deserialize_keras_object(build, safe_mode=safe_mode))
    compiled = config.get("compile_config")
    if compiled and hasattr(instance, "compile_from_config"):
        instance.compile_from_config(compiled)
    return instance


def _describe_lambda(function: Any) -> dict:
    config = bytecode.to_config(function)
    try:
        values = {k: serialize_keras_object(config[k]) for k in ("defaults", "closure")}
    except ValueError as error:
        names = [*function.__code__.co_varnames, *function.__code__.co_freevars]
        raise ValueError(
            f"A lambda of {names} cannot be saved, since it holds on to something that cannot: {error} Give the "
            "function a name and decorate it with kernelkit.saving.register_keras_serializable()."
        ) from error
    return {"class_name": "__lambda__", "config": config | values}


def _made_lambda(inner: Any) -> Callable:
    state = getattr(_local, "loading", None)
    trusted = state is not None and not state["safe_mode"]
    if not trusted and not config.is_unsafe_deserialization_enabled():
        raise ValueError(
            "The config holds a Python lambda, as of a Lambda layer: loading it means arbitrary code execution, of "
            "what the file's author wrote. If that was you, or somebody you trust, pass safe_mode=False. If not, "
            "rebuild the model with a named function and load its weights."
        )
    if not isinstance(inner, dict):
        raise NoSuchConfig(f"Expected 'config' to be a dict, the code of a lambda, got {inner!r}.")
    values = {k: deserialize_keras_object(inner.get(k)) for k in ("defaults", "closure")}
    # The package itself stands above this file, which therefore doesn't import it.
    names = {"keras": sys.modules["kernelkit"], "np": np, "jnp": jax.numpy}
    return bytecode.from_config(inner | values, names)


class NoSuchConfig(TypeError, ValueError):
    """A config is not of a kind that an object can be made from."""


# Functions may only come from packages whose functions compute and do nothing else.
_PURE = ("activations", "initializers", "regularizers", "constraints", "losses", "metrics", "ops", "optimizers")
_OTHER_NAMES = {"Policy": "DTypePolicy", "GroupedQueryAttention": "GroupQueryAttention"}


def _find(name: str, config: dict, namespace: str | None) -> Any:
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
        places += [public] if public in _namespaces else sorted(_namespaces)
    elif not module or module == "builtins":
        places += sorted(_namespaces)
    wants_function = config.get("class_name") in ("function", "__typespec__")
    for place in places:
        found = _namespaces.get(place, {}).get(_OTHER_NAMES.get(name, name))
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
        f"{suggest(name, _namespaces.get(namespace or public, {}))}"
    )


def _is_pure(place: str, name: str) -> bool:
    listed = _namespaces[place].get("__all__")
    return (
        place.partition(".")[0] in _PURE
        and name not in ("get", "serialize", "deserialize")
        and (listed is None or name in listed)
    )
