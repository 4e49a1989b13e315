"""Datasets from folders of texts."""

from __future__ import annotations

from typing import Any

from kernelkit.typing import PathLike, Tensor
from kernelkit.utils.directory import Options, read
from kernelkit.utils.elements import stack
from kernelkit.utils.image_dataset import check_format


def text_dataset_from_directory(
    directory: PathLike | None,
    labels: Tensor = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str | None = None,
    verbose: bool = True,
) -> Any:
    """Return the texts in a folder (``.txt``, UTF-8) as a dataset that reads them on demand.

    Args:
        directory: The folder; with inferred labels it has one folder for each class.
        labels: ``"inferred"``, ``None``, or a label for each file in the order of the names.
        label_mode: ``"int"``, ``"categorical"`` (one-hot), ``"binary"`` (two classes), or ``None``.
        class_names: Names of the folders, in the order of their labels; alphabetical by default.
        batch_size: Texts in a batch; ``None`` for single texts.
        max_length: Number of characters of a text that are kept.
        shuffle: Whether each pass has its own order.
        seed: Seed of the order and of the split into subsets.
        validation_split: Share of the files kept for validation.
        subset: ``"training"``, ``"validation"`` or ``"both"``.
        follow_links: Whether to go into folders that are symbolic links.
        format: ``None`` or ``"tf"`` for a new order in each pass, ``"grain"`` for the same order in all passes.
        verbose: Whether to print the number of files.

    Returns:
        A :class:`~kernelkit.utils.dataset.Dataset` of arrays of texts (batch,), with labels ``(texts, labels)``; two of
        them for ``subset="both"``.

    Raises:
        ValueError: If no file is found, or the arguments do not fit.

    Example:
        >>> import os, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = pathlib.Path(folder, "a.txt").write_text("Hello")
        ...     data = text_dataset_from_directory(folder, labels=None, verbose=False)
        ...     next(iter(data)).tolist()
        ['Hello']
    """
    check_format(format)
    if max_length is not None and (not isinstance(max_length, int) or max_length < 0):
        raise ValueError(f"`max_length` must be a whole number of at least 0. Received: max_length={max_length!r}")

    def load(path: str) -> str:
        with open(path, "rb") as file:
            # A character takes at most 4 bytes: only this many bytes are read.
            text = file.read(-1 if max_length is None else 4 * max_length).decode("utf-8", "replace")
        return text if max_length is None else text[:max_length]

    options = Options(
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
        kind="text files",
        order_stays=format == "grain",
    )
    return read(options, (".txt",), load, stack)
