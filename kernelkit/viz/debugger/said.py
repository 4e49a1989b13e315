"""Texts for a sample's target and the model's prediction."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kernelkit.viz.debugger.message import clipped


class Said(NamedTuple):
    """Labels and predictions (samples,) as texts, and whether each prediction is wrong. Unknown ones are None."""

    labels: list[str | None]
    predictions: list[str | None]
    wrong: list[bool | None]


def nothing(count: int) -> Said:
    """Return empty labels and predictions."""
    return Said([None] * count, [None] * count, [None] * count)


def said(y: np.ndarray | None, p: np.ndarray | None, count: int, logits: bool = False) -> Said:
    """Return labels and predictions for one target and one output.

    Args:
        y: Targets (samples, ...): class numbers, one-hot labels or numbers.
        p: Outputs (samples, ...).
        count: Number of samples.
        logits: Whether the loss treats the outputs as logits.

    Example:
        >>> tuple(said(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), 2))
        (['0', '1'], ['0 (90%)', '0 (80%)'], [False, True])
        >>> tuple(said(np.array([0, 1]), np.array([[-2.0], [np.nan]]), 2, logits=True))
        (['0', '1'], ['0 (88%)', 'NaN'], [False, True])
    """
    labels, predictions, wrong = nothing(count)
    y = None if y is None or len(y) != count or y.dtype.kind not in "fiub" else y
    p = None if p is None or len(p) != count or p.dtype.kind not in "fiu" else p
    if (y is not None and y.ndim > 2) or (p is not None and p.ndim > 2):  # pictures and sequences have no single label
        return Said(labels, predictions, wrong)
    y = None if y is None else y.reshape(count, -1)
    p = None if p is None else p.reshape(count, -1)
    whole = y is not None and bool(np.all(y == np.round(y.astype("float64"))))
    if y is not None and y.shape[1] > 1 and whole and bool(np.all(y.sum(1) == 1)) and bool(np.all((y == 0) | (y == 1))):
        y = y.argmax(1)[:, None]
    if y is not None and y.shape[1] == 1:
        labels = [text_of(v) for v in y[:, 0]]
    elif y is not None:
        y = None if y.shape[1] > 4 else y
        labels = labels if y is None else [numbers(row) for row in y]
    if p is None:
        return Said(labels, predictions, wrong)
    broken = ~np.isfinite(p).all(1)
    if y is not None and (not whole or y.shape[1] > 1) and p.shape[1] <= 4:  # a regression
        predictions = [numbers(row) for row in p]
    elif p.shape[1] == 1:
        predictions, wrong = _of_one(y, p[:, 0], whole, logits)
    elif (y is not None and (not whole or y.shape[1] > 1 or np.max(y) >= p.shape[1])) or p.shape[1] > 5000:
        return Said(labels, predictions, wrong)
    else:
        p = _softmax(p) if logits else p
        best = np.where(np.isnan(p), -np.inf, p).argmax(1)
        shares = bool(np.all(p[~broken] >= 0)) and bool(np.allclose(p[~broken].sum(1), 1, atol=1e-2))
        predictions = [f"{k} ({p[i, k]:.0%})" if shares else str(k) for i, k in enumerate(best)]
        wrong = wrong if y is None else [bool(best[i] != y[i, 0]) for i in range(count)]
    predictions = ["NaN" if broken[i] else text for i, text in enumerate(predictions)]
    known = any(value is not None for value in wrong)
    wrong = [True if broken[i] and known else value for i, value in enumerate(wrong)]  # NaN is never right
    return Said(labels, predictions, wrong)


def joined(parts: dict[str, Said]) -> Said:
    """Return the joined texts of several outputs, each with its name. A sample is wrong if any output is wrong."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    texts = []
    for column in (0, 1):
        rows = zip(*(part[column] for part in parts.values()), strict=True)
        lines = [" · ".join(f"{name} {text}" for name, text in zip(parts, row, strict=True) if text) for row in rows]
        texts.append([line or None for line in lines])
    known = [
        [value for value in row if value is not None] for row in zip(*(p.wrong for p in parts.values()), strict=True)
    ]
    return Said(texts[0], texts[1], [any(row) if row else None for row in known])


def _of_one(y: np.ndarray | None, p: np.ndarray, whole: bool, logits: bool) -> tuple[list, list]:
    """Return texts for outputs of one number: a class with its probability if labels are 0 and 1, else the number."""
    two = whole and y is not None and bool(np.all((y == 0) | (y == 1)))
    if two and logits:
        p = 1 / (1 + np.exp(-np.clip(p.astype("float64"), -500, 500)))
    finite = p[np.isfinite(p)]
    if not two or y is None or bool(np.any((finite < 0) | (finite > 1))):
        return [text_of(v) for v in p], [None] * len(p)
    best = np.where(np.isnan(p), 0, p) > 0.5
    texts = (
        [f"{int(b)} ({v if b else 1 - v:.0%})" for b, v in zip(best, p, strict=True)]
        if logits
        else [text_of(v) for v in p]
    )
    return texts, [bool(b != v) for b, v in zip(best, y[:, 0], strict=True)]


def _softmax(p: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        powers = np.exp(p - p.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)


def numbers(row: np.ndarray) -> str:
    """Return a few numbers as a text."""
    return ", ".join(text_of(v) for v in row)


def text_of(value: Any) -> str:
    """Return a number or a short text; whole floats without a point."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return str(int(value)) if value == round(value, 0) and abs(value) < 1e6 else f"{value:.4g}"
    return clipped(value, 60)


def class_map(values: np.ndarray) -> np.ndarray:
    """Return scores of classes for each pixel (samples, height, width, classes) as class numbers (..., 1)."""
    return np.where(np.isnan(values), -np.inf, values).argmax(-1)[..., None]
