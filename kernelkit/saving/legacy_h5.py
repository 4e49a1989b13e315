"""Whole models in one HDF5 file, the format of Keras 2: configs as attributes, weights by the layers' names."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from kernelkit import serialize
from kernelkit.layers.base.parts import own_variables
from kernelkit.saving.hdf5 import Hdf5Reader, StoredArray, write_array
from kernelkit.saving.model_config import model_from
from kernelkit.saving.parts import parts_of
from kernelkit.saving.reading import Wishes
from kernelkit.saving.state import largest
from kernelkit.saving.weights_file import open_file
from kernelkit.variable import Variable

if TYPE_CHECKING:
    import h5py
else:
    from kernelkit.saving import lazy_h5py as h5py

_LONGEST_ATTRIBUTE = 60_000
_TOP = "top_level_model_weights"
_NESTED = ("Functional", "Model", "Sequential")


# Writing --------------------------------------------------------------------------------------------------------------


def write_model(model: Any, file: BinaryIO, keras_version: str, include_optimizer: bool = True) -> None:
    """Write a Sequential or functional model into an open file.

    Args:
        model: The model.
        file: The file, open for writing.
        keras_version: Version of Keras, written into the file.
        include_optimizer: Whether the arguments of `compile` and the optimizer's state are written too.
    """
    _warn_of_files(model)
    with serialize.sharing(), serialize.standing_alone():
        described = serialize.serialize_keras_object(model)
    if "layers" not in described["config"]:
        raise NotImplementedError(
            f"Model {model.name!r} ({type(model).__name__}) is a subclassed model, which an .h5 file cannot hold. "
            "Save it as .keras, or its weights as .weights.h5."
        )
    with h5py.File(file, "w") as root:
        root.attrs["keras_version"], root.attrs["backend"] = keras_version, "jax"
        root.attrs["model_config"] = json.dumps(_bare(described))
        _write_weights(root.create_group("model_weights"), model, keras_version)
        compiled = model.get_compile_config() if include_optimizer else None
        if compiled:
            optimizer = compiled.pop("optimizer", None)
            compiled["optimizer_config"] = optimizer and _bare(optimizer)
            root.attrs["training_config"] = json.dumps(compiled)
            if getattr(model, "optimizer", None) is not None and model.optimizer.variables:
                _write_list(root.create_group("optimizer_weights"), model.optimizer.variables)


def _warn_of_files(model: Any) -> None:
    """Warn of the user's layers that save files of their own: an HDF5 file has no place for them."""
    package = __name__.partition(".")[0]
    for _, thing in parts_of(model):
        way = getattr(type(thing), "save_assets", None)
        if way is not None and way.__module__.partition(".")[0] != package:
            warnings.warn(
                f"Layer {thing.name!r} ({type(thing).__name__}) saves files of its own, which an .h5 file cannot hold: "
                "they will be missing when the model is loaded. Save it as .keras.",
                stacklevel=4,
            )


def _bare(described: dict) -> dict:
    """Return a model's description in the form of Keras 2, in which classes have no modules."""
    config = dict(described["config"])
    if isinstance(config.get("layers"), list):
        config["layers"] = [_bare(layer) for layer in config["layers"]]
    kept = {k: described[k] for k in ("name", "inbound_nodes", "shared_object_id") if k in described}
    if described.get("module", "").startswith(("keras.src.ops", "kernelkit")):
        kept |= {k: described[k] for k in ("module", "registered_name")}
    name = described.get("registered_name") or described["class_name"]
    # Without a module, Keras looks for its own internal name of the class.
    name = "GroupedQueryAttention" if name == "GroupQueryAttention" else name
    return {"class_name": name, "config": config, **kept}


def _write_weights(group: h5py.Group, model: Any, keras_version: str) -> None:
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    group.attrs["keras_version"], group.attrs["backend"] = keras_version, "jax"
    for layer in model.layers:
        _write_list(group.create_group(layer.name), _weights_of(layer))
    _write_list(group.create_group(_TOP), own_variables(model))


