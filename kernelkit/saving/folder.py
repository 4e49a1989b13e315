"""Models saved as a folder: the files of a ``.keras`` file, not zipped."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from kernelkit import progress
from kernelkit.saving.atomic import replacing, require_folder, sync_folder
from kernelkit.saving.keras_file import ASSETS, CONFIG, WEIGHTS, texts
from kernelkit.saving.model_config import model_from, parsed
from kernelkit.saving.reading import Wishes
from kernelkit.saving.state import largest, load_assets, load_state, save_assets
from kernelkit.saving.weights_file import open_file, open_weights, write_weights


def save_folder(model: Any, path: str) -> None:
    """Write a model as a folder. A folder of the same name is replaced.

    Two folders cannot be swapped in one operation, so the old folder is kept beside the path until the new folder is
    complete. :func:`found` finds it if the process dies in between.
    """
    path = os.path.abspath(path)
    parent, kept = os.path.dirname(path), _kept(path)
    require_folder(parent)
    new = tempfile.mkdtemp(prefix=".", suffix=".unfinished", dir=parent)
    try:
        for name, text in texts(model).items():
            with replacing(os.path.join(new, name)) as file:
                file.write(text)
        with replacing(os.path.join(new, WEIGHTS)) as file:
            write_weights(model, file)
        save_assets(model, os.path.join(new, ASSETS))
        os.chmod(new, 0o755)
        if os.path.isdir(path):
            _discard(kept)
            os.replace(path, kept)
        try:
            os.replace(new, path)
        except BaseException:
            if os.path.isdir(kept):
                os.replace(kept, path)
            raise
        sync_folder(parent)
        _discard(kept)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def found(path: str) -> str:
    """Return the folder of a model: the path, or the old model beside it if a process died while it was replaced."""
    path = os.path.abspath(path)
    return _kept(path) if not os.path.lexists(path) and os.path.isdir(_kept(path)) else path


def _kept(path: str) -> str:
    """Return the path of the old folder while a new one replaces it."""
    parent, name = os.path.split(path)
    return os.path.join(parent, f".{name}.replaced")


def _discard(folder: str) -> None:
    """Delete a folder. It is renamed first, so that a half deleted folder is never found."""
    if os.path.isdir(folder):
        gone = tempfile.mkdtemp(prefix=".", suffix=".unfinished", dir=os.path.dirname(folder))
        os.replace(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


def load_folder(path: str, wishes: Wishes) -> Any:
    """Return the model of a folder.

    Raises:
        ValueError: If a file in the folder is broken, or declares more than it holds.
    """
    weights = os.path.join(path, WEIGHTS)
    size = os.path.getsize(weights)
    with open_file(os.path.join(path, CONFIG)) as file:
        config = parsed(path, file.read(), size, wishes)
    with progress.waiting("making the layers"):
        model = model_from(path, config, wishes, size)
    with open_weights(weights, largest(model)) as source:
        load_state(model, source)
    load_assets(model, os.path.join(path, ASSETS))
    return model
