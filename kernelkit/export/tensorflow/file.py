"""A model as a SavedModel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.export.program import Program
from kernelkit.export.tensorflow import convert
from kernelkit.export.tensorflow.archive import ExportArchive

ENDPOINT = "serve"


def save(model: Any, program: Program, path: str, is_static: bool = False, jax2tf_kwargs: dict | None = None) -> None:
    """Write a model as a SavedModel with the endpoint ``serve``.

    Args:
        model: The model.
        program: Its program.
        path: The folder.
        is_static: Whether the file drops the changes that a prediction makes to variables.
        jax2tf_kwargs: Arguments of `jax2tf.convert`.

    Raises:
        ImportError: If TensorFlow is not installed.
        FileExistsError: If the folder holds other files than a SavedModel.
    """
    archive = ExportArchive()
    archive.track(model)
    archive.add_program(ENDPOINT, model, program, is_static, **(jax2tf_kwargs or {}))
    archive.write_out(path, verbose=False)


def reader(path: str, program: Program) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """Return a function that runs the file's default signature."""
    tf = convert.import_tensorflow()
    loaded = tf.saved_model.load(path)
    function = loaded.signatures["serving_default"]
    inputs = convert.unique([convert.safe_name(spec.name) for spec in program.signature.inputs])
    outputs = convert.unique([convert.safe_name(spec.name) for spec in program.outputs])

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        _ = loaded  # keeps the variables
        made = function(**{n: tf.constant(a) for n, a in zip(inputs, arrays, strict=True)})
        return [np.asarray(made[name]) for name in outputs]

    return run
