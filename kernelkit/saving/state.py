"""Writing the variables of a model into a weights file, and reading them back."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import jax
import numpy as np

from kernelkit.layers.layer import Layer
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.random import SeedGenerator
from kernelkit.saving.parts import Part, parts_of
from kernelkit.tracebacks import users_level
from kernelkit.variable import Variable

_MOST_TOLD = 5
_PACKAGE = __name__.partition(".")[0]


class Sink(Protocol):
    """A writer of the arrays of each folder."""

    def entry(self, path: str, name: str | None) -> Any:
        """Return a dict-like object that writes the arrays put into it."""


class Source(Protocol):
    """A reader of the arrays of each folder."""

    who: str

    def entry(self, path: str) -> Mapping:
        """Return the arrays of a folder by name, an empty mapping if there is no such folder."""


def save_state(root: Any, sink: Sink, objects_to_skip: Iterable = ()) -> None:
    """Write the variables of a model, its layers and its optimizer.

    Args:
        root: The model.
        sink: The writer.
        objects_to_skip: Layers to leave out.
    """
    left_out = {id(thing) for thing in objects_to_skip or ()}
    for path, thing in parts_of(root):
        if id(thing) in left_out:
            continue
        entry = sink.entry(_inside(path, "vars"), getattr(thing, "name", None))
        if isinstance(thing, SeedGenerator):
            entry["0"] = thing.state.numpy()
        else:
            thing.save_own_variables(entry)


def load_state(root: Any, source: Source, skip_mismatch: bool = False, objects_to_skip: Iterable = ()) -> None:
    """Read the variables that :func:`save_state` wrote. If an array doesn't fit, nothing is changed.

    Args:
        root: The model.
        source: The reader.
        skip_mismatch: Whether objects that don't fit stay unchanged, with a warning.
        objects_to_skip: Layers to leave unchanged.

    Raises:
        ValueError: If names, numbers or shapes of arrays don't fit the model; the message names them.
    """
    left_out = {id(thing) for thing in objects_to_skip}
    plain: list[tuple[Part, Mapping]] = []
    loaders: list[tuple[Part, Mapping]] = []
    complaints = []
    other_names: list[tuple[str, str]] = []
    for part in parts_of(root, other_names):
        if id(part.thing) in left_out:
            continue
        entry = _entry(source, part.path, other_names)
        complaint = _complaint(part, entry) or _damage(part, entry)
        if complaint is not None:
            complaints.append(complaint)
        elif _has_own_loader(part.thing):
            loaders.append((part, entry))
        else:
            plain.append((part, entry))
    if complaints and not skip_mismatch:
        raise ValueError(_misfit(root, source, complaints))
    # A layer's own loader shows only by running whether it fits the file. It runs first, so that it can be undone.
    undo = _values(root) if loaders else []
    try:
        for part, entry in loaders:
            before = _values(part.thing) if skip_mismatch else []
            try:
                _load(part.thing, entry)
            except (ValueError, KeyError, TypeError) as error:
                complaint = f"{_who(part)}: {error}"
                if not skip_mismatch:
                    raise ValueError(_misfit(root, source, [complaint])) from error
                _put_back(before)
                complaints.append(complaint)
    except BaseException:
        _put_back(undo)
        raise
    del undo
    for part, entry in plain:
        _load(part.thing, entry)
    if complaints:
        warnings.warn(_misfit(root, source, complaints) + " They are unchanged.", stacklevel=users_level())


def _values(thing: Any) -> list[tuple[Variable, jax.Array]]:
    """Return the variables of a model, a layer or an optimizer with their (immutable) arrays."""
    optimizer = getattr(thing, "optimizer", None)
    variables = [*thing.variables, *(optimizer.variables if isinstance(optimizer, Optimizer) else ())]
    return [(variable, variable.value) for variable in variables]


def _put_back(values: list[tuple[Variable, jax.Array]]) -> None:
    for variable, value in values:
        variable.assign(value)


def _damage(part: Part, entry: Mapping) -> str | None:
    """Return why an array of an entry cannot be read, ``None`` if all can; only packed arrays are read for this."""
    for name, array in entry.items():
        if getattr(array, "is_packed", False):
            try:
                np.asarray(array)
            except ValueError as error:
                return f"{_who(part)}: {name!r}: {error}"
    return None


def save_assets(root: Any, folder: str) -> bool:
    """Let layers write their own files, such as vocabularies; return whether there are any."""
    found = False
    for path, thing in parts_of(root):
        if hasattr(thing, "save_assets"):
            place = os.path.join(folder, *path.split("/")) if path else folder
            os.makedirs(place, exist_ok=True)
            thing.save_assets(place)
            found = True
    return found


def load_assets(root: Any, folder: str) -> None:
    """Let layers read the files that they wrote in :func:`save_assets`."""
    for path, thing in parts_of(root):
        place = os.path.join(folder, *path.split("/")) if path else folder
        if hasattr(thing, "load_assets") and os.path.isdir(place):
            thing.load_assets(place)


def largest(root: Any) -> int:
    """Return the bytes of the largest variable of a model."""
    return max((v.size * np.dtype(v.value.dtype).itemsize for v in root.variables), default=0)


def nbytes(root: Any) -> int:
    """Return the bytes of a model's variables, those of its optimizer included."""
    optimizer = getattr(root, "optimizer", None)
    variables = [*root.variables, *(optimizer.variables if isinstance(optimizer, Optimizer) else ())]
    return sum(math.prod(v.shape) * jax.numpy.dtype(v.dtype).itemsize for v in variables if v.shape is not None)


