"""Models and weights in files: `save_model`, `load_model` and the same for weights. The path gives the format."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterable
from typing import Any

from kernelkit import interrupts, processes, progress
from kernelkit.saving import folder, keras_file, legacy_h5, orbax_folder
from kernelkit.saving.atomic import replacing
from kernelkit.saving.hdf5 import Hdf5Reader
from kernelkit.saving.model_config import KERAS_VERSION, build_optimizer
from kernelkit.saving.reading import Wishes, reading
from kernelkit.saving.state import largest, load_state, nbytes
from kernelkit.saving.weights_file import (
    INDEX,
    open_file,
    open_weights,
    write_sharded,
    write_weights,
)


@interrupts.guarded
def save_model(
    model: Any, filepath: str | os.PathLike, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Save a model: its wiring, its weights, the arguments of `compile`, and the optimizer's state.

    An older file is replaced only when the new one is complete.

    Args:
        model: The model.
        filepath: Path that ends with ``.keras``, or with ``.h5`` for the format of Keras 2; or a binary file that is
            open for writing, such as an `io.BytesIO`.
        overwrite: Whether an existing file is replaced without asking.
        zipped: ``False`` for a folder with the files, instead of one zip file.
        **kwargs: ``include_optimizer``, for ``.h5`` files.

    Raises:
        ValueError: If the path has another ending, or a part of the model cannot be saved.

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
        with _telling("save", 2 * nbytes(model)):
            keras_file.write_archive(model, filepath, tempfile.gettempdir())  # type: ignore[arg-type]
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
    is_archive = path.endswith(".keras")  # its weights are written into a file of their own, and then copied
    with processes.written_once(path) as path, _telling("save", nbytes(model) * (1 + is_archive)):
        if path.endswith((".h5", ".hdf5")):
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            with replacing(path) as file:
                legacy_h5.write_model(model, file, KERAS_VERSION, include_optimizer)
        elif zipped is False:
            folder.save_folder(model, path)
        else:
            with replacing(path) as file:
                keras_file.write_archive(model, file, os.path.dirname(os.path.abspath(path)))


@interrupts.guarded
def load_model(
    filepath: str | os.PathLike, custom_objects: dict | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Load a model that :func:`save_model` or Keras saved.

    Nothing in the file is run or imported. Your own classes and functions are found by name if they are registered
    (see :func:`register_keras_serializable`) or given in ``custom_objects``.

    Args:
        filepath: A ``.keras`` file, a folder saved with ``zipped=False``, a ``.h5`` file of a whole model, or a folder
            of :class:`~kernelkit.callbacks.OrbaxCheckpoint`; or a binary file that is open for reading and holds a
            ``.keras`` file.
        custom_objects: Classes and functions by name.
        compile: Whether the model is compiled as before, with the optimizer's state.
        safe_mode: Whether the file is not trusted. Layers then open no file or address that the config names, and
            memory, objects and time are limited by the size of the file. ``False`` removes these limits, and lets
            lambdas in the file run.

    Returns:
        The model.

    Raises:
        ValueError: If the file doesn't exist, has an unknown format, is broken, or declares more than it holds.

    Example:
        >>> import tempfile
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(3, name="answer")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/model.keras")
        ...     again = kk.models.load_model(f"{folder}/model.keras")
        >>> [layer.name for layer in again.layers]
        ['answer']
    """
    wishes = Wishes(custom_objects, compile, safe_mode)
    if hasattr(filepath, "read"):
        with reading("an open file"), _telling("load", None):
            return keras_file.load_archive(filepath, wishes)
    path = os.fspath(filepath)
    with reading(path), _telling("load", _bytes_to_read(path)):
        whole = folder.found(path)
        if os.path.isfile(os.path.join(whole, keras_file.CONFIG)):
            return folder.load_folder(whole, wishes)
        if orbax_folder.is_orbax(path):
            with progress.waiting("reading"):
                return orbax_folder.load_model(path, wishes)
        if path.endswith(".keras"):
            open_file(path).close()
            return keras_file.load_archive(path, wishes)
        if path.endswith((".weights.h5", INDEX)):
            raise ValueError(f"{path!r} holds only weights. Build the model, then call model.load_weights({path!r}).")
        if path.endswith((".h5", ".hdf5")):
            return legacy_h5.load_model(path, wishes)
    raise ValueError(
        f"File format not supported: {path!r}. load_model() reads '.keras' files and '.h5' files of whole models; "
        "a SavedModel of TensorFlow cannot be read."
    )


