"""Labeled samples from folders: the list of files, their labels, order and split."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from kernelkit.feeds.parallel import parallel_map
from kernelkit.training.display import say
from kernelkit.typing import Tensor
from kernelkit.utils.dataset import Dataset
from kernelkit.utils.elements import chunks

_WORKERS = 8


class Listing(NamedTuple):
    """Files and their labels.

    Attributes:
        paths: Paths of the files.
        labels: Class of each, ``None`` without labels.
        class_names: Names of the classes, ``None`` without labels.
    """

    paths: list[str]
    labels: Tensor
    class_names: list[str] | None


class Options(NamedTuple):
    """The arguments that the readers of images, sounds and texts share; see :func:`read`."""

    directory: Any
    labels: Tensor
    label_mode: str | None
    class_names: list[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool
    kind: str = "files"  # name of the files in errors
    order_stays: bool = False  # whether all passes have the same order


def read(options: Options, endings: tuple[str, ...], load: Callable[[str], Any], join: Callable[[list], Any]) -> Any:
    """Return the dataset of a folder, or the pair of both subsets.

    Args:
        options: The arguments of the call.
        endings: Endings of file names, in lower case.
        load: Function that returns the sample in a file.
        join: Function that makes a batch from a list of samples.
    """
    _check(options)
    listing = _list(options, endings)
    if options.label_mode == "binary" and len(listing.class_names or ()) != 2:
        raise ValueError(
            'When passing `label_mode="binary"`, there must be exactly 2 class_names. '
            f"Received: class_names={listing.class_names}"
        )
    seed = options.seed if options.seed is not None else np.random.randint(10**6)
    if options.shuffle:
        listing = _shuffled(listing, seed)
    subsets = ["training", "validation"] if options.subset == "both" else [options.subset]
    parts = [_part(listing, options, subset) for subset in subsets]
    made = [_dataset(part, options, seed, load, join, endings) for part in parts]
    return tuple(made) if options.subset == "both" else made[0]


def _check(options: Options) -> None:
    labels, mode, split = options.labels, options.label_mode, options.validation_split
    if labels not in ("inferred", None) and not isinstance(labels, (list, tuple)):
        raise ValueError(
            '`labels` argument should be "inferred", None, or a list/tuple of integer labels, one for each file in the '
            f"target directory. Received: labels={labels!r}"
        )
    if mode not in ("int", "categorical", "binary", None):
        raise ValueError(
            f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: label_mode={mode}'
        )
    if options.class_names is not None and labels != "inferred":
        raise ValueError(
            'You can only pass `class_names` if `labels="inferred"`, that is, taken from the names of subfolders. '
            f"Received: labels={labels!r} and class_names={options.class_names}"
        )
    if split and not 0 < split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {split}")
    if bool(split) != (options.subset is not None):
        raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
    if options.subset not in ("training", "validation", "both", None):
        raise ValueError(f'`subset` must be either "training", "validation" or "both", received: {options.subset}')
    if split and options.shuffle and options.seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure "
            "that there is no overlap between the training and validation subset."
        )


def _list(options: Options, endings: tuple[str, ...]) -> Listing:
    root = os.fspath(options.directory)
    if not os.path.isdir(root):
        raise ValueError(f"The folder {root!r} does not exist.")
    class_names: list[str] | None
    if options.labels == "inferred" and options.label_mode is not None:
        found = sorted(n for n in os.listdir(root) if os.path.isdir(os.path.join(root, n)) and not n.startswith("."))
        class_names = list(options.class_names) if options.class_names else found
        if options.class_names and not set(class_names) <= set(found):
            raise ValueError(
                "The `class_names` passed did not match the names of the subdirectories of the target directory. "
                f"Expected: {found} (or a subset of it), but received: class_names={class_names}"
            )
        number = {name: i for i, name in enumerate(class_names)}
        pairs = [
            (path, number[name])
            for name in class_names
            for path in _files(os.path.join(root, name), endings, options.follow_links)
        ]
        paths, labels = [path for path, _ in pairs], [label for _, label in pairs]
    else:
        paths, class_names = list(_files(root, endings, options.follow_links)), None
        labels = None if options.labels == "inferred" else options.labels  # type: ignore[assignment]
        if labels is not None:
            if len(labels) != len(paths):
                raise ValueError(
                    "Expected the lengths of `labels` to match the number of files in the target directory. "
                    f"len(labels) is {len(labels)} while we found {len(paths)} files in directory {root}."
                )
            class_names = [str(label) for label in sorted(set(labels))]
    without = labels is None or options.label_mode is None
    if options.verbose:
        classes = "" if without else f" belonging to {len(class_names or ())} classes"
        say(f"Found {len(paths)} files{classes}.")
    if without:
        return Listing(paths, None, None)
    return Listing(paths, np.array(labels, "int32"), class_names)


def _files(folder: str, endings: tuple[str, ...], follow_links: bool) -> Iterator[str]:
    """Yield the paths of a folder's regular files, folder by folder in the order of their names.

    Pipes and devices are left out: reading them may never end. A folder with several links to it is read once.
    """
    found: list[tuple[str, list[str]]] = []
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        info = os.stat(place)
        if (info.st_dev, info.st_ino) in seen:
            continue
        seen.add((info.st_dev, info.st_ino))
        names = []
        with os.scandir(place) as entries:
            for entry in sorted(entries, key=lambda e: e.name, reverse=True):
                if entry.is_dir() and (follow_links or not entry.is_symlink()):
                    waiting.append(entry.path)
                elif entry.name.lower().endswith(endings) and entry.is_file():
                    names.append(entry.name)
        found.append((place, names))
    for place, names in sorted(found):
        yield from (os.path.join(place, name) for name in sorted(names))


def _shuffled(listing: Listing, seed: int) -> Listing:
    # The draws equal Keras's, so that a seed gives the same split as in Keras.
    order = np.arange(len(listing.paths))
    np.random.RandomState(seed).shuffle(order)
    labels = None if listing.labels is None else listing.labels[order]
    return Listing([listing.paths[i] for i in order], labels, listing.class_names)


def _part(listing: Listing, options: Options, subset: str | None) -> Listing:
    if subset is None or not options.validation_split:
        return listing
    held = int(options.validation_split * len(listing.paths))
    training = subset == "training"
    chosen = slice(None, len(listing.paths) - held) if training else slice(len(listing.paths) - held, None)
    paths = listing.paths[chosen]
    if options.verbose:
        say(f"Using {len(paths)} files for {subset}.")
    return Listing(paths, None if listing.labels is None else listing.labels[chosen], listing.class_names)


def _dataset(
    listing: Listing,
    options: Options,
    seed: int,
    load: Callable[[str], Any],
    join: Callable[[list], Any],
    endings: tuple[str, ...],
) -> Dataset:
    if not listing.paths:
        raise ValueError(
            f"No {options.kind} found in directory {os.fspath(options.directory)}. Allowed formats: "
            f"{', '.join(endings)}."
        )
    labels = _encoded(listing, options.label_mode)
    count, size = len(listing.paths), options.batch_size
    passes = itertools.count()

    def make() -> Iterator:
        order = np.arange(count)
        if options.shuffle:
            number = 0 if options.order_stays else next(passes)
            np.random.Generator(np.random.Philox(key=[seed, number])).shuffle(order)
        samples = parallel_map(load, (listing.paths[i] for i in order), min(_WORKERS, (os.cpu_count() or 1) + 2))
        if size is None:
            yield from samples if labels is None else zip(samples, labels[order], strict=True)
            return
        for places, batch in zip(chunks(order, size), chunks(samples, size), strict=True):
            yield join(batch) if labels is None else (join(batch), labels[places])

    dataset = Dataset(make, count if size is None else -(-count // size), size is not None)
    dataset.file_paths = list(listing.paths)
    dataset.class_names = listing.class_names
    return dataset


def _encoded(listing: Listing, mode: str | None) -> np.ndarray | None:
    labels = listing.labels
    if labels is None or mode is None or mode == "int":
        return labels
    if mode == "binary":
        return labels.astype("float32")[:, None]
    return np.eye(len(listing.class_names or ()), dtype="float32")[labels]
