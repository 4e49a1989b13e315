"""Objects to configs and back."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from kernelkit import budget, bytecode
from kernelkit.serialize import alone, config_text, trust
from kernelkit.serialize.registry import (
    CustomObjectScope,
    cut,
    find,
    get_registered_name,
    is_custom,
    lookup,
    public_module,
)
from kernelkit.symbolic import KerasTensor

_local = threading.local()


class NoSuchConfig(TypeError, ValueError):
    """The error for a config from which no object can be made."""


class NotSerializable(NotImplementedError, ValueError):
    """The error for an object that cannot be written as a config; Keras raises a ``NotImplementedError``."""


def made_from_config(cls: type, arguments: dict) -> Any:
    """Return ``cls(**arguments)``; an error of the constructor about a value is also a ``TypeError``, as in Keras."""
    try:
        return cls(**arguments)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise NoSuchConfig(*error.args).with_traceback(error.__traceback__) from error.__cause__


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Keep the identity of objects while the block runs: one object written at several places is read back as one."""
    if getattr(_local, "shared", None) is not None:
        yield
        return
    _local.shared = {}
    _local.numbers = itertools.count(1)
    try:
        yield
    finally:
        _local.shared = None


def get(
    identifier: Any, namespace: str, kind: str, base: type | None = None, custom_objects: dict | None = None
) -> Any:
    """Return the object for an identifier; the functions ``get`` of layers, losses and other packages call this.

    Args:
        identifier: ``None`` (returned), a name, a config dict, an instance, a class or a function.
        namespace: Namespace in which names are looked up.
        kind: Noun for error messages.
        base: Class whose subclasses are instantiated.
        custom_objects: More names.

    Raises:
        ValueError: If the identifier is of another kind.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = lookup(identifier, namespace, kind, custom_objects)
        return found() if inspect.isclass(found) else found
    if isinstance(identifier, dict):
        if "class_name" not in identifier:
            raise ValueError(
                f"{_article(kind).capitalize()} as a dict needs the keys 'class_name' and 'config', got "
                f"{cut(identifier)}."
            )
        return deserialize_keras_object(identifier, custom_objects, namespace=namespace)
    if inspect.isclass(identifier) and (base is None or issubclass(identifier, base)):
        return identifier()
    if (base is not None and isinstance(identifier, base)) or callable(identifier):
        return identifier
    raise ValueError(
        f"Could not interpret {cut(identifier)} as {_article(kind)}: give a name, an object or a function."
    )


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def serialize_value(value: Any) -> Any:
    """Return a value for a config: plain JSON unchanged, known functions by name, objects as dicts."""
    if inspect.isfunction(value) or getattr(value, "is_op", False):
        name = getattr(value, "__name__", "")
        if name != "<lambda>" and not is_custom(value) and public_module(value) is not None:
            return name
    if type(value) is tuple:
        return tuple(serialize_value(v) for v in value)
    return serialize_keras_object(value)


def deserialize_values(config: dict) -> dict:
    """Return a config in which objects are made from their configs."""
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
        ValueError: For an object without ``get_config``, or a lambda that closes over such an object.

    Example:
        >>> import kernelkit as kk
        >>> kk.saving.serialize_keras_object(kk.layers.Dropout(0.5))["config"]["rate"]
        0.5
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
        if alone.is_copy():
            return obj
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
    raise NotSerializable(f"{type(obj).__name__} cannot be saved: it has no get_config() method. Got {obj!r}.")


def _completed(config: Any) -> Any:
    """Return a config in which objects left by a user's ``get_config`` are written as configs too."""
    if isinstance(config, dict):
        items = {k: _completed(v) for k, v in config.items()}
        return config if all(items[k] is v for k, v in config.items()) else items
    if isinstance(config, (list, tuple)):
        values = [_completed(v) for v in config]
        return config if all(a is b for a, b in zip(values, config, strict=True)) else type(config)(values)
    plain = config is None or isinstance(config, (bool, int, float, str))
    plain = plain or (alone.is_copy() and callable(config) and not hasattr(config, "get_config"))
    return config if plain or isinstance(config, type) else serialize_keras_object(config)


