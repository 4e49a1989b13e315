"""MaxNumBoundingBoxes: the same number of boxes for each image."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.typing import Tensor, Transformation


class MaxNumBoundingBoxes(ImageTransform):
    """Cut off or fill up bounding boxes, so that each image has the same number of them.

    Args:
        max_number: Boxes of each image in the result.
        fill_value: Value of missing boxes and their labels.

    Raises:
        ValueError: If the number is not positive.

    Example:
        >>> import kernelkit as kk
        >>> data = {"images": kk.ops.ones((1, 8, 8, 3)),
        ...         "bounding_boxes": {"boxes": kk.ops.ones((1, 1, 4)), "labels": kk.ops.ones((1, 1))}}
        >>> out = kk.layers.MaxNumBoundingBoxes(2, bounding_box_format="xyxy")(data)
        >>> out["bounding_boxes"]["labels"].tolist()
        [[1.0, -1.0]]
    """

    def __init__(self, max_number: int, fill_value: float = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(max_number, bool) or int(max_number) != max_number or max_number < 1:
            raise ValueError(f"{self.who()}: `max_number` must be a positive int, got {max_number!r}.")
        self.max_number = int(max_number)
        self.fill_value = fill_value

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation = None, training: bool | None = True
    ) -> dict:
        def fit(values: Tensor) -> jax.Array:
            values = jnp.asarray(values)[:, : self.max_number]
            missing = [(0, 0), (0, self.max_number - values.shape[1]), (0, 0)][: values.ndim]
            return jnp.pad(values, missing, constant_values=self.fill_value)

        return {**bounding_boxes, "boxes": fit(bounding_boxes["boxes"]), "labels": fit(bounding_boxes["labels"])}
