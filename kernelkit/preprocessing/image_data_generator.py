"""`ImageDataGenerator`: random changes of images for training, in NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit import config
from kernelkit.preprocessing.affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    checked_pair,
)
from kernelkit.preprocessing.iterators import DataFrameIterator, DirectoryIterator, NumpyArrayIterator
from kernelkit.typing import DType, PathLike, Tensor

_TINY = 1e-6


class ImageDataGenerator:
    """Change images at random, and make batches of them. New code uses layers such as `kernelkit.layers.RandomFlip`.

    Args:
        featurewise_center: Whether the mean of :meth:`fit`'s images is subtracted.
        samplewise_center: Whether each image's own mean is subtracted.
        featurewise_std_normalization: Whether images are divided by the standard deviation of :meth:`fit`'s images.
        samplewise_std_normalization: Whether each image is divided by its own standard deviation.
        zca_whitening: Whether pixels are decorrelated by a matrix that :meth:`fit` learned.
        zca_epsilon: Number added to the variances for the whitening.
        rotation_range: Largest angle, in degrees.
        width_shift_range: Largest horizontal shift: a share of the width if below 1, else pixels; an int for whole
            pixels below it; or a list of shifts to choose from.
        height_shift_range: Largest vertical shift, likewise.
        brightness_range: Smallest and largest factor, or ``None``.
        shear_range: Largest angle of a shear, in degrees.
        zoom_range: Smallest and largest factor, or x for ``[1 - x, 1 + x]``.
        channel_shift_range: Largest number to add to the values.
        fill_mode: Filling outside of an image: ``"constant"``, ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        cval: Value outside of an image, for ``"constant"``.
        horizontal_flip: Whether half of the images, at random, are mirrored.
        vertical_flip: Whether half of the images, at random, are turned upside down.
        rescale: Factor of the values, applied after all other changes; ``None`` or 0 for none.
        preprocessing_function: Function from an image to an image of the same shape, called before ``rescale``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        validation_split: Share of the images for validation, in [0, 1).
        interpolation_order: Degree of the spline.
        dtype: Dtype of the images; the global setting for ``None``.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True, validation_split=0.25)
        >>> x, y = np.full((8, 4, 4, 3), 255.0), np.array([0, 1] * 4)
        >>> train = generator.flow(x, y, batch_size=3, subset="training", seed=0)
        >>> len(train), train[0][0].shape, train[0][0].max().item()
        (2, (3, 4, 4, 3), 1.0)
        >>> model = kk.Sequential([kk.layers.Flatten(), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(train, epochs=2, verbose=0)
        >>> len(history.history["loss"])
        2
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], Any] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DType = None,
    ) -> None:
        self.data_format = config.image_data_format() if data_format is None else data_format
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
        if not 0 <= (validation_split or 0) < 1:
            raise ValueError(f"validation_split must be at least 0 and less than 1, got {validation_split}.")
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.dtype = config.floatx() if dtype is None else dtype
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range, self.channel_shift_range = (
            rotation_range,
            shear_range,
            channel_shift_range,
        )
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = None if brightness_range is None else checked_pair("brightness_range", brightness_range)
        single = isinstance(zoom_range, (int, float))
        self.zoom_range = [1 - zoom_range, 1 + zoom_range] if single else list(checked_pair("zoom_range", zoom_range))
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.validation_split = validation_split or 0.0
        self.mean: Tensor = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        self._make_consistent()

    def _make_consistent(self) -> None:
        """Turn on the centering that whitening and division need, with a warning."""
        if self.zca_whitening and self.featurewise_std_normalization:
            self.featurewise_std_normalization = False
            _warn("zca_whitening", "featurewise_std_normalization is turned off")
        for name in ("zca_whitening", "featurewise_std_normalization"):
            if getattr(self, name) and not self.featurewise_center:
                self.featurewise_center = True
                _warn(name, "featurewise_center is turned on")
        if self.samplewise_std_normalization and not self.samplewise_center:
            self.samplewise_center = True
            _warn("samplewise_std_normalization", "samplewise_center is turned on")

    def flow(
        self,
        x: Tensor,
        y: Tensor = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Tensor = None,
        seed: int | None = None,
        save_to_dir: PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Return batches of the images in an array, for `fit`, `evaluate` and `predict`.

        Args:
            x: Images (samples, height, width, channels), or a list of them and other arrays.
            y: Targets (samples, ...), or ``None``.
            batch_size: Samples in a batch.
            shuffle: Whether each epoch has its own random order.
            sample_weight: Weights (samples,).
            seed: Int, for reproducible random numbers.
            save_to_dir: Folder for copies of the transformed images.
            save_prefix: Prefix of the names of these files.
            save_format: Format of these files.
            ignore_class_split: Whether the two subsets may have different classes.
            subset: ``"training"`` or ``"validation"``, with ``validation_split``.
        """
        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            ignore_class_split=ignore_class_split,
            subset=subset,
        )

    def flow_from_directory(
        self,
        directory: PathLike | None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Return batches of images from a folder that holds a folder for each class.

        Args:
            directory: Folder.
            target_size: ``(height, width)`` of all images.
            color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
            classes: Names of the folders to read, in order; all by default.
            class_mode: ``"categorical"``, ``"binary"``, ``"sparse"``, ``"input"``, or ``None`` for no targets.
            batch_size: Images in a batch.
            shuffle: Whether each epoch has its own random order.
            seed: Int, for reproducible random numbers.
            save_to_dir: Folder for copies of the transformed images.
            save_prefix: Prefix of the names of these files.
            save_format: Format of these files.
            follow_links: Whether links to folders are followed.
            subset: ``"training"`` or ``"validation"``, with ``validation_split``.
            interpolation: Interpolation for resizing, as in `load_img`.
            keep_aspect_ratio: Whether images with other proportions are cropped.
        """
        return DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
        )

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: PathLike | None = None,
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
        save_to_dir: PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Return batches of images whose paths are in a DataFrame of pandas.

        Args:
            dataframe: Table.
            directory: Folder to which the paths are relative.
            x_col: Column of the paths.
            y_col: Column of the targets, or a list of columns.
            weight_col: Column of the sample weights.
            target_size: ``(height, width)`` of all images.
            color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
            classes: Names of the classes, in order; all classes of the column by default.
            class_mode: ``"categorical"``, ``"binary"``, ``"sparse"``, ``"input"``, ``"raw"``, ``"multi_output"`` or
                ``None``.
            batch_size: Images in a batch.
            shuffle: Whether each epoch has its own random order.
            seed: Int, for reproducible random numbers.
            save_to_dir: Folder for copies of the transformed images.
            save_prefix: Prefix of the names of these files.
            save_format: Format of these files.
            subset: ``"training"`` or ``"validation"``, with ``validation_split``.
            interpolation: Interpolation for resizing, as in `load_img`.
            validate_filenames: Whether rows with a missing file, or a file that is not an image, are left out, with a
                warning.
            **kwargs: ``keep_aspect_ratio``; the old ``has_ext``, ``sort`` and ``drop_duplicates`` are ignored.
        """
        for old in ("has_ext", "sort", "drop_duplicates"):
            kwargs.pop(old, None)
        return DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            data_format=self.data_format,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            dtype=self.dtype,
            validate_filenames=validate_filenames,
            **kwargs,
        )

    def part(self, subset: str | None, items: list) -> list:
        """Return the items of a subset: the first items are for validation.

        Args:
            subset: ``"training"``, ``"validation"``, or ``None`` for all.
            items: Items in order.

        Raises:
            ValueError: If there is no such subset.
        """
        if subset is None:
            return items
        first = int(self.validation_split * len(items))
        parts = {"validation": items[:first], "training": items[first:]}
        if subset not in parts:
            raise ValueError(f"subset must be 'training' or 'validation', got {subset!r}.")
        return parts[subset]

    def standardize(self, x: Tensor) -> np.ndarray:
        """Return an image or a batch, preprocessed, rescaled, centered, divided and whitened as the arguments say.

        Args:
            x: Image or images.
        """
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        x = np.asarray(x)
        if self.rescale:
            x = x * np.asarray(self.rescale, x.dtype if x.dtype.kind == "f" else self.dtype)
        if self.samplewise_center:
            x = x - np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (np.std(x, keepdims=True) + _TINY)
        for asked, learned in (("featurewise_center", "mean"), ("featurewise_std_normalization", "std")):
            value = self._learned(asked, learned)
            if value is not None:
                x = x - value if learned == "mean" else x / (value + _TINY)
        whitening = self._learned("zca_whitening", "zca_whitening_matrix")
        if whitening is not None:
            x = (x.reshape(-1, len(whitening)) @ whitening).reshape(x.shape)
        return x

    def _learned(self, asked: str, learned: str) -> Any:
        """Return the values that `fit` learned for an argument; warn and return `None` if `fit` was not called."""
        if not getattr(self, asked):
            return None
        value = getattr(self, learned)
        if value is None:
            warnings.warn(
                f"This ImageDataGenerator has {asked}=True, but it hasn't been fit on any training data. Call "
                "generator.fit(images) first.",
                stacklevel=4,
            )
        return value

    def get_random_transform(self, img_shape: tuple, seed: int | None = None) -> dict:
        """Return the random parameters for one image, for :meth:`apply_transform`.

        Args:
            img_shape: Shape of the image.
            seed: Int; ``None`` for NumPy's global random state.

        Returns:
            A dict with ``theta``, ``tx`` (columns), ``ty`` (rows), ``shear``, ``zx``, ``zy``, ``flip_horizontal``,
            ``flip_vertical``, ``channel_shift_intensity`` and ``brightness``.
        """
        return self.draw(img_shape, np.random if seed is None else np.random.RandomState(seed))

    def draw(self, img_shape: tuple, source: Any) -> dict:
        """Return the parameters for one image, drawn from a source of random numbers.

        Args:
            img_shape: Shape of the image.
            source: `np.random` or a `np.random.RandomState`.
        """
        rotation, shear, shift = self.rotation_range, self.shear_range, self.channel_shift_range
        theta = source.uniform(-rotation, rotation) if rotation else 0
        ty = _move(self.height_shift_range, img_shape[self.row_axis - 1], source)
        tx = _move(self.width_shift_range, img_shape[self.col_axis - 1], source)
        slant = source.uniform(-shear, shear) if shear else 0
        low, high = self.zoom_range
        zx, zy = (1, 1) if low == high == 1 else source.uniform(low, high, 2)
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": slant,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": (source.random_sample() < 0.5) * self.horizontal_flip,
            "flip_vertical": (source.random_sample() < 0.5) * self.vertical_flip,
            "channel_shift_intensity": source.uniform(-shift, shift) if shift else None,
            "brightness": None if self.brightness_range is None else source.uniform(*self.brightness_range),
        }

    def apply_transform(self, x: np.ndarray, transform_parameters: dict) -> np.ndarray:
        """Return a transformed image.

        Args:
            x: Image.
            transform_parameters: Result of :meth:`get_random_transform`; missing entries change nothing.
        """
        rows, columns, channels = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        at_rest = {"theta": 0, "tx": 0, "ty": 0, "shear": 0, "zx": 1, "zy": 1}
        affine = {name: transform_parameters.get(name, value) for name, value in at_rest.items()}
        outside: dict[str, Any] = {"fill_mode": self.fill_mode, "cval": self.cval, "order": self.interpolation_order}
        x = apply_affine_transform(x, **affine, row_axis=rows, col_axis=columns, channel_axis=channels, **outside)
        if transform_parameters.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, transform_parameters["channel_shift_intensity"], channels)
        if transform_parameters.get("flip_horizontal"):
            x = np.flip(x, columns)
        if transform_parameters.get("flip_vertical"):
            x = np.flip(x, rows)
        if transform_parameters.get("brightness") is not None:
            x = apply_brightness_shift(x, transform_parameters["brightness"], scale=False)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Return an image with a random transformation.

        Args:
            x: Image.
            seed: Int; ``None`` for NumPy's global random state.
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: Tensor, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Learn the mean, standard deviation and whitening of images, if the arguments of the constructor need them.

        Args:
            x: Images (samples, height, width, channels).
            augment: Whether the images are transformed at random first.
            rounds: Number of random versions of each image, for ``augment``.
            seed: Int, for reproducible random numbers.

        Raises:
            ValueError: If ``x`` holds no images.
        """
        x = np.array(x, self.dtype)
        if x.ndim != 4:
            raise ValueError(f"fit() takes images (samples, height, width, channels), got shape {x.shape}.")
        source: Any = np.random if seed is None else np.random.RandomState(seed)
        if self.rescale:
            x = x * np.asarray(self.rescale, x.dtype)
        if augment:
            changed = [self.apply_transform(v, self.draw(v.shape, source)) for _ in range(rounds) for v in x]
            x = np.array(changed, self.dtype)
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.mean(x, axis=axes, keepdims=True)[0]
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=axes, keepdims=True)[0]
            x = x / (self.std + _TINY)
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            vectors, values, _ = np.linalg.svd(flat.T @ flat / len(flat))
            self.zca_whitening_matrix = (vectors / np.sqrt(values + self.zca_epsilon)) @ vectors.T


def _warn(argument: str, consequence: str) -> None:
    warnings.warn(f"This ImageDataGenerator has {argument}=True: {consequence}.", stacklevel=4)


def _move(limit: Any, size: int, source: Any) -> float:
    """Return a random shift in pixels. `limit` is a share, pixels, an int for whole pixels, or a list of shifts."""
    if isinstance(limit, (int, np.integer, list, tuple, np.ndarray)) and np.any(limit):
        move = source.choice(limit) * source.choice([-1, 1])
    elif limit:
        move = source.uniform(-limit, limit)
    else:
        return 0
    return move * size if np.max(limit) < 1 else move
