"""Compiled programs are kept on disk: a notebook that runs a second time compiles nothing.

jax can keep compiled programs in a folder. kernelkit chooses a folder in the user's cache folder. Each kind of machine
has its own subfolder, because code for one processor may fail on another.

The environment variable ``KERNELKIT_COMPILE_CACHE`` names another folder; ``0`` turns the cache off. A folder chosen
for jax itself (``JAX_COMPILATION_CACHE_DIR``) is kept.

Source: https://docs.jax.dev/en/latest/persistent_compilation_cache.html
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache as _of_jax

MOST_FILES = 4000
"""With more programs than this, the older half is deleted. A notebook adds some dozens, of 2 to 100 kB each."""

_SETTINGS = {
    "jax_compilation_cache_dir": None,
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def enable(folder: str | os.PathLike | None = None) -> Path | None:
    """Start to keep compiled programs on disk.

    Args:
        folder: Folder of the programs; by default one in the user's cache folder.

    Returns:
        The folder, or ``None`` if it cannot be written to.

    Example:
        >>> import tempfile
        >>> from kernelkit import compile_cache
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     compile_cache.enable(folder).parent == Path(folder)
        ...     compile_cache.disable()
        True
    """
    root = Path(folder) if folder is not None else user_cache() / "kernelkit" / "programs"
    place = root / _machine()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)  # others must not plant programs here
        _thin_out(place)
    except OSError:
        return None  # no right to write: programs are compiled each time, as without a cache
    if not os.access(place, os.W_OK):
        return None
    for name, value in _SETTINGS.items():
        jax.config.update(name, str(place) if value is None else value)
    _of_jax.reset_cache()
    return place


def disable() -> None:
    """Stop writing programs to disk. Files of earlier programs stay.

    Example:
        >>> import tempfile, jax
        >>> from kernelkit import compile_cache
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = compile_cache.enable(folder)
        ...     compile_cache.disable()
        >>> jax.config.jax_compilation_cache_dir is None
        True
    """
    jax.config.update("jax_compilation_cache_dir", None)
    _of_jax.reset_cache()


def enable_by_default() -> None:
    """Enable the cache unless the environment turns it off; called once, when kernelkit is imported.

    Example:
        >>> from kernelkit import compile_cache
        >>> compile_cache.enable_by_default()  # a second call changes nothing
    """
    wanted = os.environ.get("KERNELKIT_COMPILE_CACHE")
    settings: Any = jax.config  # the typed flags depend on jax's version
    if wanted == "0" or settings.jax_compilation_cache_dir is not None:
        return
    enable(wanted or None)


def user_cache() -> Path:
    """Return the user's folder for files that can be made again.

    Example:
        >>> from kernelkit import compile_cache
        >>> compile_cache.user_cache().is_absolute()
        True
    """
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _machine() -> str:
    """Return the name of the folder for programs that can be read and run here.

    It names jax's version, the processor's instruction set, and how jax compresses files.
    """
    about = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (flags := re.search(r"^(?:flags|Features)\s*:.*$", info.read_text(), re.MULTILINE)):
        about += flags[0]
    elif sys.platform != "linux":
        about += platform.processor()
    return f"jax-{jax.__version__}-{hashlib.sha256(about.encode()).hexdigest()[:12]}{_compression()}"


def _compression() -> str:
    """Return how jax compresses programs, as a part of a folder's name: it cannot read what it compresses otherwise."""
    has_zstd = sys.version_info >= (3, 14) or importlib.util.find_spec("zstandard") is not None
    return "-zstd" if has_zstd else ""


def _thin_out(place: Path) -> None:
    with os.scandir(place) as entries:
        paths = [entry.path for entry in entries if entry.is_file()]
    if len(paths) <= MOST_FILES:
        return
    dated = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # another process may delete files at the same time
            dated.append((os.stat(path).st_mtime, path))
    for _, path in sorted(dated)[: len(dated) // 2]:
        Path(path).unlink(missing_ok=True)
