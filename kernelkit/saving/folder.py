"""Models saved as a folder: the files of a ``.keras`` file, not zipped."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from kernelkit.saving.atomic import replacing, require_folder
from kernelkit.saving.keras_file import ASSETS, CONFIG, WEIGHTS, texts
from kernelkit.saving.model_config import model_from, parsed
from kernelkit.saving.reading import Wishes
from kernelkit.saving.state import largest, load_assets, load_state, save_assets
from kernelkit.saving.weights_file import open_file, open_weights, write_weights


def save_folder(model: Any, path: str) -> None:
    """Write a model as a folder. A folder of the same name is replaced."""
    parent = os.path.dirname(os.path.abspath(path))
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
            old = tempfile.mkdtemp(prefix=".", suffix=".replaced", dir=parent)
            os.replace(path, os.path.join(old, "model"))
            os.replace(new, path)
            shutil.rmtree(old)
        else:
            os.replace(new, path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def load_folder(path: str, wishes: Wishes) -> Any:
    """Return the model of a folder.

    Raises:
        ValueError: If a file in the folder is broken, or declares more than it holds.
    """
    weights = os.path.join(path, WEIGHTS)
    size = os.path.getsize(weights)
    with open_file(os.path.join(path, CONFIG)) as file:
        config = parsed(path, file.read(), size, wishes)
    model = model_from(path, config, wishes, size)
    with open_weights(weights, largest(model)) as source:
        load_state(model, source)
    load_assets(model, os.path.join(path, ASSETS))
    return model
