"""The files of the datasets: their addresses and checksums."""

from __future__ import annotations

import os
from typing import NamedTuple

from kernelkit.utils.download import get_file

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"


class File(NamedTuple):
    """A file of a dataset on the internet.

    Attributes:
        base: Address of the folder.
        name: Name of the file in the folder.
        checksum: SHA-256, or MD5 if only that was published; ``None`` if no checksum was published.
    """

    base: str
    name: str
    checksum: str | None


FILES = {
    "mnist": File(_KERAS, "mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),
    "fashion_train_labels": File(_KERAS, "train-labels-idx1-ubyte.gz", None),
    "fashion_train_images": File(_KERAS, "train-images-idx3-ubyte.gz", None),
    "fashion_test_labels": File(_KERAS, "t10k-labels-idx1-ubyte.gz", None),
    "fashion_test_images": File(_KERAS, "t10k-images-idx3-ubyte.gz", None),
    "cifar10": File(
        _TORONTO, "cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    ),
    "cifar100": File(
        _TORONTO, "cifar-100-python.tar.gz", "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
    ),
    "imdb": File(_KERAS, "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
    "imdb_words": File(_KERAS, "imdb_word_index.json", "bfafd718b763782e994055a2d397834f"),
    "reuters": File(_KERAS, "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
    "reuters_words": File(_KERAS, "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"),
    "boston_housing": File(
        _KERAS, "boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
    ),
    "california_housing": File(
        _KERAS, "california_housing.npz", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
    ),
}


def fetch(name: str, path: str | None = None, folder: str = "datasets", extract: bool = False) -> str:
    """Return the path of a file in the cache; download it the first time.

    The environment variable ``KERNELKIT_DATASETS_URL`` gives the address of a mirror, such as one in a classroom: a
    folder with all files under their own names. The checksums are checked there too.

    Args:
        name: Key of :data:`FILES`.
        path: Name in the cache; the name of the file by default.
        folder: Folder in the cache.
        extract: Whether to unpack the file.
    """
    base, file, checksum = FILES[name]
    mirror = os.environ.get("KERNELKIT_DATASETS_URL")
    origin = (mirror.rstrip("/") + "/" if mirror else base) + file
    return get_file(path or file, origin, file_hash=checksum, cache_subdir=folder, extract=extract)
