"""The weights of the best trials, in files of one folder."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from typing import Any

from kernelkit.budget import Budget, limited
from kernelkit.models.model import Model

_NAME = re.compile(r"trial_(\d{1,9})\.weights\.h5")
_SPARE = 64 << 20


class WeightsFolder:
    """Files ``trial_N.weights.h5``.

    Args:
        path: Folder; ``None`` for a temporary one.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._temporary: tempfile.TemporaryDirectory | None = None

    @property
    def path(self) -> str:
        """The folder, which is made at the first access."""
        if self._path is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="kernelkit-tuner-")
            self._path = self._temporary.name
        os.makedirs(self._path, exist_ok=True)
        return self._path

    def file_of(self, number: int) -> str:
        """Return the path of a trial's file."""
        return os.path.join(self.path, f"trial_{number}.weights.h5")

    def has(self, number: int) -> bool:
        """Return whether a trial's file exists."""
        return os.path.isfile(self.file_of(number))

    def save(self, number: int, model: Model) -> None:
        """Write a model's weights."""
        model.save_weights(self.file_of(number))

    def load(self, number: int, model: Model, build_config: Any) -> None:
        """Read a model's weights.

        Args:
            number: Number of the trial.
            model: Model. It is built first if needed.
            build_config: Result of :meth:`Model.get_build_config` after training. It may be untrusted, so
                it may not need more memory than the weights file.
        """
        path = self.file_of(number)
        if not model.built and isinstance(build_config, dict):
            hint = "The file of the search does not match its weights."
            with limited(Budget(memory=8 * os.path.getsize(path) + _SPARE, hint=hint)):
                model.build_from_config(build_config)
        model.load_weights(path)

    def keep_only(self, numbers: set[int]) -> None:
        """Remove the files of other trials."""
        for name in os.listdir(self.path):
            if (found := _NAME.fullmatch(name)) and int(found[1]) not in numbers:
                with contextlib.suppress(OSError):
                    os.remove(os.path.join(self.path, name))
