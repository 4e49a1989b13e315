"""Folders of Orbax checkpoints: ``<folder>/<number>/state`` and ``<folder>/<number>/model``."""

from __future__ import annotations

import os
import warnings
from typing import Any

import jax
from jax.sharding import SingleDeviceSharding

from kernelkit import serialize
from kernelkit.saving.model_config import described, model_from
from kernelkit.saving.reading import Wishes


def is_orbax(path: str) -> bool:
    """Return whether a folder holds checkpoints of Orbax."""
    return os.path.isdir(path) and any(
        name.isdigit() and os.path.isdir(os.path.join(path, name, "state")) for name in os.listdir(path)
    )


def import_orbax(who: str) -> Any:
    """Return the package.

    Raises:
        ImportError: If orbax-checkpoint is not installed; ``who`` begins the message.
    """
    try:
        import orbax.checkpoint as orbax
    except ImportError as error:
        raise ImportError(
            f"{who} needs the package orbax-checkpoint: pip install orbax-checkpoint. ModelCheckpoint saves without it."
        ) from error
    return orbax


def manager(folder: str, max_to_keep: int | None = None, in_background: bool = False) -> Any:
    """Return Orbax's manager of a folder's checkpoints. A missing folder is made."""
    orbax = import_orbax("OrbaxCheckpoint")
    options = orbax.CheckpointManagerOptions(max_to_keep=max_to_keep, enable_async_checkpointing=in_background)
    return orbax.CheckpointManager(os.path.abspath(folder), options=options, item_names=("state", "model"))


def variables(model: Any, weights_only: bool = False) -> dict[str, list]:
    """Return the variables that a checkpoint holds, by kind."""
    groups = {"trainable": model.trainable_variables, "non_trainable": model.non_trainable_variables}
    if not weights_only and getattr(model, "optimizer", None) is not None:
        groups |= {"optimizer": model.optimizer.variables, "metrics": model.metrics_variables}
    return {name: list(found) for name, found in groups.items() if found}


def save(into: Any, number: int, model: Any, weights_only: bool) -> None:
    """Write a checkpoint: the values of variables, and the model's config unless only weights are wanted."""
    args = import_orbax("OrbaxCheckpoint").args
    parts = {"state": args.StandardSave(_values(variables(model, weights_only)))}
    config = None if weights_only else _config_of(model)
    if config is not None:
        parts["model"] = args.JsonSave(config)
    into.save(number, args=args.Composite(**parts), force=True)


def restore(source: Any, number: int, wanted: dict[str, list], who: str = "") -> None:
    """Assign the values of a checkpoint to variables, all or some of those of :func:`variables`.

    Raises:
        ValueError: If shapes don't fit; ``who`` names the owner of the variables.
    """
    orbax = import_orbax("load_weights()")
    args = orbax.args
    known = orbax.StandardCheckpointHandler().metadata(source.directory / str(number) / "state")
    targets = _targets(known, wanted)
    state = source.restore(number, args=args.Composite(state=args.StandardRestore(targets)))["state"]
    wanted = {name: found for name, found in wanted.items() if name in state}
    for name, found in wanted.items():
        before, after = [tuple(v.shape) for v in found], [tuple(v.shape) for v in state[name]]
        if before != after:
            raise ValueError(
                f"The checkpoint {number} doesn't fit{who}: its {name} variables have the shapes {before}, the "
                f"checkpoint has {after}."
            )
    for name, found in wanted.items():
        for variable, value in zip(found, state[name], strict=True):
            variable.assign(value)


def _targets(known: Any, wanted: dict[str, list]) -> dict[str, list]:
    """Return the shapes and places of a checkpoint's arrays: each where its variable lies now, on any devices."""
    here = SingleDeviceSharding(jax.local_devices()[0])
    targets = {}
    for name, entries in getattr(known, "tree", known).items():
        places = [v.peek().sharding if v.layout is not None else here for v in wanted.get(name, [])]
        fits = [tuple(v.shape) for v in wanted.get(name, [])] == [tuple(e.shape) for e in entries]
        targets[name] = [
            jax.ShapeDtypeStruct(tuple(e.shape), e.dtype, sharding=places[i] if fits else here)
            for i, e in enumerate(entries)
        ]
    return targets


def load_model(path: str, wishes: Wishes) -> Any:
    """Return the model of the last checkpoint in a folder.

    Raises:
        ValueError: If the checkpoint holds only weights, or the weights don't fit the config.
    """
    model = model_from(path, read_config(path), wishes, _size_of(path))
    load_weights(model, path)
    return model


def _size_of(folder: str) -> int:
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)


def load_weights(model: Any, path: str) -> None:
    """Assign the values of the last checkpoint in a folder, with the optimizer's if the checkpoint has them.

    Raises:
        ValueError: If the checkpoint doesn't fit the model.
    """
    opened = manager(path)
    wanted = {name: found for name, found in variables(model).items() if name != "metrics"}
    restore(opened, opened.latest_step(), wanted, f" the model {model.name!r}")


def read_config(path: str) -> dict:
    """Return the config of the model in the last checkpoint of a folder.

    Raises:
        ValueError: If the checkpoint holds only weights.
    """
    opened = manager(path)
    number = opened.latest_step()
    if not os.path.isdir(os.path.join(path, str(number), "model")):
        raise ValueError(
            f"{path}/{number} holds only weights: it was saved with save_weights_only=True, or the model cannot be "
            "described by a config. Build the model, then call "
            f"model.load_weights({path!r})."
        )
    args = import_orbax("load_model()").args
    return opened.restore(number, args=args.Composite(model=args.JsonRestore()))["model"]


def _config_of(model: Any) -> dict | None:
    """Return a model's config; ``None``, with a warning, if it has no config: then only values are saved."""
    try:
        with serialize.standing_alone():
            return described(model)
    except (NotImplementedError, ValueError, TypeError) as error:
        warnings.warn(
            f"The checkpoint holds only the values of model {model.name!r}, because it has no config: {error} Pass "
            "save_weights_only=True if that is what you want.",
            stacklevel=2,
        )
        return None


def _values(groups: dict[str, list]) -> dict[str, list]:
    # Copies: the next training step donates the arrays while they are still being written.
    return {name: [v.value.copy() for v in found] for name, found in groups.items()}