def _write_list(group: h5py.Group, variables: Iterable[Variable]) -> None:
    names: list[str] = []
    for variable in variables:
        name, number = variable.path, 1
        while any(name == other or other.startswith(name + "/") or name.startswith(other + "/") for other in names):
            name, number = f"{variable.path}_{number}", number + 1
        names.append(name)
        write_array(group, name, variable.numpy())
    _write_names(group, "weight_names", names)


def _write_names(group: h5py.Group, attribute: str, names: list[str]) -> None:
    """Write a list of names; several attributes are used if one is too small."""
    if not names:
        group.attrs[attribute] = np.zeros(0)
        return
    most = max(1, _LONGEST_ATTRIBUTE // 16)
    pieces = [names[i : i + most] for i in range(0, len(names), most)]
    for i, piece in enumerate(pieces):
        key = attribute if len(pieces) == 1 else f"{attribute}{i}"
        group.attrs.create(key, np.array(piece, dtype=object), dtype=h5py.string_dtype())


def _weights_of(layer: Any) -> list[Variable]:
    weights = {id(v): v for v in layer.weights}
    trainable = [v for v in layer.trainable_weights if id(v) in weights]
    known = {id(v) for v in trainable}
    return trainable + [v for v in layer.weights if id(v) not in known]


# Reading --------------------------------------------------------------------------------------------------------------


def load_model(path: str, wishes: Wishes) -> Any:
    """Return the model of a file.

    Raises:
        ValueError: If the file is broken, or declares more than it holds.
    """
    with open_file(path) as file, Hdf5Reader(file, path) as reader:
        config = read_config(reader, wishes.compile, wishes.safe_mode)
        is_compiled = bool(config.get("compile_config"))
        model = model_from(path, config, wishes, reader.size)
        reader.expected = largest(model)
        load_weights(model, reader)
        if is_compiled:
            load_optimizer(model, reader)
    return model


def read_config(reader: Hdf5Reader, compile: bool = True, safe_mode: bool = True) -> dict:
    """Return the description of the model in a file, in the form of Keras 3.

    Args:
        reader: The file.
        compile: Whether the arguments of `compile` are read too.
        safe_mode: Whether the size of the texts is limited.

    Raises:
        ValueError: If the file holds weights alone, or its config is not the config of a model.
    """
    text = reader.attribute(reader.root, "model_config")
    if text is None:
        raise ValueError(
            f"{reader.who} holds no model, perhaps only weights: build the model, then call load_weights()."
        )
    config = _modern(serialize.parse_config(str(text), reader.who, reader.size, is_trusted=not safe_mode))
    settings = reader.attribute(reader.root, "training_config") if compile else None
    if settings is not None:
        told = serialize.parse_config(str(settings), reader.who, reader.size, is_trusted=not safe_mode)
        config["compile_config"] = _modern_settings(told)
    return config


def _modern(described: dict) -> dict:
    name, config = described["class_name"], described["config"]
    if isinstance(config, list):  # the oldest form of a Sequential
        config = {"name": None, "layers": config}
    config = dict(config)
    if name in _NESTED and isinstance(config.get("layers"), list):
        config["layers"] = [_modern(layer) for layer in config["layers"]]
    elif isinstance(config.get("layer"), dict) and "class_name" in config["layer"]:
        config["layer"] = _modern(config["layer"])
    if name == "Model":
        name = "Functional"
    if name == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if name == "BatchNormalization" and isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    for old in ("time_major", "implementation", "input_length"):
        config.pop(old, None)
    return {**described, "class_name": name, "config": config}


def _modern_settings(settings: dict) -> dict:
    known = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile")
    modern = {name: settings[name] for name in known if name in settings}
    if modern.get("steps_per_execution") is None:
        modern.pop("steps_per_execution", None)
    if modern.get("jit_compile") is None:
        modern.pop("jit_compile", None)
    metrics = modern.get("metrics")
    if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list):
        modern["metrics"] = metrics[0]
    optimizer = settings.get("optimizer_config")
    if isinstance(optimizer, dict):
        config = {k: v for k, v in optimizer["config"].items() if k not in ("jit_compile", "is_legacy_optimizer")}
        if config.get("weight_decay") == 0 and optimizer["class_name"] != "AdamW":
            config["weight_decay"] = None
        modern["optimizer"] = {"module": "keras.optimizers", **optimizer, "config": config}
    return modern