def _listed(value: Any) -> Any:
    """Return nested shapes as plain JSON, tuples as lists."""
    if isinstance(value, dict):
        return {k: _listed(v) for k, v in value.items()}
    return [_listed(v) for v in value] if isinstance(value, (list, tuple)) else value


def _note_shared(obj: Any, described: dict) -> None:
    """Give all descriptions of one object the same number, if there is more than one."""
    shared = getattr(_local, "shared", None)
    if shared is None:
        return
    first = shared.setdefault(id(obj), (obj, described))[1]  # keeps the object alive, so that its id is not reused
    if first is not described:
        if "shared_object_id" not in first:
            first["shared_object_id"] = next(_local.numbers)
        described["shared_object_id"] = first["shared_object_id"]


def _describe(thing: Any, config: Any, class_name: str | None = None) -> dict:
    public = public_module(thing)
    if public is not None:
        module, registered = f"keras.{public}".rstrip("."), None
    elif class_name == "function":
        module, registered, config = "builtins", "function", get_registered_name(thing)
    else:
        module, registered = getattr(thing, "__module__", "builtins"), get_registered_name(thing)
    kept = alone.keep_class(thing) if public is None and inspect.isclass(thing) else {}
    return {
        "module": module,
        "class_name": class_name or thing.__name__,
        "config": config,
        "registered_name": registered,
        **kept,
    }


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
        safe_mode: ``False`` makes lambdas from the code in the config. While a file is loaded, the ``safe_mode`` of the
            load is used instead.
        namespace: Namespace in which a bare class name is looked up first, such as ``"layers"``.
        **kwargs: ``module_objects``: more functions and classes by name, for a config that is only a name.

    Raises:
        ValueError: If a class is not known; the message says how to register it.

    Example:
        >>> import kernelkit as kk
        >>> config = kk.saving.serialize_keras_object(kk.layers.Dropout(0.5))
        >>> kk.saving.deserialize_keras_object(config).rate
        0.5
    """
    if isinstance(config, str) and namespace is None:
        known = kwargs.get("module_objects") or {}
        found = (custom_objects or {}).get(config)
        if found is None and config in known:
            found = known[config]() if inspect.isclass(known[config]) else known[config]
        return config if found is None else found
    if custom_objects:
        with CustomObjectScope(custom_objects):
            return deserialize_keras_object(config, None, safe_mode, namespace)
    if not trust.is_loading() and isinstance(config, (dict, list, tuple)):
        with trust.loading(safe_mode):
            if trust.in_safe_mode():
                config_text.require_moderate(config)
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
        return find(inner, config, namespace)
    shared = getattr(_local, "shared", None)
    number = config.get("shared_object_id")
    if shared is not None and number is not None and number in shared:
        return shared[number]
    budget.claim_objects(1, str(class_name))
    cls = alone.kept_class(config) or find(str(class_name), config, namespace)
    if not (inspect.isclass(cls) and hasattr(cls, "from_config")):
        raise NoSuchConfig(
            f"Unable to reconstruct an instance of {class_name!r}: it is not a class with a from_config() method."
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
            f"A lambda of {names} cannot be saved, because it uses an object that cannot be saved: {error} Give the "
            "function a name and decorate it with kernelkit.saving.register_keras_serializable()."
        ) from error
    return {"class_name": "__lambda__", "config": config | values}


def _made_lambda(inner: Any) -> Callable:
    if not trust.is_vouched_for():
        raise ValueError(
            "The config holds a Python lambda, such as that of a Lambda layer. Loading it means arbitrary code "
            "execution: it runs code of the file's author. If you trust the author, pass safe_mode=False. If not, "
            "rebuild the model with a named function and load its weights."
        )
    if not isinstance(inner, dict):
        raise NoSuchConfig(f"Expected 'config' to be a dict, the code of a lambda, got {inner!r}.")
    values = {k: deserialize_keras_object(inner.get(k)) for k in ("defaults", "closure")}
    # This file cannot import the package: it stands on a higher floor.
    names = {"keras": sys.modules["kernelkit"], "np": np, "jnp": jax.numpy}
    return bytecode.from_config(inner | values, names)