def _entry(source: Source, path: str, other_names: list[tuple[str, str]]) -> Mapping:
    """Return the arrays of a folder; if it is empty, those of the object's next name that has arrays."""
    entry = source.entry(_inside(path, "vars"))
    for name, other in other_names:
        if entry:
            break
        if path == name or path.startswith(f"{name}/"):
            entry = source.entry(_inside(other + path[len(name) :], "vars"))
    return entry


def _inside(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _load(thing: Any, entry: Mapping) -> None:
    if isinstance(thing, SeedGenerator):
        if "0" in entry:  # files of current Keras versions don't hold seeds
            thing.state.assign(np.asarray(entry["0"]))
    elif isinstance(thing, Optimizer):
        if set(entry) == {"0", "1"} and len(thing.variables) > 2:  # saved before the first step
            for variable, name in zip(thing.variables, ("0", "1"), strict=False):
                variable.assign(np.asarray(entry[name]))
        elif entry:  # not a file of weights alone
            thing.load_own_variables(entry)
    elif entry or _overrides(thing):
        thing.load_own_variables(entry)


def _has_own_loader(thing: Any) -> bool:
    if isinstance(thing, Optimizer):
        return type(thing).load_own_variables is not Optimizer.load_own_variables
    return isinstance(thing, Layer) and _overrides(thing)


def _overrides(layer: Layer) -> bool:
    return type(layer).load_own_variables is not Layer.load_own_variables


def _complaint(part: Part, entry: Mapping) -> str | None:
    """Return the mismatch as a message, for objects whose arrays are their variables in order."""
    thing = part.thing
    if isinstance(thing, Layer):
        variables = thing.saved_variables()
        is_own = not _overrides(thing) or type(thing).load_own_variables.__module__.startswith(_PACKAGE)
        if _overrides(thing) and (not is_own or (thing.built and entry and len(entry) != len(variables))):
            return None  # the object checks its arrays itself
    elif isinstance(thing, Optimizer):
        variables = thing.variables
        is_own = type(thing).load_own_variables is Optimizer.load_own_variables
        if not is_own or len(entry) != len(variables):
            return None  # the optimizer warns, and starts with a new state
    else:
        variables = [thing.state] if entry else []
    expected = {str(i): variable.shape for i, variable in enumerate(variables)}
    found = {name: tuple(entry[name].shape) for name in entry}
    if expected == found:
        return None
    if len(expected) == len(found):
        return (
            f"{_who(part)}: shapes must match, expected {_shapes(expected)}, the file has {_shapes(found)}"
            f"{_hint(thing)}"
        )
    return (
        f"{_who(part)} expected {len(expected)} variables, but received {len(found)} variables from the file: "
        f"{_shapes(expected)}, and {_shapes(found)}{_hint(thing)}"
    )


def _who(part: Part) -> str:
    kind = "layer" if isinstance(part.thing, Layer) else "optimizer" if isinstance(part.thing, Optimizer) else "seed"
    return f"{kind} {part.thing.name!r} ({type(part.thing).__name__}, {part.path or 'top'!r} in the file)"


def _hint(thing: Any) -> str:
    return (
        " (it is not built: call the model on data, or build() it, first)" if not getattr(thing, "built", True) else ""
    )


def _shapes(shapes: dict[str, tuple]) -> str:
    ordered = sorted(shapes, key=lambda name: (len(name), name))
    return ", ".join(str(shapes[name]) for name in ordered) or "no arrays"


def _misfit(root: Any, source: Source, complaints: list[str]) -> str:
    more = len(complaints) - _MOST_TOLD
    details = "; ".join(complaints[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")
    return f"The weights in {source.who} don't fit the model {root.name!r}: {details}."
