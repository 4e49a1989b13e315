"""Draw galleries of images with matplotlib."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernelkit.typing import PathLike, Tensor
from kernelkit.visualization.boxes import draw_bounding_boxes
from kernelkit.visualization.masks import draw_segmentation_masks
from kernelkit.visualization.pixels import as_bytes


def plot_image_gallery(
    images: Any,
    y_true: Tensor = None,
    y_pred: Tensor = None,
    label_map: dict | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: PathLike | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: list | None = None,
    data_format: str | None = None,
) -> Any:
    """Show images in rows and columns.

    Args:
        images: Images (batch, height, width, channels).
        y_true: Labels (batch,), written above the images.
        y_pred: Predicted labels (batch,), written above the images.
        label_map: Dict from label to name. Required with labels.
        rows: Number of rows. Images that do not fit are left out.
        cols: Number of columns. Without rows and columns the gallery is nearly square and shows all images.
        value_range: Values of black and white.
        scale: Size of an image in inches.
        path: File to write instead of showing the figure.
        show: Whether to show the figure. ``None`` shows it unless there is a path.
        transparent: Whether the file's background is transparent.
        dpi: Dots per inch of the file.
        legend_handles: matplotlib patches for a legend.
        data_format: ``"channels_last"`` or ``"channels_first"``. Default: the global setting.

    Returns:
        The figure if it is neither shown nor written, else ``None``.

    Raises:
        ValueError: If the images are not a batch, labels come without ``label_map``, or ``path`` comes with ``show``.
        ImportError: If matplotlib is not installed.

    Example:
        >>> figure = plot_image_gallery(np.zeros((3, 4, 4, 3)), show=False)
        >>> len(figure.axes)
        3
    """
    if path is not None and show:
        raise ValueError("plot_image_gallery() expects either `path` to be set, or `show` to be true.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError("If `y_true` or `y_pred` are provided, a `label_map` must also be provided.")
    pixels = as_bytes(images, data_format, "plot_image_gallery", value_range)
    rows, cols = _grid(len(pixels), rows, cols)
    pyplot = _pyplot()
    figure = pyplot.figure(figsize=(cols * scale, rows * scale), layout="constrained", frameon=False)
    for i, image in enumerate(pixels[: rows * cols]):
        axes = figure.add_subplot(rows, cols, i + 1)
        axes.imshow(image if image.shape[-1] != 1 else image[..., 0], cmap="gray", vmin=0, vmax=255)
        axes.axis("off")
        title = [
            f"{what}: {_name(label_map, y[i])}" for what, y in (("Label", y_true), ("Pred", y_pred)) if y is not None
        ]
        if title:
            axes.set_title("  ".join(title), fontsize=8)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="outside lower center")
    if path is not None:
        figure.savefig(path, dpi=dpi, transparent=transparent, bbox_inches="tight")
    elif show is None or show:
        pyplot.show()
    else:
        return figure
    pyplot.close(figure)
    return None


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: dict | None = None,
    y_pred: dict | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: tuple[int, int, int] = (0, 188, 212),
    pred_color: tuple[int, int, int] = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: dict | None = None,
    ground_truth_mapping: dict | None = None,
    prediction_mapping: dict | None = None,
    legend: bool = False,
    legend_handles: list | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """Show images with their true and predicted boxes.

    Args:
        images: Images (batch, height, width, 3).
        bounding_box_format: Format of all boxes.
        y_true: Boxes, as :func:`draw_bounding_boxes` takes them.
        y_pred: Predicted boxes.
        value_range: Values of black and white.
        true_color: Color of the boxes of ``y_true``.
        pred_color: Color of the boxes of ``y_pred``.
        line_thickness: Thickness of the lines in pixels.
        font_scale: Size of the letters.
        text_thickness: Thickness of the letters. Default: the thickness of the lines.
        class_mapping: Dict from label to name.
        ground_truth_mapping: Dict from label to name, only for ``y_true``.
        prediction_mapping: Dict from label to name, only for ``y_pred``.
        legend: Whether a legend explains the colors.
        legend_handles: matplotlib patches for a custom legend.
        rows: Number of rows.
        cols: Number of columns.
        data_format: ``"channels_last"`` or ``"channels_first"``. Default: the global setting.
        **kwargs: Given to :func:`plot_image_gallery`.

    Returns:
        The result of :func:`plot_image_gallery`.

    Raises:
        ValueError: If the images are not a batch, or both ``legend`` and ``legend_handles`` are given.
        ImportError: If matplotlib or Pillow is not installed.

    Example:
        >>> import numpy as np
        >>> from kernelkit import visualization
        >>> images, boxes = np.zeros((2, 16, 16, 3)), np.array([[[2.0, 2.0, 9.0, 9.0]]] * 2)
        >>> figure = visualization.plot_bounding_box_gallery(
        ...     images, "xyxy", y_true={"boxes": boxes, "labels": np.zeros((2, 1), int)}, show=False
        ... )
        >>> len(figure.axes)
        2
    """
    if legend and legend_handles:
        raise ValueError("Only pass `legend` OR `legend_handles` to plot_bounding_box_gallery().")
    pixels = as_bytes(images, data_format, "plot_bounding_box_gallery", value_range)
    mappings = (ground_truth_mapping or class_mapping, prediction_mapping or class_mapping)
    for boxes, mapping, color in zip((y_true, y_pred), mappings, (true_color, pred_color), strict=True):
        if boxes is not None:
            pixels = draw_bounding_boxes(
                pixels,
                boxes,
                bounding_box_format,
                mapping,
                color,
                line_thickness,
                line_thickness if text_thickness is None else text_thickness,
                font_scale,
                "channels_last",
            )
    if legend:
        from matplotlib.patches import Patch

        colors = {"Ground Truth": true_color, "Prediction": pred_color}
        legend_handles = [Patch(color=(c[0] / 255, c[1] / 255, c[2] / 255), label=label) for label, c in colors.items()]
    return plot_image_gallery(
        pixels, legend_handles=legend_handles, rows=rows, cols=cols, data_format="channels_last", **kwargs
    )


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: Tensor = None,
    y_pred: Tensor = None,
    color_mapping: dict | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """Show each image in a row with its true and predicted mask.

    Args:
        images: Images (batch, height, width, 3).
        num_classes: Number of classes.
        value_range: Values of black and white.
        y_true: Masks, as :func:`draw_segmentation_masks` takes them.
        y_pred: Predicted masks.
        color_mapping: Dict from class to red, green and blue.
        blend: Whether to mix colors and images.
        alpha: Weight of the colors.
        ignore_index: A class that is not drawn.
        data_format: ``"channels_last"`` or ``"channels_first"``. Default: the global setting.
        **kwargs: Given to :func:`plot_image_gallery`.

    Returns:
        The result of :func:`plot_image_gallery`.

    Raises:
        ValueError: If the images are not a batch, or the masks have another shape.
        ImportError: If matplotlib is not installed.

    Example:
        >>> import numpy as np
        >>> from kernelkit import visualization
        >>> images, masks = np.zeros((2, 16, 16, 3)), np.ones((2, 16, 16, 1), "int32")
        >>> figure = visualization.plot_segmentation_mask_gallery(images, num_classes=2, y_true=masks, show=False)
        >>> len(figure.axes)
        4
    """
    pixels = as_bytes(images, data_format, "plot_segmentation_mask_gallery", value_range)
    columns = [pixels]
    for masks in (y_true, y_pred):
        if masks is not None:
            masks = np.asarray(masks).reshape(pixels.shape[:3])
            columns.append(
                draw_segmentation_masks(
                    pixels, masks, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"
                )
            )
    side_by_side = np.stack(columns, axis=1).reshape(-1, *pixels.shape[1:])
    size = {"rows": len(pixels), "cols": len(columns)} | kwargs
    return plot_image_gallery(side_by_side, data_format="channels_last", **size)


def _grid(count: int, rows: int | None, cols: int | None) -> tuple[int, int]:
    if rows is None and cols is None:
        cols = math.ceil(math.sqrt(max(count, 1)))
    if cols is None:
        cols = math.ceil(count / rows)  # type: ignore[operator]
    return rows or math.ceil(count / cols), cols


def _name(label_map: Any, label: Any) -> str:
    return str(label_map.get(int(label), int(label)))


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("Galleries of images need matplotlib: pip install matplotlib.") from error
    return pyplot
