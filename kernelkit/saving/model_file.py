"""Whole models: the ``.keras`` file, which holds a config, weights, and files of layers."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import jax

from kernelkit import serialize
from kernelkit.layers.layer import Layer
from kernelkit.saving import legacy_h5, orbax_folder
from kernelkit.saving.archive import Archive, add_file
from kernelkit.saving.atomic import replacing, require_folder
from kernelkit.saving.hdf5 import Hdf5Reader
from kernelkit.saving.state import largest, load_assets, load_state, save_assets
from kernelkit.saving.weights_file import (
    INDEX,
    Hdf5Source,
    MissingFile,
    open_file,
    open_weights,
    write_sharded,
    write_weights,
)
from kernelkit.version import __version__

# The version of Keras whose files these are.
KERAS_VERSION = "3.15.1"
_CONFIG, _METADATA, _WEIGHTS, _ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets/"
# The packages that read a file. An error that passed through other code is that code's own.
_READERS = {"kernelkit", "jax", "jaxlib", "numpy", "ml_dtypes", "h5py", "opt_einsum", *sys.stdlib_module_names}
# A model may take this much more than the numbers in its file: room for what isn't saved.
_FREE_MEMORY = 64 << 20


def save_model(
    model: Any, filepath: str | os.PathLike, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Save a model: its wiring, its weights, what `compile` was told, and the optimizer's state.

    The file is complete before it takes the place of the one before.

    Args:
        model: The model.
        filepath: Path that ends with ``.keras``, or with ``.h5`` for the format of Keras 2; or a binary file that is
            open for writing, such as an `io.BytesIO`.
        overwrite: Whether a file that is there is replaced without asking.
        zipped: ``False`` for a folder with the files, instead of one zip file.
        **kwargs: ``include_optimizer``, for ``.h5`` files.

    Raises:
        ValueError: If the path has another ending, or the model holds what cannot be saved.

    Example:
        >>> import tempfile
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/model.keras")
        ...     kk.models.load_model(f"{folder}/model.keras").count_params()
        9
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    save_format = kwargs.pop("save_format", None)
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported by save(): {sorted(kwargs)}.")
    if hasattr(filepath, "write"):
        _write_archive(model, filepath, tempfile.gettempdir())  # type: ignore[arg-type]
        return
    path = os.fspath(filepath)
    if save_format:
        _say_deprecated(path)
    if path.endswith(".keras") and zipped is False:
        raise ValueError(f"The path of a folder (zipped=False) should not end in '.keras', got {path!r}.")
    if not path.endswith((".keras", ".h5", ".hdf5")) and zipped is not False:
        raise ValueError(
            "Invalid filepath extension for saving a model: the path must end with '.keras', or with '.h5' for the "
            f"format of Keras 2, got {path!r}. For weights alone use save_weights('....weights.h5')."
        )
    if not _may_write(path, overwrite):
        return
    if path.endswith((".h5", ".hdf5")):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with replacing(path) as file:
            legacy_h5.write_model(model, file, KERAS_VERSION, include_optimizer)
    elif zipped is False:
        _save_folder(model, path)
    else:
        with replacing(path) as file:
            _write_archive(model, file, os.path.dirname(os.path.abspath(path)))


def load_model(
    filepath: str | os.PathLike, custom_objects: dict | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Load a model that :func:`save_model` or Keras saved.

    Nothing in the file is run or imported. Classes and functions of your own are found by name if they are registered
    (see :func:`register_keras_serializable`) or given here.

    Args:
        filepath: A ``.keras`` file, the folder of one that was not zipped, a ``.h5`` file of a whole model, or a folder
            of :class:`~kernelkit.callbacks.OrbaxCheckpoint`; or a binary file that is open for reading and holds a
            ``.keras`` file.
        custom_objects: Classes and functions by name.
        compile: Whether the model is compiled as it was, the optimizer's state included.
        safe_mode: Whether layers may read no file or address that the config names.

    Returns:
        The model.

    Raises:
        ValueError: If there is no such file, or it cannot be understood, or declares more than it holds.
    """
    if hasattr(filepath, "read"):
        return _checked("an open file", lambda: _load_archive(filepath, custom_objects, compile, safe_mode))
    path = os.fspath(filepath)
    if os.path.isdir(path) and os.path.isfile(os.path.join(path, _CONFIG)):
        return _checked(path, lambda: _load_folder(path, custom_objects, compile, safe_mode))
    if orbax_folder.is_orbax(path):
        return _checked(path, lambda: _load_orbax(path, custom_objects, compile, safe_mode))
    if path.endswith(".keras"):
        open_file(path).close()
        return _checked(path, lambda: _load_archive(path, custom_objects, compile, safe_mode))
    if path.endswith((".weights.h5", INDEX)):
        raise ValueError(f"{path!r} holds weights alone. Build the model, then call model.load_weights({path!r}).")
    if path.endswith((".h5", ".hdf5")):
        return _checked(path, lambda: _load_h5(path, custom_objects, compile, safe_mode))
    raise ValueError(
        f"File format not supported: {path!r}. load_model() reads '.keras' files and '.h5' files of whole models; "
        "a SavedModel of TensorFlow cannot be read."
    )


