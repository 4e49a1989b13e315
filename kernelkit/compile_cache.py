"""What was compiled once is kept on disk: running a notebook a second time compiles nothing.

jax can keep compiled programs in a folder. kernelkit gives it one in the user's cache folder, with a subfolder for each
kind of machine, because code for one processor need not run on another.

The environment variable ``KERNELKIT_COMPILE_CACHE`` names another folder, or turns this off with ``0``. A folder that
was chosen for jax itself (``JAX_COMPILATION_CACHE_DIR``) stays as it is.

Source: https://docs.jax.dev/en/latest/persistent_compilation_cache.html
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache as _of_jax

MOST_FILES = 4000
"""When there are more programs than this, the older half goes. A notebook leaves some dozens, of 2 to 100 kB each."""

_SETTINGS = {
    "jax_compilation_cache_dir": None,
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def enable(folder: str | os.PathLike | None = None) -> Path | None:
    """Keep compiled programs on disk from now on.

    Args:
        folder: Where; by default the user's cache folder.

    Returns:
        The folder, or ``None`` if there is none that can be written to.

    Example:
        >>> import tempfile
        >>> from kernelkit import compile_cache
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     compile_cache.enable(folder).parent == Path(folder)
        ...     compile_cache.disable()
        True
    """
    root = Path(folder) if folder is not None else _user_cache() / "kernelkit" / "programs"
    place = root / _machine()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)  # others must not plant programs here
        _thin_out(place)
    except OSError:
        return None  # a home that cannot be written to: programs are compiled each time, as without a cache
    if not os.access(place, os.W_OK):
        return None
    for name, value in _SETTINGS.items():
        jax.config.update(name, str(place) if value is None else value)
    _of_jax.reset_cache()
    return place


def disable() -> None:
    """Keep nothing on disk from now on. What is there stays."""
    jax.config.update("jax_compilation_cache_dir", None)
    _of_jax.reset_cache()


def enable_by_default() -> None:
    """Do what the environment says; called once, when kernelkit is imported."""
    wanted = os.environ.get("KERNELKIT_COMPILE_CACHE")
    settings: Any = jax.config  # which of its flags have types depends on jax's version
    if wanted == "0" or settings.jax_compilation_cache_dir is not None:
        return
    enable(wanted or None)


def _user_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _machine() -> str:
    """Return a name for machines that run each other's programs: the same jax and the same instructions."""
    about = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (flags := re.search(r"^(?:flags|Features)\s*:.*$", info.read_text(), re.MULTILINE)):
        about += flags[0]
    elif sys.platform != "linux":
        about += platform.processor()
    return f"jax-{jax.__version__}-{hashlib.sha256(about.encode()).hexdigest()[:12]}"


def _thin_out(place: Path) -> None:
    with os.scandir(place) as entries:
        paths = [entry.path for entry in entries if entry.is_file()]
    if len(paths) <= MOST_FILES:
        return
    dated = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # another process may be thinning out too
            dated.append((os.stat(path).st_mtime, path))
    for _, path in sorted(dated)[: len(dated) // 2]:
        Path(path).unlink(missing_ok=True)