@interrupts.guarded
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
        filepath: Path that ends with ``.weights.h5``; or with ``.weights.json`` for several files and an index.
        overwrite: Whether an existing file is replaced without asking.
        max_shard_size: Largest size of each of several files, in gigabytes.
        objects_to_skip: Layers whose weights are left out.
        **kwargs: Not supported.

    Raises:
        ValueError: If the path has another ending, or the model has no weights yet.

    Example:
        >>> import os, tempfile
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kk.saving.save_weights(model, f"{folder}/net.weights.h5")
        ...     os.listdir(folder)
        ['net.weights.h5']
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
    with processes.written_once(path) as path, _telling("save_weights", nbytes(model)):
        if path.endswith(INDEX):
            write_sharded(model, path, 5.0 if max_shard_size is None else max_shard_size, objects_to_skip)
            return
        with replacing(path) as file:
            write_weights(model, file, objects_to_skip)


@interrupts.guarded
def load_weights(model: Any, filepath: str | os.PathLike, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Load weights into a model of the same layers, and the optimizer's state if the file has it.

    Args:
        model: The model, built.
        filepath: ``*.weights.h5``, ``*.weights.json``, ``*.keras``, an ``*.h5`` file of Keras 2, or a folder of
            :class:`~kernelkit.callbacks.OrbaxCheckpoint`.
        skip_mismatch: Whether layers that don't fit the file stay unchanged, with a warning.
        **kwargs: ``objects_to_skip``, a list of layers to leave unchanged; ``by_name`` for files of Keras 2.

    Raises:
        ValueError: If the file doesn't exist or doesn't fit the model; the message names the layers.

    Example:
        >>> import tempfile
        >>> import kernelkit as kk
        >>> net = lambda: kk.Sequential([kk.Input((2,)), kk.layers.Dense(3)])
        >>> one, two = net(), net()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kk.saving.save_weights(one, f"{folder}/net.weights.h5")
        ...     kk.saving.load_weights(two, f"{folder}/net.weights.h5")
        >>> bool((one.layers[0].kernel == two.layers[0].kernel).all())
        True
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
    build_optimizer(model)
    if is_orbax:
        with _telling("load_weights", None), progress.waiting("reading"):
            orbax_folder.load_weights(model, path)
        return
    room = largest(model)
    with reading(path), _telling("load_weights", _bytes_to_read(path)):
        if path.endswith(".keras"):
            keras_file.load_weights(model, path, skip_mismatch, skip)
        elif is_legacy:
            with open_file(path) as file, Hdf5Reader(file, path, room) as reader:
                legacy_h5.load_weights(model, reader, skip_mismatch, by_name)
        else:
            with open_weights(path, room) as source:
                load_state(model, source, skip_mismatch, skip)


def _telling(what: str, total: int | None) -> progress.Progress:
    """Return the progress of bytes that are read or written."""
    return progress.Progress(what, total, "bytes", silent=not processes.is_first())


def _bytes_to_read(path: str) -> int | None:
    """Return the bytes that a load reads, None if unknown. A ``.keras`` file is read for its checksum first."""
    weights = os.path.join(path, keras_file.WEIGHTS) if os.path.isdir(path) else path
    if not os.path.isfile(weights) or path.endswith(INDEX):
        return None
    return os.path.getsize(weights) * (2 if weights.endswith(".keras") else 1)


def _say_deprecated(path: str) -> None:
    """Warn that the path's ending gives the format; raise if it doesn't."""
    message = f"The `save_format` argument is deprecated: the path's ending, '.keras' or '.h5', sets it. Got {path!r}."
    if not path.endswith((".keras", ".h5", ".hdf5")):
        raise ValueError(message)
    warnings.warn(message, DeprecationWarning, stacklevel=4)


def _may_write(path: str, overwrite: bool) -> bool:
    """Return whether a path may be written; ask the user if the terminal is interactive."""
    if overwrite or not os.path.exists(path):
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise FileExistsError(f"{path!r} exists. Pass overwrite=True to replace it.")
    return input(f"{path!r} exists. Replace it? [y/n] ").strip().lower() in ("y", "yes")
