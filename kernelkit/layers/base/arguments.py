"""Arguments of constructors and of `add_weight`: old spellings, unknown names, positional arguments."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from kernelkit.serialize import suggest
from kernelkit.tracebacks import users_level
from kernelkit.typing import DType, InitializerLike, ShapeLike

_warned: set[str] = set()


def warn_once(key: str, message: str) -> None:
    """Warn, once per key and session."""
    if key not in _warned:
        _warned.add(key)
        warnings.warn(message, UserWarning, stacklevel=users_level())


def take_input_shape(layer: str, kwargs: dict) -> tuple | None:
    """Take `input_shape`, `input_dim`, `batch_shape` and similar ones out of a layer's keyword arguments.

    Returns:
        The input's shape with the batch axis, or ``None`` if none was given.
    """
    batch = kwargs.pop("batch_size", None)
    shape = None
    if "input_shape" in kwargs:
        shape = (batch, *kwargs.pop("input_shape"))
    elif "input_dim" in kwargs:
        length = kwargs.pop("input_length", None)
        shape = (batch, kwargs.pop("input_dim")) if length is None else (batch, length, kwargs.pop("input_dim"))
    else:
        for name in ("batch_input_shape", "batch_shape"):
            if name in kwargs:
                shape = tuple(kwargs.pop(name))
    if layer == "Embedding":
        kwargs.pop("input_length", None)
    if shape is not None:
        warn_once(
            "input_shape",
            f"{layer}(input_shape=..., input_dim=...) is an old spelling. Begin the model with "
            f"kernelkit.Input(shape={shape[1:]}) instead.",
        )
    return shape


def refuse_unknown(cls: type, kwargs: dict) -> None:
    """Raise ``TypeError`` for keyword arguments that a layer doesn't have, with the nearest right name."""
    if not kwargs:
        return
    known: set[str] = set()
    for base in cls.__mro__:
        if "__init__" in vars(base) and base is not object:
            known |= set(inspect.signature(vars(base)["__init__"]).parameters) - {"self", "args", "kwargs"}
    name = next(iter(kwargs))
    raise TypeError(f"{cls.__name__}() got an unknown argument {name!r}.{suggest(name, known)} [K16]")


def weight_arguments(args: tuple, shape: ShapeLike, initializer: InitializerLike, dtype: DType) -> tuple[Any, Any, Any]:
    """Return the shape, the initializer and the dtype of a weight, given by position or by name.

    Raises:
        ValueError: If the first argument is a name, as in Keras 2, or an argument is given twice.
        TypeError: If there are more than three positional arguments.
    """
    named = {"shape": shape, "initializer": initializer, "dtype": dtype}
    if args and isinstance(args[0], str):
        raise ValueError(
            f"add_weight({args[0]!r}, ...): the first argument is the shape. Give the name as a keyword argument: "
            f"add_weight(shape=..., name={args[0]!r}). [K17]"
        )
    if len(args) > len(named):
        raise TypeError(
            f"add_weight() takes at most 3 positional arguments (shape, initializer, dtype), got {len(args)}."
        )
    for name, value in zip(named, args, strict=False):
        if named[name] is not None:
            raise ValueError(f"add_weight(): `{name}` was passed both positionally and as a keyword argument.")
        named[name] = value
    return named["shape"], named["initializer"], named["dtype"]
