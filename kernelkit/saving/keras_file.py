"""The ``.keras`` file: a zip file with a config, weights, and files of layers."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
import zipfile
from collections.abc import Iterable
from typing import Any, BinaryIO

from kernelkit import progress
from kernelkit.saving.archive import Archive, add_file
from kernelkit.saving.hdf5 import Hdf5Reader
from kernelkit.saving.model_config import KERAS_VERSION, described, model_from, parsed
from kernelkit.saving.reading import Wishes
from kernelkit.saving.state import largest, load_assets, load_state, save_assets
from kernelkit.saving.weights_file import Hdf5Source, write_weights
from kernelkit.version import __version__

CONFIG, METADATA, WEIGHTS, ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets/"


def texts(model: Any) -> dict[str, bytes]:
    """Return the texts of a model's file by name: the config, and the metadata (version, date)."""
    config = described(model)
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": saved, "kernelkit_version": __version__}
    return {METADATA: json.dumps(metadata).encode(), CONFIG: json.dumps(config).encode()}


def write_archive(model: Any, file: BinaryIO, folder: str) -> None:
    """Write a model as a zip file.

    Args:
        model: The model.
        file: The file, open for writing.
        folder: Folder for a temporary file with the weights.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in texts(model).items():
            archive.writestr(zipfile.ZipInfo(name), text)
        with tempfile.TemporaryFile(dir=folder) as weights:
            write_weights(model, weights)
            add_file(archive, WEIGHTS, weights)
        with tempfile.TemporaryDirectory() as assets:
            if save_assets(model, assets):
                for place, _, names in os.walk(assets):
                    for name in sorted(names):
                        full = os.path.join(place, name)
                        with open(full, "rb") as asset:
                            inner = os.path.relpath(full, assets).replace(os.sep, "/")
                            add_file(archive, ASSETS + inner, asset)


def load_archive(path: Any, wishes: Wishes) -> Any:
    """Return the model of a zip file, given as a path or as a file that is open for reading.

    Raises:
        ValueError: If the file is broken, or declares more than it holds.
    """
    with Archive(path) as archive:
        path = archive.who
        with archive.open(WEIGHTS) as file:
            size = file.seek(0, os.SEEK_END)
            config = parsed(path, archive.read(CONFIG), size, wishes)
            with progress.waiting("making the layers"):
                model = model_from(path, config, wishes, size)
            with Hdf5Reader(file, path, largest(model)) as reader:
                load_state(model, Hdf5Source(reader))
        if any(name.startswith(ASSETS) for name in archive.names):
            with tempfile.TemporaryDirectory() as folder:
                archive.unpack(ASSETS, folder)
                load_assets(model, os.path.join(folder, ASSETS))
    return model


def load_weights(model: Any, path: str, skip_mismatch: bool = False, objects_to_skip: Iterable[Any] = ()) -> None:
    """Read the weights of a file into a model that is built.

    Raises:
        ValueError: If the weights don't fit; the model is then unchanged.
    """
    with Archive(path) as archive, archive.open(WEIGHTS) as file, Hdf5Reader(file, path, largest(model)) as reader:
        load_state(model, Hdf5Source(reader), skip_mismatch, objects_to_skip)
