"""kernelkit in the place of Keras: in this process ``import keras`` means kernelkit.

Four ways in, each before anything imports Keras::

    import kernelkit.as_keras; kernelkit.as_keras.install()  # in a notebook also: %load_ext kernelkit.as_keras
    python -m kernelkit.as_keras script.py                   # or -m module, or -c code
    pytest -p kernelkit.as_keras.pytest_plugin
    PYTHONPATH=$(python -m kernelkit.as_keras --path) python script.py

A program can tell: ``keras.__version__`` ends with ``+kernelkit``, ``keras.config.backend()`` is ``"jax"``. Public
names that kernelkit lacks are missing (``hasattr`` says so). Of Keras's private names (``keras.src...``) those that
packages use stand in a table, each with its reason; others can be imported, and refuse when they are used.
:func:`report` lists what was refused. The installed Keras is never mixed in.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from kernelkit.as_keras.finder import Finder
from kernelkit.as_keras.refusals import NotInKernelkit, Refusal, refusals
from kernelkit.as_keras.version import VERSION
from kernelkit.serialize import registry
from kernelkit.training.labels import WRONG_LABELS

__all__ = ["VERSION", "NotInKernelkit", "Refusal", "install", "is_installed", "path", "report"]


def install() -> None:
    r"""Let ``import keras`` mean kernelkit from now on, here and in the processes that this one starts.

    Raises:
        RuntimeError: If Keras itself is imported already.

    Example:
        >>> import subprocess, sys
        >>> code = "import kernelkit.as_keras as k; k.install(); import keras; print(keras.__version__)"
        >>> subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
        '3.15.1+kernelkit...\n'
    """
    if is_installed():
        return
    for name in ("keras", "tensorflow.keras", "tf_keras"):
        module = sys.modules.get(name)
        if module is not None:
            raise RuntimeError(
                f"{name} is imported already (from {getattr(module, '__file__', '?')}): objects of two libraries would "
                "mix. Call kernelkit.as_keras.install() before anything imports Keras; in a notebook restart the "
                "kernel."
            )
    os.environ["KERAS_BACKEND"] = "jax"  # packages read it to know the engine
    sys.meta_path.insert(0, Finder())
    registry.trusted_packages.update(("keras_hub", "keras_cv", "keras_nlp"))  # as in Keras
    WRONG_LABELS["are"] = "warning"
    if path() not in sys.path:
        sys.path.insert(0, path())  # spawned processes copy this path
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if path() not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([path(), *(p for p in paths if p)])


def is_installed() -> bool:
    """Return whether ``import keras`` means kernelkit in this process."""
    return any(isinstance(finder, Finder) for finder in sys.meta_path)


def path() -> str:
    """Return the folder that makes ``import keras`` mean kernelkit for a process that has it on ``PYTHONPATH``."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "path")


def report() -> list[Refusal]:
    """Return the private names of Keras that packages requested and kernelkit does not have.

    Example:
        >>> report()
        []
    """
    return list(refusals.values())


def load_ipython_extension(shell: Any) -> None:
    """Install, for ``%load_ext kernelkit.as_keras`` in a notebook."""
    install()
