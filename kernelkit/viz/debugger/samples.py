"""The samples of a batch for the page: small pictures or texts, with losses and predictions."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.tree_util as jtu
import numpy as np

from kernelkit.viz.debugger.given import Given
from kernelkit.viz.debugger.message import Message, clipped, json_value
from kernelkit.viz.debugger.said import Said, class_map, joined, said, text_of

SAMPLES = 64
"""Maximum number of samples of a batch that are sent, the worst first."""
SIDE = 48
"""Maximum pixels along a picture's longer side. Larger pictures are thinned out."""
COLUMNS = 12
"""Maximum number of columns in a table of values."""
TOKENS = 32


def batch_message(dbg: Any) -> Message:
    """Return the batch of the step shown, its worst samples first.

    Samples are pictures (the input; for image to image also target, output and their difference), rows of values, or
    both, if one of several inputs holds images.
    """
    batch = _read(dbg)
    losses = np.asarray(dbg.sample_losses(), "float64")
    order = np.argsort(-np.where(np.isfinite(losses), losses, np.inf), kind="stable")
    outputs = outputs_of(dbg)
    groups = _pictures(batch, outputs, order)
    order = order[: SAMPLES if len(groups) < 2 else SAMPLES // len(groups)]
    told = _told(batch, outputs, len(losses))
    content: dict[str, Any] = {
        "kind": "batch",
        "size": len(losses),
        "samples": [
            {
                "place": int(i),
                "row": None if batch.rows is None else int(batch.rows[i]),
                "loss": json_value(float(f"{losses[i]:.6g}")),
                "label": told.labels[i],
                "prediction": told.predictions[i],
                "wrong": told.wrong[i],
            }
            for i in order
        ],
        "bad": [int(i) for i in order if _spoilt(batch.x, i)],
        "show": "images" if groups else "values",
    }
    pixels = b""
    if groups:
        content["image"] = list(groups[0][1].shape[1:])
        content["pictures"] = [[what, list(values.shape[1:])] for what, values in groups]
        pixels = b"".join(values[: len(order)].tobytes() for _, values in groups)
    rest = [i for i, x in enumerate(batch.x) if not groups or as_pictures(x[:1]) is None]
    if rest:
        names, values = as_values(batch, rest, order)
        content |= {"columns": names, "values": values}
    return content, pixels


class _Batch(NamedTuple):
    """The batch of a step: input arrays with their names, targets, row numbers, and facts about the inputs."""

    x: list[np.ndarray]
    y: list[np.ndarray]
    rows: np.ndarray | None
    given: Given


def _read(dbg: Any) -> _Batch:
    if not hasattr(dbg, "timeline"):
        kept = dbg.batch
        return _Batch(kept[:1], kept[1:2], dbg.indices, Given())
    batch, root = dbg.batch, dbg
    while root.parent is not None:
        root = root.parent
    x, y = jtu.tree_leaves(batch.x), jtu.tree_leaves(batch.y)
    given = getattr(root, "given", Given())
    rows = batch.indices
    texts: list[Any] = [None] * len(x)
    if rows is not None and len(given.names) == len(x):
        texts = [None if t is None else t[rows] for t in given.texts]
    return _Batch([v if t is None else t for v, t in zip(x, texts, strict=True)], y, rows, given)


def _pictures(batch: _Batch, outputs: list[np.ndarray], order: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return the pictures of the samples: for each kind a title and bytes (samples, height, width, channels)."""
    at = next((i for i, x in enumerate(batch.x) if x.ndim > 2 and as_pictures(x[:1]) is not None), None)
    if at is None:
        return []
    x = batch.x[at][order]
    drawn = as_pictures(x)
    assert drawn is not None
    groups = [("input", drawn)]
    if len(outputs) != 1 or outputs[0].ndim < 3 or len(outputs[0]) != len(order):
        return groups
    y = batch.y[0][order] if len(batch.y) == 1 else None
    p = outputs[0][order]
    if p.ndim == 4 and p.shape[-1] > 1 and y is not None and (y.ndim == 3 or y.shape[-1] == 1 != p.shape[-1]):
        target, output = y.reshape(*y.shape[:3], 1), class_map(p)  # a segmentation: a class for each pixel
        most = max(p.shape[-1] - 1, 1)
        shaded = [to_bytes(thinned(np.clip(v, 0, most).astype("float32") / most, SIDE)) for v in (target, output)]
        return [
            *groups,
            ("target", shaded[0]),
            ("output", shaded[1]),
            ("wrong pixels", to_bytes(thinned((target != output).astype("float32"), SIDE))),
        ]
    if y is not None and y.shape == p.shape and (target := as_pictures(y)) is not None:
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.abs(p.astype("float32") - y.astype("float32"))
        low, high = float(np.nanmin(y)), float(np.nanmax(y))
        scaled = np.clip((p - low) / (high - low or 1), 0, 1)  # the output in the contrast of its target
        same = len(batch.x) == 1 and y.shape == batch.x[at].shape and np.array_equal(y, x)
        parts = [] if same else [("target", target)]
        name = "reconstruction" if same else "output"
        found = [
            *parts,
            (name, as_pictures(scaled)),
            ("difference", as_pictures(apart / (float(np.nanmax(apart)) or 1))),
        ]
        return groups + [(what, values) for what, values in found if values is not None]
    return groups


def _told(batch: _Batch, outputs: list[np.ndarray], count: int) -> Said:
    """Return labels and predictions, of one output or of several outputs with their names."""
    pairs = outputs if len(outputs) == len(batch.y) else outputs[:1] if len(batch.y) == 0 else []
    if not pairs:
        one = batch.y[0] if len(batch.y) == 1 else None
        return said(one, None, count)
    names = (
        batch.given.outputs if len(batch.given.outputs) == len(pairs) else [f"output {i}" for i in range(len(pairs))]
    )
    targets: list[Any] = [None] * len(pairs)
    if batch.y:
        targets = list(batch.y)
    logits = batch.given.logits if len(batch.given.logits) == len(pairs) else [False] * len(pairs)
    parts = {n: said(y, p, count, own) for n, y, p, own in zip(names, targets, pairs, logits, strict=True)}
    return joined(parts)


def as_pictures(x: np.ndarray) -> np.ndarray | None:
    """Return images as bytes (samples, height, width, channels of 1 or 3), ``None`` if ``x`` holds no images.

    Example:
        >>> as_pictures(np.ones((2, 28, 28, 1), "float32")).shape
        (2, 28, 28, 1)
        >>> as_pictures(np.ones((2, 7))) is None
        True
    """
    if x.dtype.kind not in "iufb" or x.size == 0:
        return None
    if x.ndim == 3 and x.shape[1] == x.shape[2] and x.shape[1] >= 8:
        x = x[..., None]
    if x.ndim != 4:
        return None
    if x.shape[-1] not in (1, 3, 4) and x.shape[1] in (1, 3):
        x = np.moveaxis(x, 1, -1)
    if x.shape[-1] not in (1, 3, 4) or min(x.shape[1:3]) < 2:
        return None
    return to_bytes(thinned(x[..., : 1 if x.shape[-1] == 1 else 3], SIDE))


def thinned(x: np.ndarray, side: int) -> np.ndarray:
    """Return images (samples, height, width, ...) with every n-th row and column, so that they fit."""
    stride = -(-max(x.shape[1:3]) // side)
    return x[:, ::stride, ::stride]


def to_bytes(x: np.ndarray, each: bool = False) -> np.ndarray:
    """Return values as shades from 0 to 255. Pixel values are kept; other values are scaled from minimum to maximum.

    Args:
        x: Values.
        each: Whether each entry of the first axis is scaled on its own.
    """
    x = x.astype("float32")
    axes = tuple(range(1, x.ndim)) if each else None
    finite = np.isfinite(x)
    low = np.min(np.where(finite, x, np.inf), axes, keepdims=True)
    high = np.max(np.where(finite, x, -np.inf), axes, keepdims=True)
    if not each and low >= 0 and high <= 255:
        low, high = np.zeros_like(low), np.where(high <= 1, 1, 255)
    span = np.where(high > low, high - low, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.where(finite, (x - low) / span, 0)
    return np.clip(np.round(scaled * 255), 0, 255).astype("uint8")


def as_values(batch: _Batch, inputs: list[int], order: np.ndarray) -> tuple[list[str], list[list[str]]]:
    """Return the names of some columns of inputs, and their values as texts for the samples in ``order``."""
    names: list[str] = []
    columns: list[list[str]] = []
    given = batch.given if len(batch.given.names) == len(batch.x) else Given()
    for place, i in enumerate(inputs):
        array = batch.x[i]
        name = given.names[i] if given.names else "x" if len(batch.x) == 1 else f"x[{i}]"
        titles = given.columns[i] if given.columns else None
        flat = array.reshape(len(array), -1)
        tokens = array.dtype.kind in "iu" and array.ndim == 2 and array.shape[1] > COLUMNS
        if array.dtype.kind in "OSUT" or (tokens and titles is None):
            names.append(name)
            columns.append([_line(array[j]) for j in order])
            continue
        room = max(1, (COLUMNS - len(names)) // (len(inputs) - place))  # every input gets its share
        for k in range(min(flat.shape[1], room)):
            named = titles is not None and len(titles) == flat.shape[1]
            names.append(titles[k] if named and titles else name if flat.shape[1] == 1 else f"{name}[{k}]")
            columns.append([text_of(flat[j, k]) for j in order])
    return names, [list(row) for row in zip(*columns, strict=True)]


def outputs_of(dbg: Any) -> list[np.ndarray]:
    """Return the model's outputs in the step shown, each (samples, ...); empty if they were not stored."""
    if not hasattr(dbg, "timeline"):
        last = dbg.table().rows[-1]["layer"]
        found = dbg.activations(last) if last in dbg.layers else None
    else:
        model = dbg.timeline.steps.model
        seen = [s for s in dbg.look().observer.layers if s.layer is model]
        found = dbg.activations(seen[-1].name) if seen else None
    found = found if isinstance(found, list) else [found]
    return [v for v in found if isinstance(v, np.ndarray)]


def _spoilt(x: list[np.ndarray], i: int) -> bool:
    return any(v.dtype.kind == "f" and not np.isfinite(v[i]).all() for v in x)


def _line(value: Any) -> str:
    flat = np.asarray(value).reshape(-1)
    if flat.dtype.kind in "OSU":
        return clipped(" ".join(v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in flat))
    return " ".join(str(v) for v in flat[:TOKENS]) + (" ..." if len(flat) > TOKENS else "")
