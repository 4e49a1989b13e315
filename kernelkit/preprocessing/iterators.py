"""Batches of images for `ImageDataGenerator`, from arrays, from a folder, or from the rows of a table."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator as Iteration
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from kernelkit.feeds.py_dataset import PyDataset
from kernelkit.training.display import say
from kernelkit.typing import DType, PathLike, Tensor
from kernelkit.utils.images import array_to_img, img_to_array, load_img

__all__ = ["DataFrameIterator", "DirectoryIterator", "Iterator", "NumpyArrayIterator"]

_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
_DRAWING: ContextVar[Any] = ContextVar("drawing", default=None)
"""The random state of the batch that this thread makes."""


class Iterator(PyDataset):
    """Batches of ``n`` samples: by number with ``[]``, endlessly with ``next``.

    A subclass defines ``_get_batches_of_transformed_samples(self, index_array)``, which returns the batch of these
    samples.

    Args:
        n: Number of samples.
        batch_size: Samples in a batch.
        shuffle: Whether each epoch has its own random order.
        seed: Int, for reproducible random numbers; ``None`` for NumPy's global random state.
        **kwargs: Arguments of :class:`~kernelkit.utils.PyDataset`.

    Example:
        >>> class Numbers(Iterator):
        ...     def _get_batches_of_transformed_samples(self, index_array):
        ...         return index_array * 10
        >>> numbers = Numbers(5, 2, shuffle=False, seed=None)
        >>> len(numbers), [next(numbers).tolist() for _ in range(4)]
        (3, [[0, 10], [20, 30], [40], [0, 10]])
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if batch_size < 1:
            raise ValueError(f"{type(self).__name__}: batch_size must be at least 1, got {batch_size}.")
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = self.total_batches_seen = self._orders = 0
        self.index_array: np.ndarray | None = None
        self._last: Any = np.random
        self._lock = threading.Lock()

    @property
    def random(self) -> Any:
        """The random state of this thread's current batch, else that of the last batch."""
        return _DRAWING.get() or self._last

    @property
    def _ahead(self) -> bool:
        """Whether several threads or processes make the batches."""
        return self.workers > 1 or self.use_multiprocessing

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        if idx >= len(self):
            raise ValueError(f"{type(self).__name__} has {len(self)} batches, there is no batch {idx}.")
        return self._batch(idx)

    def __iter__(self) -> Iteration:
        return self

    def __next__(self) -> Any:
        if not self.n:
            raise StopIteration
        with self._lock:
            index = self.batch_index
            self.batch_index = (index + 1) % len(self)
        return self._batch(index, anew=index == 0)

    def __getstate__(self) -> dict[str, Any]:
        if self.index_array is None:
            self.on_epoch_end()  # copies in other processes must have the same order
        return {name: value for name, value in vars(self).items() if name not in ("_lock", "_last")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock(), _last=np.random)

    def on_epoch_end(self) -> None:
        """Draw the next epoch's order."""
        if self._ahead and self.seed is not None:  # batches may be made in any order
            self._last = np.random.RandomState(self.seed + self._orders * len(self))
        self._orders += 1
        self.index_array = self.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def reset(self) -> None:
        """Restart with the first batch."""
        self.batch_index = 0

    def _batch(self, index: int, anew: bool = False) -> Any:
        with self._lock:
            number = self.total_batches_seen
            self.total_batches_seen += 1
            if self.seed is not None and not self._ahead:
                self._last = np.random.RandomState(self.seed + number)
            if anew or self.index_array is None:
                self.on_epoch_end()
            assert self.index_array is not None
            rows = self.index_array[index * self.batch_size : (index + 1) * self.batch_size]
            drawing = self._last
            if self.seed is not None and self._ahead:  # by index, because batches are made in any order
                drawing = np.random.RandomState(self.seed + (self._orders - 1) * len(self) + index)
        token = _DRAWING.set(drawing)
        try:
            return self._get_batches_of_transformed_samples(rows)
        finally:
            _DRAWING.reset(token)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} must define _get_batches_of_transformed_samples(index_array)."
        )


