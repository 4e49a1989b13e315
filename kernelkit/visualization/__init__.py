"""Draw boxes and masks on images, and galleries of images."""

from kernelkit.public import names_of as _names_of
from kernelkit.visualization.boxes import draw_bounding_boxes
from kernelkit.visualization.galleries import (
    plot_bounding_box_gallery,
    plot_image_gallery,
    plot_segmentation_mask_gallery,
)
from kernelkit.visualization.masks import draw_segmentation_masks

__all__ = [
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "plot_bounding_box_gallery",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]

__dir__ = _names_of(globals())
