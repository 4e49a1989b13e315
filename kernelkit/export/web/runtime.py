"""The two files of onnxruntime-web that a page needs: from a folder of npm, or fetched by npm once and kept."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from kernelkit.compile_cache import user_cache
from kernelkit.saving.atomic import replacing

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
DIGEST = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""SHA-512 of the package of that version, from npm."""
CODE, WASM = "dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm"
VARIABLE = "KERNELKIT_ONNXRUNTIME_WEB"


class Runtime(NamedTuple):
    """The runtime.

    Attributes:
        version: Version of the package.
        code: The module of JavaScript.
        wasm: Its WebAssembly.
    """

    version: str
    code: bytes
    wasm: bytes


def find(folder: str | os.PathLike | None = None) -> Runtime:
    """Return the runtime from the given folder, the environment, ``node_modules``, the cache, or by ``npm pack``.

    Args:
        folder: The folder of the package, such as ``node_modules/onnxruntime-web``.

    Raises:
        FileNotFoundError: If the given folder is not that of the package.
        ConnectionError: If it is nowhere on this machine and cannot be fetched.
    """
    found = installed(folder)
    if found is not None:
        return found
    return unpack(_packed(), _kept())


def _packed() -> bytes:
    """Return the package as npm fetches it, by npm's own settings of registry and proxy."""
    npm = shutil.which("npm")
    said = "npm is not installed"
    if npm:
        with tempfile.TemporaryDirectory() as folder:
            command = [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"]
            try:
                subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
                return next(Path(folder).glob("*.tgz")).read_bytes()
            except subprocess.CalledProcessError as error:
                said = f"npm failed: {error.stderr.strip()[-300:]}"
            except subprocess.TimeoutExpired:
                said = "npm did not answer within 5 minutes"
    raise ConnectionError(
        f"A page for the browser needs the package {PACKAGE} of npm, which is not on this machine, and {said}. Install "
        f"it elsewhere, npm install {PACKAGE}@{VERSION}, and pass its folder: runtime='node_modules/{PACKAGE}', or set "
        f"{VARIABLE}."
    )


def installed(folder: str | os.PathLike | None = None) -> Runtime | None:
    """Return the runtime from this machine, ``None`` if it is not there; see :func:`find`."""
    given = folder or os.environ.get(VARIABLE)
    if given:
        return _read(Path(given))
    here = Path.cwd()
    for place in (*(parent / "node_modules" / PACKAGE for parent in (here, *here.parents)), _kept()):
        if (place / CODE).is_file() and (place / WASM).is_file():
            return _read(place)
    return None


def unpack(package: bytes, folder: Path, digest: str = DIGEST) -> Runtime:
    """Check a package of npm and keep what a page needs of it in a folder.

    Raises:
        ValueError: If it is not the package of this version.
    """
    if base64.b64encode(hashlib.sha512(package).digest()).decode() != digest:
        raise ValueError(f"The downloaded package is not {PACKAGE} {VERSION}: its SHA-512 differs.")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for name in (CODE, WASM, "package.json"):
            member = archive.extractfile(f"package/{name}")
            assert member is not None
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with replacing(folder / name) as file:
                file.write(member.read())
    return _read(folder)


def _kept() -> Path:
    return user_cache() / "kernelkit" / f"{PACKAGE}-{VERSION}"


def _read(folder: Path) -> Runtime:
    try:
        version = json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
        return Runtime(version, (folder / CODE).read_bytes(), (folder / WASM).read_bytes())
    except (OSError, ValueError, KeyError) as error:
        raise FileNotFoundError(
            f"{os.fspath(folder)!r} is not the folder of npm's package {PACKAGE}: it needs the files package.json, "
            f"{CODE} and {WASM}. Install it: npm install {PACKAGE}@{VERSION}."
        ) from error
