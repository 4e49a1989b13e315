"""Draw the samples of a training with their targets, before the training."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kernelkit.feeds.frames import is_frame
from kernelkit.typing import Batch, Tensor, Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.images import as_images

COLUMNS = 12
"""Maximum number of numbers of a sample that a table shows."""
TEXT = 160
"""Maximum number of characters of a string that a table shows."""


class BatchTable:
    """Samples as the rows of a table, for inputs that are not images.

    Attributes:
        title: Number of samples, shapes, dtypes and ranges.
        head: Names of the columns.
        rows: For each sample the texts of its cells.

    Example:
        >>> print(BatchTable("2 samples", ["x[0]", "y"], [["1.5", "0"], ["2", "1"]]))
        2 samples
        x[0]  y
        1.5   0
        2     1
    """

    def __init__(self, title: str, head: list[str], rows: list[list[str]]) -> None:
        self.title = title
        self.head = head
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([self.title, *(text.rstrip() for text in texts)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def line(cells: list[str], tag: str) -> str:
            style = ' style="text-align:left"'
            return f"<tr>{''.join(f'<{tag}{style}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"

        body = "".join(line(row, "td") for row in self.rows)
        caption = f'<caption style="text-align:left">{html.escape(self.title)}</caption>'
        # A page with MathJax would typeset the dollars of a text.
        head = f"<thead>{line(self.head, 'th')}</thead>"
        return f'<table class="tex2jax_ignore">{caption}{head}<tbody>{body}</tbody></table>'


def show_batch(
    x: Tree,
    y: Tree = None,
    labels: Sequence[str] | None = None,
    count: int = 24,
    columns: int = 8,
    backend: Backend = "matplotlib",
    title: str = "",
) -> Any:
    """Show the first samples and their targets, as training gets them: a look at the data before `fit`.

    Images are drawn with their targets as titles; image targets (segmentation maps, image to
    image) are drawn on the right of their inputs. Strings, tables, vectors and several inputs make a table.

    Args:
        x: Array, DataFrame, list of strings, or a dict or list of inputs `(n, ...)`; or a dataset, `DataLoader` or
            `PyDataset`, whose first batch is shown.
        y: Targets `(n, ...)`: class numbers, one-hot rows, strings, numbers or images. None for a dataset.
        labels: A name for each class.
        count: Maximum number of samples shown.
        columns: Number of images in a row.
        backend: `"matplotlib"` or `"plotly"`, for images.
        title: Title. Default: the number of samples, with shape, dtype and range of what is shown.

    Returns:
        For images a `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`, else a `BatchTable`.

    Raises:
        ValueError: If there are no samples, x and y have different lengths, `labels` has too few names, or `x` is a
            generator, which would lose the batch.

    Example:
        >>> figure = show_batch(np.zeros((2, 8, 8), "uint8"), [1, 0], labels=["cat", "dog"])
        >>> [axes.get_title() for axes in figure.axes]
        ['dog', 'cat']
        >>> print(show_batch(["a cat", "a dog"], [0, 1]))
        2 samples; x: str; y: int64, 0 to 1
        x      y
        a cat  0
        a dog  1
    """
    draw = figures.drawer("show_batch", backend, _matplotlib, _plotly)
    x, y = _first_batch(x, y)
    inputs, targets = _named(x, "x"), {} if y is None else _named(y, "y")
    lengths = {name: len(values) for name, values in (inputs | targets).items()}
    total = next(iter(lengths.values()), 0)
    if total == 0:
        raise ValueError("show_batch: there are no samples.")
    if wrong := next((name for name, length in lengths.items() if length != total), None):
        raise ValueError(f"show_batch: {next(iter(lengths))} has {total} samples, {wrong} has {lengths[wrong]}.")
    shown = min(max(1, count), total)
    inputs, targets = ({k: _rows(v, shown) for k, v in part.items()} for part in (inputs, targets))
    title = title or _title(shown, total, inputs | targets)
    values = list(inputs.values())
    if len(values) == 1 and _is_images(values[0]):
        images, aims = as_images(values[0], "show_batch"), list(targets.values())
        if len(aims) == 1 and _is_images(aims[0]) and aims[0].shape[1:3] == images.shape[1:3]:
            images, aims = _side_by_side(images, as_images(aims[0], "show_batch")), []
            columns = columns // 2
        told = [", ".join(cells) for cells in zip(*(_target(t, labels) for t in aims), strict=True)]
        return draw(images, told or [""] * shown, max(1, min(columns, shown)), title)
    cells: dict[str, list[str]] = {}
    for name, array in inputs.items():
        cells |= _columns(name, array)
    for name, array in targets.items():
        cells |= {name: _target(array, labels)}
    return BatchTable(title, list(cells), [list(row) for row in zip(*cells.values(), strict=True)])


def _first_batch(x: Tree, y: Tree) -> tuple[Any, Any]:
    """Return inputs and targets; of a dataset those of its first batch."""
    if isinstance(x, Iterator):
        raise ValueError("show_batch: a generator would lose the displayed batch. Pass x, y = next(generator).")
    if isinstance(x, (Mapping, list, tuple)) or is_frame(x) or hasattr(x, "__array__") or not hasattr(x, "__iter__"):
        if hasattr(x, "__getitem__") and hasattr(x, "__len__") and not hasattr(x, "__iter__"):
            return _parts(x[0], y)  # a PyDataset
        return x, y
    return _parts(next(iter(x)), y)


def _parts(batch: Batch, y: Tree) -> tuple[Any, Any]:
    if y is not None:
        raise ValueError("show_batch: the batches of a dataset hold their targets. Leave y out.")
    if isinstance(batch, (tuple, list)) and 1 <= len(batch) <= 3:
        return batch[0], batch[1] if len(batch) > 1 else None
    return batch, None


def _named(value: Any, name: str) -> dict[str, Any]:
    """Return the arrays of inputs or targets by name."""
    if is_frame(value):  # pyarrow has another attribute for the names of columns
        columns = getattr(value, "column_names", None) or getattr(value, "columns", None)
        return {name: np.asarray(value)} if columns is None else {str(c): np.asarray(value[c]) for c in columns}
    if isinstance(value, Mapping):
        return {str(key): np.asarray(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and value and all(hasattr(part, "shape") and part.shape for part in value):
        return {f"{name}[{i}]": np.asarray(part) for i, part in enumerate(value)}
    array = value if hasattr(value, "shape") and hasattr(value, "dtype") else np.asarray(value)
    if not array.shape:
        raise ValueError(f"show_batch: {name} holds no samples, got {type(value).__name__}.")
    return {name: array}


def _rows(values: Tensor, count: int) -> np.ndarray:
    return np.asarray(values[:count])


def _is_images(values: np.ndarray) -> bool:
    shape, numbers = values.shape, values.dtype.kind in "iubf"
    return (
        numbers and min(shape[1:3], default=0) > 3 and (len(shape) == 3 or (len(shape) == 4 and shape[-1] in (1, 3, 4)))
    )


def _title(shown: int, total: int, arrays: dict[str, np.ndarray]) -> str:
    """Return the number of samples, and shape, dtype and range of the first four arrays."""
    count = f"{total:,} samples" if shown == total else f"The first {shown} of {total:,} samples"
    parts = [f"{name}: {_told(values)}" for name, values in arrays.items()]
    rest = [f"and {len(parts) - 4} more"] if len(parts) > 4 else []
    return "; ".join([count, *parts[:4], *rest])


def _told(values: np.ndarray) -> str:
    shape = " × ".join(map(str, values.shape[1:]))
    if values.dtype.kind not in "iubf":
        return f"{shape} str".strip()
    finite = values[np.isfinite(values)]
    span = f", {_number(finite.min())} to {_number(finite.max())}" if finite.size else ""
    odd = f", {values.size - finite.size:,} NaN or infinite" if finite.size < values.size else ""
    return f"{shape} {values.dtype}{span}{odd}".strip()


def _number(value: Any) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e7 else f"{float(value):.4g}"


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, (int, float, np.number, np.bool_)):
        return _number(value) if np.isfinite(value) else str(value)
    text = str(value)
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"


def _columns(name: str, values: np.ndarray) -> dict[str, list[str]]:
    """Return the cells of one input: a column for each of the first numbers of a sample."""
    flat = values.reshape(len(values), -1)
    if flat.shape[1] == 1:
        return {name: [_cell(v) for v in flat[:, 0].tolist()]}
    most = flat.shape[1] if flat.shape[1] <= COLUMNS else COLUMNS - 1
    indices = [",".join(map(str, np.unravel_index(i, values.shape[1:]))) for i in range(most)]
    cells = {f"{name}[{index}]": [_cell(v) for v in flat[:, i].tolist()] for i, index in enumerate(indices)}
    if most < flat.shape[1]:
        cells[f"{flat.shape[1] - most:,} more"] = ["…"] * len(flat)
    return cells


def _target(values: np.ndarray, labels: Sequence[str] | None) -> list[str]:
    """Return the target of each sample in words: a class's name, a number, a string, or the numbers of a vector."""
    flat = values.reshape(len(values), -1)
    one_hot = flat.dtype.kind in "iubf" and flat.shape[1] > 1 and values.ndim == 2
    if one_hot and np.isin(flat, (0, 1)).all() and (flat.sum(1) == 1).all():
        flat = flat.argmax(1)[:, None]
    if flat.shape[1] > 1:
        return [", ".join(_cell(v) for v in row[:4]) + (" …" if len(row) > 4 else "") for row in flat.tolist()]
    whole = flat.dtype.kind in "iub" or (flat.dtype.kind == "f" and np.isfinite(flat).all() and (flat % 1 == 0).all())
    if labels is None or not whole:
        return [_cell(v) for v in flat[:, 0].tolist()]
    classes = flat[:, 0].astype(int)
    if wrong := [int(c) for c in classes if not 0 <= c < len(labels)]:
        raise ValueError(f"show_batch: labels has {len(labels)} names, but y holds class {wrong[0]}.")
    return [str(labels[c]) for c in classes]