class _Images(Iterator):
    """The base of iterators over images: with a generator that transforms, and a folder for results."""

    image_data_generator: Any
    data_format: str
    dtype: DType
    save_to_dir: Any
    save_prefix: str
    save_format: str

    def _settle(self, generator: Any, data_format: str | None, dtype: DType, to: Any, prefix: str, ending: str) -> None:
        self.image_data_generator = generator
        self.data_format = data_format or generator.data_format
        self.dtype = dtype or generator.dtype
        self.save_to_dir, self.save_prefix, self.save_format = to, prefix, ending

    def _transformed(self, image: np.ndarray) -> np.ndarray:
        generator = self.image_data_generator
        drawn = generator.draw(image.shape, self.random)
        return generator.standardize(generator.apply_transform(image, drawn))

    def _stacked(self, images: list[np.ndarray], index_array: np.ndarray) -> np.ndarray:
        batch = np.array(images, self.dtype)
        if self.save_to_dir:
            for index, image in zip(index_array, batch, strict=True):
                name = f"{self.save_prefix}_{index}_{np.random.default_rng().integers(10**7)}.{self.save_format}"
                array_to_img(image, self.data_format, scale=True).save(os.path.join(self.save_to_dir, name))
        return batch


class NumpyArrayIterator(_Images):
    """Batches of the images in an array, made by :meth:`ImageDataGenerator.flow`.

    Args:
        x: Images (samples, height, width, channels), or a list of them and other arrays, which are passed through.
        y: Targets (samples, ...), or ``None``.
        image_data_generator: Transforms the images.
        batch_size: Samples in a batch.
        shuffle: Whether each epoch has its own random order.
        sample_weight: Weights (samples,), or ``None``.
        seed: Int, for reproducible random numbers.
        data_format: ``"channels_last"``, ``"channels_first"``; the generator's by default.
        save_to_dir: Folder for copies of the transformed images.
        save_prefix: Prefix of the names of these files.
        save_format: Format of these files.
        subset: ``"training"`` or ``"validation"``, if the generator has a ``validation_split``.
        ignore_class_split: Whether the two subsets may have different classes.
        dtype: Dtype of the images; the generator's by default.

    Raises:
        ValueError: If lengths differ, or ``x`` holds no images.

    Example:
        >>> import kernelkit as kk
        >>> generator = kk.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
        >>> batches = NumpyArrayIterator(np.full((3, 4, 4, 1), 255.0), [0, 1, 0], generator, batch_size=2)
        >>> x, y = next(batches)
        >>> x.shape, x.max().item(), y.tolist()
        ((2, 4, 4, 1), 1.0, [0, 1])
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Tensor = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: DType = None,
    ) -> None:
        self._settle(image_data_generator, data_format, dtype, save_to_dir, save_prefix, save_format)
        images, others = (x[0], [np.asarray(v) for v in x[1]]) if _has_others(x) else (x, [])
        images, y, weights = np.asarray(images), _array(y), _array(sample_weight)
        for name, value in (("y", y), ("sample_weight", weights), *(("x", v) for v in others)):
            if value is not None and len(value) != len(images):
                raise ValueError(
                    f"{name} should have as many rows as the images: {len(value)}, and there are {len(images)} images."
                )
        if images.ndim != 4:
            raise ValueError(f"flow() takes images (samples, height, width, channels), got shape {images.shape}.")
        if subset is not None:
            rows = np.zeros(len(images), bool)
            rows[image_data_generator.part(subset, list(range(len(images))))] = True
            if y is not None and not ignore_class_split and set(np.unique(y[rows])) != set(np.unique(y[~rows])):
                raise ValueError(
                    "Training and validation subsets have different classes after the split. If your arrays are sorted "
                    "by the label, shuffle them."
                )
            images, others = images[rows], [v[rows] for v in others]
            y, weights = (None if v is None else v[rows] for v in (y, weights))
        self.x, self.x_misc, self.y, self.sample_weight = images.astype(self.dtype), others, y, weights
        super().__init__(len(images), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images: Tensor = self._stacked([self._transformed(self.x[i]) for i in index_array], index_array)
        images = [images, *(v[index_array] for v in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return images
        return (images, *(v[index_array] for v in (self.y, self.sample_weight) if v is not None))


class _Files(_Images):
    """Batches of images from files: `paths`, with a target and a weight for each."""

    paths: list[str]
    classes: list[int]
    class_indices: dict[str, int]
    class_mode: str | None
    target_size: tuple[int, int]
    color_mode: str
    interpolation: str
    keep_aspect_ratio: bool

    def _settle_files(
        self,
        target_size: tuple[int, int],
        color_mode: str,
        interpolation: str,
        keep_aspect_ratio: bool,
        class_mode: str | None,
        modes: tuple,
    ) -> None:
        if color_mode not in _CHANNELS:
            raise ValueError(f"color_mode must be one of {tuple(_CHANNELS)}, got {color_mode!r}.")
        if class_mode not in modes:
            raise ValueError(f"class_mode must be one of {modes}, got {class_mode!r}.")
        self.target_size, self.color_mode, self.class_mode = (target_size[0], target_size[1]), color_mode, class_mode
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        channels = _CHANNELS[color_mode]
        last = self.data_format == "channels_last"
        self.image_shape = (*self.target_size, channels) if last else (channels, *self.target_size)

    @property
    def filepaths(self) -> list[str]:
        """The paths of all images, in order."""
        return list(self.paths)

    @property
    def labels(self) -> Any:
        """The target of each image."""
        return self.classes

    @property
    def sample_weight(self) -> Any:
        """Weight of each image; ``None`` if there are no weights."""
        return None

    def _loaded(self, index: int) -> np.ndarray:
        image = load_img(
            self.paths[index],
            color_mode=self.color_mode,
            target_size=self.target_size,
            interpolation=self.interpolation,
            keep_aspect_ratio=self.keep_aspect_ratio,
        )
        return self._transformed(img_to_array(image, self.data_format, self.dtype))

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = self._stacked([self._loaded(i) for i in index_array], index_array)
        if self.class_mode is None:
            return images
        if self.class_mode == "input":
            targets: Tensor = images.copy()
        elif self.class_mode == "multi_output":
            targets = [column[index_array] for column in self.labels]
        else:
            labels = [self.labels[i] for i in index_array]
            if self.class_mode == "categorical":
                targets = self._several_hot(labels)
            else:
                targets = np.asarray(labels, None if self.class_mode == "raw" else self.dtype)
        weights = self.sample_weight
        return (images, targets) if weights is None else (images, targets, weights[index_array])

    def _several_hot(self, labels: list) -> np.ndarray:
        """Return multi-hot rows (images, classes); each image has one class number or a list of them."""
        rows = np.zeros((len(labels), len(self.class_indices)), self.dtype)
        for row, label in zip(rows, labels, strict=True):
            row[label] = 1
        return rows


class DirectoryIterator(_Files):
    """Batches of images from a folder of classes, made by `ImageDataGenerator.flow_from_directory`.

    Args:
        directory: Folder.
        image_data_generator: Transforms the images.
        target_size: ``(height, width)`` of all images.
        color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
        classes: Names of the folders to read, in order; all in alphabetical order by default.
        class_mode: ``"categorical"`` (one-hot rows), ``"binary"`` (0 and 1), ``"sparse"`` (the numbers), ``"input"``
            (the images themselves), or ``None`` for no targets.
        batch_size: Images in a batch.
        shuffle: Whether each epoch has its own random order.
        seed: Int, for reproducible random numbers.
        data_format: ``"channels_last"``, ``"channels_first"``; the generator's by default.
        save_to_dir: Folder for copies of the transformed images.
        save_prefix: Prefix of the names of these files.
        save_format: Format of these files.
        follow_links: Whether links to folders are followed.
        subset: ``"training"`` or ``"validation"``, if the generator has a ``validation_split``: of each class the first
            files are for validation.
        interpolation: Interpolation for resizing, as in `load_img`.
        keep_aspect_ratio: Whether images with other proportions are cropped.
        dtype: Dtype of the images.

    Attributes: ``class_indices`` from name to number, ``classes``, the number of each image, ``filenames``,
    ``samples``, ``num_classes`` and ``image_shape``.

    Example:
        >>> import pathlib, tempfile
        >>> import kernelkit as kk
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("cats", "dogs"):
        ...     (folder / name).mkdir()
        ...     kk.preprocessing.image.save_img(folder / name / "1.png", np.zeros((5, 6, 3)))
        >>> generator = kk.preprocessing.image.ImageDataGenerator()
        >>> images = DirectoryIterator(folder, generator, target_size=(4, 4))
        Found 2 images belonging to 2 classes.
        >>> images.class_indices, images[0][0].shape, images[0][1].shape
        ({'cats': 0, 'dogs': 1}, (2, 4, 4, 3), (2, 2))
    """

    def __init__(
        self,
        directory: Any,
        image_data_generator: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DType = None,
    ) -> None:
        self._settle(image_data_generator, data_format, dtype, save_to_dir, save_prefix, save_format)
        modes = ("categorical", "binary", "sparse", "input", None)
        self._settle_files(target_size, color_mode, interpolation, keep_aspect_ratio, class_mode, modes)
        root = Path(directory)
        if not root.is_dir():
            raise FileNotFoundError(f"flow_from_directory(): there is no folder {str(root)!r}.")
        names = list(classes) if classes else sorted(p.name for p in root.iterdir() if p.is_dir())
        self.directory, self.class_indices = directory, {name: i for i, name in enumerate(names)}
        self.num_classes, self.filenames, self.classes = len(names), [], []
        for name in names:
            files = image_data_generator.part(subset, _images_in(root / name, follow_links))
            self.filenames += [str(file.relative_to(root)) for file in files]
            self.classes += [self.class_indices[name]] * len(files)
        self.classes = np.array(self.classes, "int32")  # type: ignore[assignment]
        self.paths, self.samples = [os.path.join(directory, name) for name in self.filenames], len(self.filenames)
        say(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)


class DataFrameIterator(_Files):
    """Batches of images whose paths are in a table, made by :meth:`ImageDataGenerator.flow_from_dataframe`.

    Args:
        dataframe: Table of pandas.
        directory: Folder to which the paths are relative; ``None`` for absolute paths.
        image_data_generator: Transforms the images.
        x_col: Column of the paths.
        y_col: Column of the targets, or a list of columns.
        weight_col: Column of the sample weights, or ``None``.
        target_size: ``(height, width)`` of all images.
        color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
        classes: Names of the classes, in order; all of the column by default. Rows of other classes are left out.
        class_mode: ``"categorical"``, ``"binary"``, ``"sparse"``, ``"input"``, ``"raw"`` (the values of the column or
            columns), ``"multi_output"`` (a target for each column), or ``None`` for no targets.
        batch_size: Images in a batch.
        shuffle: Whether each epoch has its own random order.
        seed: Int, for reproducible random numbers.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        save_to_dir: Folder for copies of the transformed images.
        save_prefix: Prefix of the names of these files.
        save_format: Format of these files.
        subset: ``"training"`` or ``"validation"``, if the generator has a ``validation_split``.
        interpolation: Interpolation for resizing, as in `load_img`.
        keep_aspect_ratio: Whether images with other proportions are cropped.
        dtype: Dtype of the images.
        validate_filenames: Whether rows with a missing file, or a file that is not an image, are left out, with a
            warning.

    Example:
        >>> import pathlib, tempfile
        >>> import pandas as pd
        >>> import kernelkit as kk
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> kk.preprocessing.image.save_img(folder / "1.png", np.zeros((5, 6, 3)))
        >>> table = pd.DataFrame({"filename": ["1.png", "1.png"], "class": ["dog", "cat"]})
        >>> generator = kk.preprocessing.image.ImageDataGenerator()
        >>> images = DataFrameIterator(table, folder, generator, target_size=(4, 4), class_mode="sparse", shuffle=False)
        Found 2 validated image filenames belonging to 2 classes.
        >>> images[0][1].tolist()
        [1.0, 0.0]
    """

    def __init__(
        self,
        dataframe: Any,
        directory: Any = None,
        image_data_generator: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = "channels_last",
        save_to_dir: PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DType = "float32",
        validate_filenames: bool = True,
    ) -> None:
        self._settle(image_data_generator, data_format, dtype, save_to_dir, save_prefix, save_format)
        modes = ("categorical", "binary", "sparse", "input", "raw", "multi_output", None)
        self._settle_files(target_size, color_mode, interpolation, keep_aspect_ratio, class_mode, modes)
        frame, self.directory = dataframe, directory or ""
        by_class = class_mode in ("categorical", "binary", "sparse")
        for name in [x_col, *([weight_col] if weight_col else []), *(_columns(y_col) if by_class else [])]:
            if name not in frame.columns:
                raise ValueError(
                    f"flow_from_dataframe(): the table has no column {name!r}; it has {list(frame.columns)}."
                )
        if validate_filenames:
            good = [_is_image(os.path.join(self.directory, str(name))) for name in frame[x_col]]
            if not all(good):
                warnings.warn(
                    f"Found {good.count(False)} invalid image filename(s) in x_col={x_col!r}. These filename(s) will "
                    "be ignored.",
                    stacklevel=3,
                )
                frame = frame[good]
        self.class_indices, self.num_classes, labels = {}, 0, None
        if by_class:
            labels = [list(v) if isinstance(v, (list, tuple)) else v for v in frame[y_col]]
            several = [v if isinstance(v, list) else [v] for v in labels]
            names = list(classes) if classes else sorted({name for row in several for name in row})
            kept = [[name for name in row if name in names] for row in several]
            frame = frame[[bool(row) for row in kept]]
            self.class_indices = {name: i for i, name in enumerate(names)}
            self.num_classes = len(names)
            numbers = [[self.class_indices[name] for name in row] for row in kept if row]
            labels = [
                row if isinstance(v, list) else row[0] for row, v in zip(numbers, _kept(labels, kept), strict=True)
            ]
            if class_mode == "binary" and len(names) != 2:
                raise ValueError(f"class_mode='binary' needs two classes, there are {len(names)}: {names}.")
        rows = image_data_generator.part(subset, list(range(len(frame))))
        frame = frame.iloc[rows]
        self.classes = [labels[i] for i in rows] if labels is not None else []
        self._targets: Any = None
        if class_mode == "raw":
            self._targets = frame[y_col].values
        elif class_mode == "multi_output":
            self._targets = [np.array(frame[name].tolist()) for name in y_col]
        self._weights = frame[weight_col].values if weight_col else None
        self.filenames = [str(name) for name in frame[x_col]]
        self.paths, self.samples = [os.path.join(self.directory, n) for n in self.filenames], len(self.filenames)
        belonging = f" belonging to {self.num_classes} classes" if by_class else ""
        say(
            f"Found {self.samples} {'validated' if validate_filenames else 'non-validated'} image filenames{belonging}."
        )
        super().__init__(self.samples, batch_size, shuffle, seed)

    @property
    def labels(self) -> Any:
        """The target of each image."""
        return self.classes if self._targets is None else self._targets

    @property
    def sample_weight(self) -> Any:
        """Weight of each image; ``None`` if there are no weights."""
        return self._weights


def _kept(values: list, kept: list) -> list:
    return [value for value, row in zip(values, kept, strict=True) if row]


def _columns(names: Any) -> list:
    return list(names) if isinstance(names, (list, tuple)) else [names]


def _array(value: Tensor) -> Any:
    return None if value is None else np.asarray(value)


def _has_others(x: Tensor) -> bool:
    """Return whether `x` is images and a list of other arrays."""
    return isinstance(x, (tuple, list)) and len(x) == 2 and isinstance(x[1], (tuple, list))


def _is_image(path: str) -> bool:
    return path.lower().endswith(_ENDINGS) and os.path.isfile(path)


def _images_in(folder: Path, follow_links: bool) -> list[Path]:
    """Return the paths of the images in a folder and its subfolders, in order."""
    found = []
    for parent, _, names in sorted(os.walk(folder, followlinks=follow_links)):
        found += [Path(parent) / name for name in sorted(names) if name.lower().endswith(_ENDINGS)]
    return found
