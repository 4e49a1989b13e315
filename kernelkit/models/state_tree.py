"""The values of a model's variables as nested dicts, by their paths."""

from __future__ import annotations

from typing import Any

import numpy as np

KINDS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
_FORMATS = ("backend_tensor", "numpy_array")


def get(model: Any, value_format: str) -> dict[str, dict]:
    """Return the values of each kind of variables; see :meth:`kernelkit.Model.get_state_tree`."""
    if value_format not in _FORMATS:
        raise ValueError(f"get_state_tree(value_format=...) must be one of {_FORMATS}, got {value_format!r}.")
    read = (lambda v: v.numpy()) if value_format == "numpy_array" else (lambda v: v.value)
    state = {}
    for kind in KINDS:
        nested: dict = {}
        for variable in _variables(model, kind):
            *way, name = variable.path.split("/")
            place = nested
            for step in way:
                place = place.setdefault(step, {})
            if name in place:
                raise ValueError(
                    f"The following variable path is found twice in the model {model.name!r}: {variable.path!r}. Give "
                    "layers different names, so that the tree can contain both."
                )
            place[name] = read(variable)
        state[kind] = nested
    return state


def assign(model: Any, state_tree: dict[str, dict]) -> None:
    """Assign the values of a tree; see :meth:`kernelkit.Model.set_state_tree`."""
    for kind, nested in state_tree.items():
        if kind not in KINDS:
            raise ValueError(f"set_state_tree() takes a dict with the keys {KINDS}, got {kind!r}.")
        optimizer = getattr(model, "optimizer", None)
        if kind == "optimizer_variables" and optimizer is not None and not optimizer.built:
            optimizer.build(model.trainable_variables)
        by_path = {variable.path: variable for variable in _variables(model, kind)}
        for path, value in _leaves(nested, ""):
            if path not in by_path:
                raise ValueError(f"Model {model.name!r} has no variable {path!r} among its {kind}: {sorted(by_path)}.")
            by_path[path].assign(np.asarray(value))


def _variables(model: Any, kind: str) -> list:
    if kind == "optimizer_variables":
        optimizer = getattr(model, "optimizer", None)
        return [] if optimizer is None else list(optimizer.variables)
    return list(getattr(model, kind))


def _leaves(nested: dict, path: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in nested.items():
        place = f"{path}/{name}" if path else name
        found += _leaves(value, place) if isinstance(value, dict) else [(place, value)]
    return found
