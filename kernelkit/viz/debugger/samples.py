"""The samples of a batch for the page: small pictures or texts, with losses and predictions."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.viz.debugger.message import Message, clipped, json_value

SAMPLES = 64
"""Maximum number of samples of a batch that are sent, the worst first."""
SIDE = 48
"""Maximum pixels along a picture's longer side. Larger pictures are thinned out."""
COLUMNS = 12
"""Maximum number of columns in a table of values."""
TOKENS = 32


def batch_message(dbg: Any) -> Message:
    """Return the batch of the step shown, its worst samples first."""
    x, y, rows = _parts(dbg)
    losses = np.asarray(dbg.sample_losses(), "float64")
    order = np.argsort(-np.where(np.isfinite(losses), losses, np.inf), kind="stable")[:SAMPLES]
    labels, predictions, wrong = said(y, predictions_of(dbg), len(losses))
    pictures = as_pictures(x[0][order]) if len(x) == 1 else None
    content: dict[str, Any] = {
        "kind": "batch",
        "size": len(losses),
        "samples": [
            {
                "place": int(i),
                "row": None if rows is None else int(rows[i]),
                "loss": json_value(float(f"{losses[i]:.6g}")),
                "label": labels[i],
                "prediction": predictions[i],
                "wrong": wrong[i],
            }
            for i in order
        ],
        "bad": [int(i) for i in order if _spoilt(x, i)],
    }
    if pictures is not None:
        return content | {"show": "images", "image": list(pictures.shape[1:])}, pictures.tobytes()
    names, values = as_values(x, order)
    return content | {"show": "values", "columns": names, "values": values}, b""


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


def as_values(x: list[np.ndarray], order: np.ndarray) -> tuple[list[str], list[list[str]]]:
    """Return the names of some columns, and their values as texts for the samples in ``order``."""
    names: list[str] = []
    columns: list[list[str]] = []
    for i, array in enumerate(x):
        name = "x" if len(x) == 1 else f"x[{i}]"
        if array.dtype.kind in "OSU" or (array.dtype.kind in "iu" and array.ndim == 2 and array.shape[1] > COLUMNS):
            names.append(name)
            columns.append([_line(array[j]) for j in order])
            continue
        flat = array.reshape(len(array), -1)
        for k in range(min(flat.shape[1], COLUMNS - len(names))):
            names.append(name if flat.shape[1] == 1 else f"{name}[{k}]")
            columns.append([_text(flat[j, k]) for j in order])
    return names, [list(row) for row in zip(*columns, strict=True)]


def predictions_of(dbg: Any) -> np.ndarray | None:
    """Return the model's output in the step shown (samples, ...), ``None`` if it is not one array or was not stored."""
    if not hasattr(dbg, "timeline"):
        last = dbg.table().rows[-1]["layer"]
        found = dbg.activations(last) if last in dbg.layers else None
    else:
        model = dbg.timeline.steps.model
        seen = [s for s in dbg.look().observer.layers if s.layer is model]
        found = dbg.activations(seen[-1].name) if seen else None
    return found if isinstance(found, np.ndarray) else None


def said(y: np.ndarray | None, p: np.ndarray | None, count: int) -> tuple[list, list, list]:
    """Return labels and predictions as texts, and whether each prediction is wrong. Unknown entries are ``None``.

    Example:
        >>> said(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), 2)
        (['0', '1'], ['0 (90%)', '0 (80%)'], [False, True])
    """
    nothing: list = [None] * count
    y = None if y is None or len(y) != count else y.reshape(count, -1)
    p = None if p is None or len(p) != count or p.dtype.kind not in "fiu" else p.reshape(count, -1)
    whole = y is not None and y.dtype.kind in "fiub" and bool(np.all(y == np.round(y.astype("float64"))))
    if y is not None and y.shape[1] > 1 and whole and bool(np.all(y.sum(1) == 1)) and bool(np.all((y == 0) | (y == 1))):
        y = y.argmax(1)[:, None]
    if y is not None and (y.shape[1] != 1 or y.dtype.kind not in "fiub"):
        y = None
    labels = nothing if y is None else [_text(v) for v in y[:, 0]]
    if p is None or (p.shape[1] > 1 and y is not None and not whole):
        return labels, nothing, nothing
    if p.shape[1] == 1:
        two = whole and y is not None and bool(np.all((y == 0) | (y == 1))) and bool(np.all((p >= 0) & (p <= 1)))
        wrong = [bool((p[i, 0] > 0.5) != y[i, 0]) for i in range(count)] if two and y is not None else nothing
        return labels, [_text(v) for v in p[:, 0]], wrong
    if p.shape[1] > 5000 or (y is not None and np.max(y) >= p.shape[1]):
        return labels, nothing, nothing
    best = np.where(np.isnan(p), -np.inf, p).argmax(1)
    shares = bool(np.all(p >= 0)) and bool(np.allclose(p.sum(1), 1, atol=1e-2))
    texts = [f"{k} ({p[i, k]:.0%})" if shares else str(k) for i, k in enumerate(best)]
    texts = [t if np.isfinite(p[i]).all() else "NaN" for i, t in enumerate(texts)]
    return labels, texts, nothing if y is None else [bool(best[i] != y[i, 0]) for i in range(count)]


def _parts(dbg: Any) -> tuple[list[np.ndarray], np.ndarray | None, np.ndarray | None]:
    """Return the input arrays, the targets if they are one array, and the row numbers."""
    if not hasattr(dbg, "timeline"):
        kept = dbg.batch
        return kept[:1], kept[1] if len(kept) > 1 else None, dbg.indices
    batch = dbg.batch
    x, y = jtu.tree_leaves(batch.x), jtu.tree_leaves(batch.y)
    return x, y[0] if len(y) == 1 else None, batch.indices


def _spoilt(x: list[np.ndarray], i: int) -> bool:
    return any(v.dtype.kind == "f" and not np.isfinite(v[i]).all() for v in x)


def _line(value: Any) -> str:
    flat = np.asarray(value).reshape(-1)
    if flat.dtype.kind in "OSU":
        return clipped(" ".join(v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in flat))
    return " ".join(str(v) for v in flat[:TOKENS]) + (" ..." if len(flat) > TOKENS else "")


def _text(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return str(int(value)) if value == round(value, 0) and abs(value) < 1e6 else f"{value:.4g}"
    return clipped(value, 60)