def load_weights(model: Any, reader: Hdf5Reader, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Read the weights of a model's layers, by order or by name. If a weight doesn't fit, nothing is changed.

    Args:
        model: The model, built.
        reader: The file.
        skip_mismatch: Whether layers that don't fit stay unchanged, with a warning.
        by_name: Whether layers are matched by name; by default they are matched by their order in the file.

    Raises:
        ValueError: If the weights don't fit.
    """
    root = reader.group("model_weights") or reader.root
    names = _read_names(reader, root, "layer_names")
    stored = {name: _read_list(reader, root, name) for name in names}
    layers = [layer for layer in model.layers if _weights_of(layer)]
    full = [name for name in names if stored[name]]
    if not by_name and len(full) != len(layers):
        raise ValueError(
            f"{reader.who} holds the weights of {len(full)} layers ({', '.join(full[:10])}), model {model.name!r} has "
            f"{len(layers)} layers with weights ({', '.join(layer.name for layer in layers[:10])})."
        )
    pairs = [(layer, layer.name if by_name else name) for layer, name in zip(layers, full, strict=False)]
    if by_name:
        pairs = [(layer, layer.name) for layer in layers if layer.name in stored]
    rows = [(f"layer {layer.name!r} ({type(layer).__name__})", _weights_of(layer), stored[n]) for layer, n in pairs]
    if own_variables(model):
        rows.append(("the model itself", own_variables(model), _read_list(reader, root, _TOP)))
    _assign(f"The weights in {reader.who} don't fit model {model.name!r}", rows, skip_mismatch)


def load_optimizer(model: Any, reader: Hdf5Reader) -> None:
    """Read the optimizer's state. If it doesn't fit, the optimizer starts fresh, with a warning."""
    if reader.group("optimizer_weights") is None or getattr(model, "optimizer", None) is None:
        return
    stored = _read_list(reader, reader.root, "optimizer_weights")
    variables = model.optimizer.variables
    if [v.shape for v in variables] != [v.shape for v in stored]:
        warnings.warn(
            f"The state of the optimizer in {reader.who} doesn't fit {type(model.optimizer).__name__} here: training "
            "begins with a fresh one.",
            stacklevel=2,
        )
        return
    for variable, array in zip(variables, stored, strict=True):
        variable.assign(np.asarray(array))


def _assign(beginning: str, rows: list[tuple[str, list[Variable], list[StoredArray]]], skip_mismatch: bool) -> None:
    fitting = [[v.shape for v in variables] == [a.shape for a in arrays] for _, variables, arrays in rows]
    complaints = [
        f"{who} expects {[v.shape for v in variables]}, the file has {[a.shape for a in arrays]}"
        for (who, variables, arrays), fits in zip(rows, fitting, strict=True)
        if not fits
    ]
    if complaints and not skip_mismatch:
        raise ValueError(f"{beginning}: {'; '.join(complaints[:5])}.")
    if complaints:
        warnings.warn(f"{beginning}: {'; '.join(complaints[:5])}. They are unchanged.", stacklevel=4)
    for (_, variables, arrays), fits in zip(rows, fitting, strict=True):
        for variable, array in zip(variables, arrays, strict=True) if fits else ():
            variable.assign(np.asarray(array))


def _read_names(reader: Hdf5Reader, group: h5py.Group, attribute: str) -> list[str]:
    names = reader.attribute(group, attribute)
    if names is not None:
        return _as_names(reader, group, attribute, names)
    found: list[str] = []
    number = 0
    while (piece := reader.attribute(group, f"{attribute}{number}")) is not None:
        found += _as_names(reader, group, f"{attribute}{number}", piece)
        number += 1
    return found


def _as_names(reader: Hdf5Reader, group: h5py.Group, attribute: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(
            f"{reader.who}: the attribute {attribute!r} of {group.name!r} must be a list of names, got {value!r}."
        )
    return value


def _read_list(reader: Hdf5Reader, parent: h5py.Group, path: str) -> list[StoredArray]:
    group = reader.group(path, parent)
    return [] if group is None else [reader.array(group, name) for name in _read_names(reader, group, "weight_names")]
