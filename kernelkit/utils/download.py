"""`get_file`: download a file into a cache."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import warnings
from typing import Any

from kernelkit.saving.atomic import replacing
from kernelkit.training.display import say
from kernelkit.utils.extraction import archive_kind, extract
from kernelkit.utils.progbar import Progbar

_BLOCK = 1 << 18
_SECONDS_OF_SILENCE = 60


def get_file(
    fname: str | os.PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file in the cache; download it the first time.

    A download enters the cache only when it is complete and its checksum is right. An archive is unpacked into its own
    folder; links, devices and names that lead out of this folder are refused.

    Args:
        fname: Name in the cache, or of the folder of an archive; the last part of the address by default.
        origin: Address: ``https:``, ``http:``, ``ftp:`` or ``file:``.
        untar: The same as ``extract=True, archive_format="tar"``.
        md5_hash: Older name of ``file_hash``, for MD5.
        file_hash: Checksum of the file, SHA-256 or MD5, in hexadecimal digits.
        cache_subdir: Folder inside the cache, or an absolute path.
        hash_algorithm: ``"sha256"``, ``"md5"``, or ``"auto"`` to decide by the length.
        extract: Whether the file is an archive to be unpacked.
        archive_format: ``"auto"``, ``"tar"``, ``"zip"``, a list of them, or ``None``.
        cache_dir: The cache; ``$KERAS_HOME`` or ``~/.keras`` by default.
        force_download: Whether the file is downloaded even if it is in the cache.

    Returns:
        The file, or the folder of an archive.

    Raises:
        ValueError: If the checksum is wrong, the name leads out of the cache, or the archive is not safe to unpack.
        OSError: If the download fails.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> source = pathlib.Path(folder.name, "numbers.txt")
        >>> _ = source.write_text("1 2 3")
        >>> path = get_file(origin=source.as_uri(), cache_dir=f"{folder.name}/cache")
        Downloading data from file:...numbers.txt
        5/5 - ...
        >>> pathlib.Path(path).read_text()
        '1 2 3'
    """
    if origin is None:
        raise ValueError("get_file() needs origin=..., the address of the file.")
    extracts = bool(untar or extract)
    name = _checked_name(fname, origin)
    folder = os.path.join(_writable(cache_dir), cache_subdir)
    os.makedirs(folder, exist_ok=True)
    target = result = os.path.join(folder, name)
    if extracts and (fname is None or "." not in name):
        target = result + "_archive"
    elif extracts:
        result = os.path.join(folder, name[: name.find(".")] + "_extracted")
    if file_hash is None and md5_hash is not None:
        file_hash, hash_algorithm = md5_hash, "md5"
    fresh = _fetch(origin, target, file_hash, hash_algorithm, force_download)
    if extracts and (fresh or not os.path.isdir(result)):
        _unpack(target, result, "tar" if untar else archive_format)
    return result


def _checked_name(fname: Any, origin: str) -> str:
    given = fname is not None
    name = os.fspath(fname) if given else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name:
        raise ValueError(f"get_file() can't tell a name from the address {origin!r}: please give fname=...")
    if os.path.basename(name) != name or "\\" in name or name in (".", "..") or "\0" in name:
        raise ValueError(
            f"Paths are no longer accepted as the `fname` argument; give the folder as cache_dir=... or "
            f"cache_subdir=.... Got {name!r}."
        )
    return name


def _writable(cache_dir: Any) -> str:
    """Return the cache; if it cannot be written to, a cache in the folder for temporary files."""
    if cache_dir is None:
        cache_dir = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    cache = os.path.abspath(os.path.expanduser(os.fspath(cache_dir)))
    try:
        os.makedirs(cache, exist_ok=True)
    except OSError:
        return os.path.join(tempfile.gettempdir(), ".keras")
    return cache if os.access(cache, os.W_OK) else os.path.join(tempfile.gettempdir(), ".keras")


def _fetch(origin: str, target: str, file_hash: str | None, algorithm: str, force: bool) -> bool:
    """Download a file unless the cache has it; return whether it was downloaded."""
    if os.path.isfile(target) and not force:
        if file_hash is None or _hash_of_file(target, file_hash, algorithm) == file_hash.lower():
            return False
        warnings.warn(
            f"A local file was found, but it seems to be incomplete or outdated: its checksum is not {file_hash}. "
            "It is downloaded again.",
            stacklevel=3,
        )
    say(f"Downloading data from {origin}")
    digest = _new_hash(file_hash, algorithm)
    try:
        with urllib.request.urlopen(origin, timeout=_SECONDS_OF_SILENCE) as source, replacing(target) as file:
            declared = source.headers.get("Content-Length")
            size = int(declared) if declared and declared.strip().isdecimal() and len(declared) < 20 else None
            bar = Progbar(size, unit_name="byte")
            done = 0
            while block := source.read(_BLOCK):
                file.write(block)
                digest.update(block)
                done += len(block)
                bar.update(done)
            if size is not None and done != size:
                raise OSError(f"URL fetch failure on {origin}: only {done} of {size} bytes arrived.")
            if size is None:
                bar.update(done, finalize=True)
            if file_hash is not None and digest.hexdigest() != file_hash.lower():
                raise ValueError(
                    f"Incomplete or corrupted file detected: the checksum of {origin} is {digest.hexdigest()}, "
                    f"expected {file_hash}. Nothing was kept."
                )
    except urllib.error.HTTPError as error:
        raise OSError(f"URL fetch failure on {origin}: {error.code} -- {error.msg}") from error
    except urllib.error.URLError as error:
        raise OSError(f"URL fetch failure on {origin}: {error.errno} -- {error.reason}") from error
    except (http.client.HTTPException, EOFError) as error:
        raise OSError(
            f"URL fetch failure on {origin}: the server's answer is broken or was cut off: "
            f"{type(error).__name__}: {error!s:.200}"
        ) from error
    return True


def _new_hash(file_hash: str | None, algorithm: str) -> Any:
    if algorithm not in ("auto", "sha256", "md5"):
        raise ValueError(f"hash_algorithm must be 'auto', 'sha256' or 'md5', got {algorithm!r}.")
    is_md5 = algorithm == "md5" or (algorithm == "auto" and file_hash is not None and len(file_hash) != 64)
    return hashlib.md5(usedforsecurity=False) if is_md5 else hashlib.sha256()


def _hash_of_file(path: str, file_hash: str, algorithm: str) -> str:
    digest = _new_hash(file_hash, algorithm)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _unpack(path: str, folder: str, wanted: Any) -> None:
    kind = archive_kind(path, wanted)
    if kind is None:
        warnings.warn(f"Could not extract archive: {path} is not of the format {wanted!r}.", stacklevel=3)
        return
    extract(path, folder, kind)