def save_weights(
    model: Any,
    filepath: str | os.PathLike,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: Iterable = (),
    **kwargs: Any,
) -> None:
    """Save the weights of a model, and its optimizer's state.

    Args:
        model: The model.
        filepath: Path that ends with ``.weights.h5``; with ``.weights.json`` for several files and an index.
        overwrite: Whether a file that is there is replaced without asking.
        max_shard_size: Most gigabytes in one of several files.
        objects_to_skip: Layers whose weights are left out.
        **kwargs: Refused.

    Raises:
        ValueError: If the path has another ending, or the model has no weights yet.
    """
    path = os.fspath(filepath)
    if not model.built:
        raise ValueError(
            f"You are saving a model that has not yet been built: {model.name!r} has no weights. Call it on data, or "
            "build(input_shape) it, first."
        )
    if kwargs:
        raise ValueError(f"save_weights() got unknown arguments {sorted(kwargs)}.")
    if max_shard_size is not None and max_shard_size <= 0:
        raise ValueError(f"save_weights(): max_shard_size must be positive, got {max_shard_size}.")
    ending = INDEX if max_shard_size is not None else ".weights.h5"
    if not path.endswith(ending) and not path.endswith(INDEX):
        raise ValueError(f"save_weights(): the path must end with {ending!r}, got {path!r}.")
    if not _may_write(path, overwrite):
        return
    if path.endswith(INDEX):
        write_sharded(model, path, 5.0 if max_shard_size is None else max_shard_size, objects_to_skip)
        return
    with replacing(path) as file:
        write_weights(model, file, objects_to_skip)