def _side_by_side(images: np.ndarray, aims: np.ndarray) -> np.ndarray:
    """Join inputs and targets (n, height, width[, 3]), with a white line between."""
    if images.ndim != aims.ndim:
        images, aims = (a if a.ndim == 4 else np.repeat(a[..., None], 3, -1) for a in (images, aims))
    line = np.ones((*images.shape[:2], max(1, images.shape[2] // 16), *images.shape[3:]))
    return np.concatenate([images, line, aims], axis=2)


def _matplotlib(images: np.ndarray, told: list[str], columns: int, title: str) -> Any:
    rows = -(-len(images) // columns)
    wide = max(1.0, images.shape[2] / images.shape[1])
    figure = figures.matplotlib_figure(max(5.0, 1.35 * columns * wide), 1.6 * rows + 0.6)
    for i, (image, words) in enumerate(zip(images, told, strict=True)):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(figures.literal(words if len(words) <= 24 else words[:23] + "…"), fontsize=figures.LABEL)
    figure.suptitle(figures.literal(title), fontsize=figures.LABEL, wrap=True)
    return figure


def _plotly(images: np.ndarray, told: list[str], columns: int, title: str) -> Any:
    from plotly.graph_objects import Image
    from plotly.subplots import make_subplots

    rows = -(-len(images) // columns)
    words = [html.escape(text) for text in told]
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=words, vertical_spacing=0.2 / rows, horizontal_spacing=0.01
    )
    for i, image in enumerate(images):
        pixels = (255 * np.nan_to_num(image if image.ndim == 3 else np.repeat(image[..., None], 3, -1))).round()
        trace = Image(z=pixels.astype(np.uint8), hovertemplate=f"sample {i}<br>{words[i]}<extra></extra>")
        figure.add_trace(trace, row=i // columns + 1, col=i % columns + 1)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_annotations(font_size=12)
    return figures.plotly_layout(figure, title, 140 * rows + 110, width=130 * columns + 60)
