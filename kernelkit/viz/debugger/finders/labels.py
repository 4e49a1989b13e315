"""Finder for shifted labels: from some row on, labels are one or two rows away from their inputs.

It compares the labels of similar inputs.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

_SAMPLES = 1500
_GAIN = 0.12


def find(view: View) -> Finding | None:
    """Return the first row with a shifted label. The data must be arrays of numbers with class labels."""
    source = view.arrays
    if source is None:
        return None
    x, y, _ = unpack(source.feed.whole())
    inputs = jtu.tree_leaves(x)
    # One input may be larger than memory: only the rows that are compared are read then.
    rows = inputs[0] if len(inputs) == 1 else facts.flattened([np.asarray(v) for v in inputs])
    if rows is None:
        return None
    classes = [y for one in facts.wanted(view, y) if (y := _classes(one)) is not None]
    shift = next((found for y in classes if (found := find_shift(rows, y)) is not None), None)
    if shift is None:
        return None
    step = view.begin
    while step < view.timeline.head:
        place = view.timeline.place(step)
        if place is None or (source.indices(*place) >= shift.first).any():
            break
        step += 1
    way = "behind" if shift.by > 0 else "before"
    rows = "row" if abs(shift.by) == 1 else "rows"
    return Finding(
        "shifted labels",
        f"From row {shift.first} on, each label is {abs(shift.by)} {rows} {way} its input.",
        step,
        view.epoch(step),
        "y",
        direction="forward",
        samples=[shift.first],
        evidence=[
            f"{shift.agreement:.0%} of the samples have the label of the most similar sample",
            f"with the labels moved back it would be {shift.mended:.0%}",
            f"step {nth(step)} is the first one with such a sample",
        ],
        advice=advice.SHIFTED,
    )


def _classes(one: facts.Wanted) -> np.ndarray | None:
    """Return class labels (samples,). The loss is not asked where it is the user's own."""
    is_plain = one.y.dtype.kind in "iub" and one.y[0].size == 1 and one.kind not in facts.DISTANCES
    return one.y.reshape(len(one.y)) if is_plain else one.labels


class Shift(NamedTuple):
    """A shift of labels: by how many rows, and from which row on.

    Attributes:
        by: The label of row i stands in row ``i + by``.
        first: The first row with a shifted label.
        agreement: Share of the samples with the label of the most similar sample.
        mended: The same share with the labels moved back.
    """

    by: int
    first: int
    agreement: float
    mended: float


def find_shift(x: np.ndarray, y: np.ndarray) -> Shift | None:
    """Return the shift of class labels against their inputs, ``None`` if no shift is found.

    Two similar samples usually have the same label. If this holds for many more samples after the labels from some row
    on are moved by one or two rows, the labels are shifted. Data sorted by label (all zeros, then all ones) hide a
    shift, but there it does no harm.

    Args:
        x: Inputs (samples, ...).
        y: Class labels (samples,), or one-hot rows.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.integers(0, 3, 400)
        >>> x = labels[:, None] + rng.normal(0, 0.1, (400, 5))
        >>> slipped = np.concatenate([labels[:250], labels[249:-1]])
        >>> find_shift(x, labels) is None, find_shift(x, slipped)[:2]
        (True, (1, 253))
    """
    y = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y))
    if len(x) < 50 or len(np.unique(y)) < 2:
        return None
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), _SAMPLES)).astype(int))
    like = rows[nearest(np.asarray(x[rows]).reshape(len(rows), -1).astype("float32"))]
    plain = float(np.mean(y[rows] == y[like]))
    best = max(
        (_agreement(y, rows, like, by, first), by, first) for by in (-2, -1, 1, 2) for first in _steps(0, len(x))
    )
    step = max(1, len(x) // 40)
    while step > 0:
        _, by, around = best
        near = range(max(0, around - 2 * step), min(len(x), around + 2 * step + 1), max(1, step // 5))
        best = max(best, *((_agreement(y, rows, like, by, first), by, first) for first in near))
        step = step // 5
    mended, by, first = best
    if mended < plain + _GAIN:
        return None
    # Within rows of equal labels the exact start is unknown: take the last of the equally good rows.
    while first + 1 < len(x) and _agreement(y, rows, like, by, first + 1) >= mended:
        first += 1
    return Shift(by, first, plain, mended)


def _steps(begin: int, end: int) -> range:
    return range(begin, end, max(1, (end - begin) // 40))


def _agreement(y: np.ndarray, rows: np.ndarray, like: np.ndarray, by: int, first: int) -> float:
    """Return the share of samples with the label of their nearest sample, after labels from a row on are moved back."""

    def label(places: np.ndarray) -> np.ndarray:
        return y[np.clip(np.where(places >= first, places + by, places), 0, len(y) - 1)]

    return float(np.mean(label(rows) == label(like)))


def nearest(x: np.ndarray) -> np.ndarray:
    """Return for each row the index of the most similar other row."""
    x = np.where(np.isfinite(x), x, 0.0)
    x = (x - x.mean(0)) / (x.std() + 1e-12)
    squares = np.einsum("ij,ij->i", x, x)
    distances = squares[:, None] + squares[None] - 2 * x @ x.T
    np.fill_diagonal(distances, np.inf)
    return distances.argmin(1)
