"""The base of all layers of this folder: random parameters are drawn once, then applied to images, boxes and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers.augmentation.boxes import clip_to_image_size, convert_format, dense
from kernelkit.layers.graph_tensors import call_in_graph, holds_graph_tensors
from kernelkit.layers.layer import Layer
from kernelkit.random import SeedGenerator
from kernelkit.typing import KnownShape, Seed, Tensor, Transformation, Tree


class ImageTransform(Layer):
    """The base of layers that change images together with their labels, boxes and masks.

    The input is images (height, width, channels) or (batch, height, width, channels), or a dict of ``"images"`` and any
    of ``"labels"``, ``"bounding_boxes"`` (a dict of ``"boxes"`` and ``"labels"``) and ``"segmentation_masks"``. Other
    entries of the dict are returned unchanged.

    A subclass draws the parameters of a batch in :meth:`get_random_transformation` and overrides the ``transform_...``
    methods that are not the identity. These methods see batches only.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        bounding_box_format: Format of the boxes, such as ``"xyxy"``; needed for inputs with boxes.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit.layers.augmentation.transform import ImageTransform
        >>> class Darker(ImageTransform):
        ...     def transform_images(self, images, transformation, training=True):
        ...         return images / 2
        >>> data = {"images": kk.ops.ones((2, 4, 4, 3)), "labels": kk.ops.ones((2,))}
        >>> out = Darker()(data)
        >>> float(out["images"].max()), float(out["labels"].max())
        (0.5, 1.0)
    """

    generator: SeedGenerator
    _fixed_arguments: tuple[str, ...] = ()  # arguments of a base class that this class sets itself

    def __init__(self, data_format: str | None = None, bounding_box_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.bounding_box_format = bounding_box_format

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        """Draw the parameters for a batch; ``None`` if the layer has no parameters or must change nothing.

        Args:
            data: Images, or a dict with ``"images"``.
            training: Whether augmentation is active.
            seed: Seed of the draws; the layer's own generator by default.
        """
        return None

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        """Return the transformed images (batch, height, width, channels)."""
        return images

    def transform_labels(self, labels: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        """Return the labels of the transformed images."""
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        """Return the bounding boxes in the transformed images; boxes outside of them get the label -1."""
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool | None = True
    ) -> Tensor:
        """Return the masks (batch, height, width, channels) of the transformed images."""
        return segmentation_masks

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        if holds_graph_tensors((args, kwargs)):
            return call_in_graph(self, args, kwargs)
        return super().__call__(*args, **kwargs)

    def call(self, data: Tree, training: bool | None = True) -> Tree:
        if isinstance(data, dict) and "images" not in data:
            raise ValueError(f"{self.who()} takes images, or a dict with the key 'images', got one with {list(data)}.")
        images = data["images"] if isinstance(data, dict) else data
        if not hasattr(images, "ndim") or images.ndim not in (3, 4):
            raise ValueError(
                f"{self.who()} takes images of shape (height, width, channels) or (batch, height, width, channels), "
                f"got {getattr(images, 'shape', type(images).__name__)}."
            )
        parts = {"images": images}
        if isinstance(data, dict):
            parts = {k: data[k] for k in self._appliers() if data.get(k) is not None}
        if "bounding_boxes" in parts:
            self._require_box_format()
            parts["bounding_boxes"] = dense(parts["bounding_boxes"])
        if images.ndim == 3:
            parts = jax.tree.map(lambda x: jnp.asarray(x)[None], parts)
        transformation = self.get_random_transformation(parts, training=training)
        done = {k: self._appliers()[k](v, transformation, training=training) for k, v in parts.items()}
        if images.ndim == 3:
            done = jax.tree.map(lambda x: x[0], done)
        return {**data, **done} if isinstance(data, dict) else done["images"]

    def _appliers(self) -> dict[str, Any]:
        return {
            "images": self.transform_images,
            "labels": self.transform_labels,
            "bounding_boxes": self.transform_bounding_boxes,
            "segmentation_masks": self.transform_segmentation_masks,
        }

    def _require_box_format(self) -> str:
        if self.bounding_box_format is None:
            raise ValueError(
                f"{self.who()} was given bounding boxes, but not their format: make the layer with "
                "bounding_box_format='xyxy', or another of the formats."
            )
        return self.bounding_box_format

    def _move_boxes(self, bounding_boxes: dict, move: Callable, size: tuple, new_size: tuple | None = None) -> dict:
        """Return boxes after a function of their corners (x0, y0, x1, y1 in pixels), cut off at the image's borders.

        Args:
            bounding_boxes: Boxes in the layer's format, and their labels.
            move: Function of floats (batch, boxes, 4).
            size: Height and width of the image.
            new_size: Height and width of the transformed image, if they change.
        """
        own = self._require_box_format()
        new_size = new_size or size
        corners = convert_format(bounding_boxes, own, "xyxy", *size)
        boxes = corners["boxes"]
        # Without a batch axis: the boxes of one image, if the method is called directly.
        moved = move(boxes) if boxes.ndim == 3 else move(boxes[None])[0]
        moved = clip_to_image_size({**corners, "boxes": moved}, *new_size)
        return convert_format(moved, "xyxy", own, *new_size)

    def _in_compute_dtype(self, images: Tensor) -> jax.Array:
        return jnp.asarray(images).astype(self.compute_dtype)

    def _in_floats(self, images: Tensor) -> jax.Array:
        """Return images in a dtype that can hold sums and products of their values."""
        images = jnp.asarray(images)
        return images.astype(jnp.promote_types(images.dtype, jnp.float32))

    def _source(self, seed: Seed) -> Any:
        """Return the seed of the draws."""
        return self.generator if seed is None else seed

    def _images_shape(self, data: Tree) -> tuple:
        return tuple((data["images"] if isinstance(data, dict) else data).shape)

    def _shape_of(self, data: Tree) -> tuple[int, int, int]:
        """Return the number of images, their height and their width."""
        shape = self._images_shape(data)
        return (1 if len(shape) == 3 else shape[0], *self._size(shape))

    def _one_per_image(self, data: Tree) -> tuple:
        """Return the shape of draws that are combined with the images: one number for each image."""
        shape = self._images_shape(data)
        return (*shape[:-3], 1, 1, 1)

    def _size(self, shape: KnownShape) -> tuple[int, int]:
        """Return height and width from the shape of an image or a batch."""
        start = -2 if self.data_format == "channels_first" else -3
        return int(shape[start]), int(shape[start + 1])

    @property
    def _channel_axis(self) -> int:
        return -3 if self.data_format == "channels_first" else -1

    @property
    def _spatial_axes(self) -> tuple[int, int]:
        return (-2, -1) if self.data_format == "channels_first" else (-3, -2)

    @property
    def _not_in_config(self) -> tuple[str, ...]:
        unused = () if self.bounding_box_format is not None else ("bounding_box_format",)
        return self._fixed_arguments + unused


def per_image(values: Tensor, images: Tensor) -> jax.Array:
    """Return one value for each image, shaped to be combined with the images (batch, ...)."""
    return jnp.reshape(jnp.asarray(values), (-1,) + (1,) * (images.ndim - 1))


def rescale_values(images: jax.Array, source: tuple, target: tuple) -> jax.Array:
    """Return pixels rescaled from one range of values to another."""
    if tuple(source) == tuple(target):
        return images
    share = (images - source[0]) / (source[1] - source[0])
    return share * (target[1] - target[0]) + target[0]