def load_weights(model: Any, filepath: str | os.PathLike, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Load weights into a model of the same layers, and the optimizer's state if the file has it.

    Args:
        model: The model, built.
        filepath: ``*.weights.h5``, ``*.weights.json``, ``*.keras``, an ``*.h5`` file of Keras 2, or a folder of
            :class:`~kernelkit.callbacks.OrbaxCheckpoint`.
        skip_mismatch: Whether layers that the file doesn't fit are left as they are, with a warning.
        **kwargs: ``objects_to_skip``, a list of layers to leave as they are; ``by_name`` for files of Keras 2.

    Raises:
        ValueError: If there is no such file, or it doesn't fit the model; the message tells which layers.
    """
    path = os.fspath(filepath)
    skip = kwargs.pop("objects_to_skip", None) or ()
    by_name = kwargs.pop("by_name", False)
    is_legacy = path.endswith((".h5", ".hdf5")) and not path.endswith(".weights.h5")
    if kwargs:
        raise ValueError(f"Invalid keyword arguments for load_weights(): {sorted(kwargs)}.")
    if by_name and not is_legacy:
        raise ValueError(f"by_name=True only supports loading legacy '.h5' or '.hdf5' files, got {path!r}.")
    is_orbax = orbax_folder.is_orbax(path)
    if skip and (is_legacy or is_orbax):
        raise ValueError(f"objects_to_skip only supports loading '.weights.h5' and '.keras' files, got {path!r}.")
    if not path.endswith((".keras", ".h5", ".hdf5", INDEX)) and not is_orbax:
        raise ValueError(
            f"File format not supported: {path!r}. load_weights() reads '.weights.h5', '{INDEX}', '.keras' and '.h5'."
        )
    if not is_orbax:
        open_file(path).close()
    if not model.built:
        raise ValueError(
            f"You are loading weights into a model that has not yet been built: {model.name!r} has no weights. Call it "
            "on data, or build(input_shape) it, first."
        )
    _build_optimizer(model)
    if is_orbax:
        orbax_folder.load_weights(model, path)
        return
    room = largest(model)
    if path.endswith(".keras"):
        with Archive(path) as archive, archive.open(_WEIGHTS) as file, Hdf5Reader(file, path, room) as reader:
            load_state(model, Hdf5Source(reader), skip_mismatch, skip)
    elif is_legacy:
        with open_file(path) as file, Hdf5Reader(file, path, room) as reader:
            legacy_h5.load_weights(model, reader, skip_mismatch, by_name)
    else:
        with open_weights(path, room) as source:
            load_state(model, source, skip_mismatch, skip)


# Writing --------------------------------------------------------------------------------------------------------------


def _say_deprecated(path: str) -> None:
    """Say that the ending of a path tells the format, if that is what it does."""
    message = f"The `save_format` argument is deprecated: the path's ending, '.keras' or '.h5', tells it. Got {path!r}."
    if not path.endswith((".keras", ".h5", ".hdf5")):
        raise ValueError(message)
    warnings.warn(message, DeprecationWarning, stacklevel=4)


def _may_write(path: str, overwrite: bool) -> bool:
    """Return whether a path may be written; ask where there is somebody to ask."""
    if overwrite or not os.path.exists(path):
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise FileExistsError(f"{path!r} exists. Pass overwrite=True to replace it.")
    return input(f"{path!r} exists. Replace it? [y/n] ").strip().lower() in ("y", "yes")


def described(model: Any) -> dict:
    """Return a model's config, with what `compile` was told."""
    with serialize.sharing():
        config = serialize.serialize_keras_object(model)
        compiled = model.get_compile_config() if hasattr(model, "get_compile_config") else None
        config["compile_config"] = compiled or {}
    return config


def _texts(model: Any) -> dict[str, bytes]:
    config = described(model)
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": saved, "kernelkit_version": __version__}
    return {_METADATA: json.dumps(metadata).encode(), _CONFIG: json.dumps(config).encode()}


def _write_archive(model: Any, file: BinaryIO, folder: str) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in _texts(model).items():
            archive.writestr(zipfile.ZipInfo(name), text)
        with tempfile.TemporaryFile(dir=folder) as weights:
            write_weights(model, weights)
            add_file(archive, _WEIGHTS, weights)
        with tempfile.TemporaryDirectory() as assets:
            if save_assets(model, assets):
                for place, _, names in os.walk(assets):
                    for name in sorted(names):
                        full = os.path.join(place, name)
                        with open(full, "rb") as asset:
                            inner = os.path.relpath(full, assets).replace(os.sep, "/")
                            add_file(archive, _ASSETS + inner, asset)


def _save_folder(model: Any, path: str) -> None:
    parent = os.path.dirname(os.path.abspath(path))
    require_folder(parent)
    new = tempfile.mkdtemp(prefix=".", suffix=".unfinished", dir=parent)
    try:
        for name, text in _texts(model).items():
            with replacing(os.path.join(new, name)) as file:
                file.write(text)
        with replacing(os.path.join(new, _WEIGHTS)) as file:
            write_weights(model, file)
        save_assets(model, os.path.join(new, _ASSETS))
        os.chmod(new, 0o755)
        if os.path.isdir(path):
            old = tempfile.mkdtemp(prefix=".", suffix=".replaced", dir=parent)
            os.replace(path, os.path.join(old, "model"))
            os.replace(new, path)
            shutil.rmtree(old)
        else:
            os.replace(new, path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


# Reading --------------------------------------------------------------------------------------------------------------


def _load_archive(path: Any, custom_objects: dict | None, compile: bool, safe_mode: bool) -> Any:
    with Archive(path) as archive:
        path = archive.who
        with archive.open(_WEIGHTS) as file:
            size = file.seek(0, os.SEEK_END)
            config = _parsed(path, archive.read(_CONFIG), size, safe_mode)
            model = _from_config(path, config, custom_objects, compile, safe_mode, size)
            with Hdf5Reader(file, path, largest(model)) as reader:
                load_state(model, Hdf5Source(reader))
        if any(name.startswith(_ASSETS) for name in archive.names):
            with tempfile.TemporaryDirectory() as folder:
                archive.unpack(_ASSETS, folder)
                load_assets(model, os.path.join(folder, _ASSETS))
    return model


def _load_folder(path: str, custom_objects: dict | None, compile: bool, safe_mode: bool) -> Any:
    weights = os.path.join(path, _WEIGHTS)
    size = os.path.getsize(weights)
    with open_file(os.path.join(path, _CONFIG)) as file:
        config = _parsed(path, file.read(), size, safe_mode)
    model = _from_config(path, config, custom_objects, compile, safe_mode, size)
    with open_weights(weights, largest(model)) as source:
        load_state(model, source)
    load_assets(model, os.path.join(path, _ASSETS))
    return model


def _load_orbax(path: str, custom_objects: dict | None, compile: bool, safe_mode: bool) -> Any:
    model = _from_config(path, orbax_folder.read_config(path), custom_objects, compile, safe_mode, _size_of(path))
    orbax_folder.load_weights(model, path)
    return model


def _size_of(folder: str) -> int:
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)


def _load_h5(path: str, custom_objects: dict | None, compile: bool, safe_mode: bool) -> Any:
    with open_file(path) as file, Hdf5Reader(file, path) as reader:
        config = legacy_h5.read_config(reader, compile, safe_mode)
        is_compiled = bool(config.get("compile_config"))
        model = _from_config(path, config, custom_objects, compile, safe_mode, reader.size)
        reader.expected = largest(model)
        legacy_h5.load_weights(model, reader)
        if is_compiled:
            legacy_h5.load_optimizer(model, reader)
    return model


def _parsed(path: str, text: bytes, weights_size: int, safe_mode: bool) -> dict:
    config = serialize.parse_config(text, path, weights_size, is_trusted=not safe_mode)
    if not isinstance(config, dict) or "class_name" not in config or not isinstance(config.get("config"), dict):
        raise ValueError(f"{path}: its config describes no model.")
    return config


def _from_config(
    path: str, config: dict, custom_objects: dict | None, compile: bool, safe_mode: bool, weights_size: int
) -> Any:
    compile_config = config.pop("compile_config", None)
    memory = _FREE_MEMORY + 4 * weights_size
    with serialize.CustomObjectScope(custom_objects), serialize.loading(safe_mode, memory), serialize.sharing():
        model = serialize.deserialize_keras_object(config)
        if not isinstance(model, Layer):
            raise ValueError(f"{path} holds a {type(model).__name__}, not a model.")
        if compile and compile_config and hasattr(model, "compile_from_config"):
            try:
                model.compile_from_config(compile_config)
            except (ValueError, TypeError) as error:
                error.add_note("load_model(..., compile=False) loads the model without its loss and optimizer.")
                raise
    _build_optimizer(model)
    return model


def _build_optimizer(model: Any) -> None:
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built and model.built:
        optimizer.build(model.trainable_variables)


def _checked(path: str, load: Callable[[], Any]) -> Any:
    """Run a function that reads a file; what a broken file makes kernelkit stumble over becomes a ``ValueError``.

    Errors of the user's own classes, and a lack of memory, stay what they are.
    """
    try:
        return load()
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} cannot be loaded: its config is no JSON text ({error}).") from error
    except (ValueError, MissingFile, NotImplementedError):
        raise
    except RecursionError:
        raise ValueError(f"{path} cannot be loaded: its config is nested too deep.") from None
    except (KeyError, TypeError, AttributeError, IndexError, AssertionError, OverflowError, RuntimeError) as error:
        if _is_foreign(error):
            error.add_note(f"This was raised while {path} was loaded.")
            raise
        raise ValueError(
            f"{path} cannot be loaded: its config doesn't fit the classes that it names "
            f"({type(error).__name__}: {error})."
        ) from error


def _is_foreign(error: Exception) -> bool:
    """Return whether an error says nothing about the file: memory has run out, or code of the user's own raised it."""
    if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error):
        return True
    trail = traceback.walk_tb(error.__traceback__)
    roots = (str(frame.f_globals.get("__name__")).partition(".")[0] for frame, _ in trail)
    return any(root not in _READERS for root in roots)
