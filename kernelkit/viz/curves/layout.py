"""Where the texts, strokes and rings of a picture of curves lie. `svg` writes them, `paint` paints them."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kernelkit.viz.curves.chart import GREEN, Chart, Line, Picture, Role, legend_of

CELL = (430, 246)
"""Width and height of a chart in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 46
"""Margins between a chart's place and its axes."""
HEADER = 44
LEAST_SPAN = 1e-4
"""A curve with a smaller relative range is drawn as flat, because means over batches are rounded to 24 bits."""
RED, AMBER = "#C62828", "#B04C00"
INK, SOFT = "ink", "soft"
"""Colors that follow the page: of titles, and of numbers and names."""
SIZE = 11.0
"""Height of letters in pixels, if a text does not say another one."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Words:
    """A text. `x` is its start, middle or end, `y` its base line; `whole` the text that was cut, if it was."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    color: str = SOFT
    size: float = SIZE
    bold: bool = False
    whole: str = ""


@dataclass(frozen=True, eq=False)
class Stroke:
    """A line through the points `x`, `y` (n,), with dashes and gaps of some pixels or without."""

    x: np.ndarray
    y: np.ndarray
    color: str
    width: float = 1.0
    opacity: float = 1.0
    dash: tuple[float, ...] = ()
    round: bool = False


@dataclass(frozen=True)
class Ring:
    """A circle of a line's width, or a disc if the width is 0."""

    x: float
    y: float
    radius: float
    color: str
    width: float = 0.0


Item = Words | Stroke | Ring


def places(picture: Picture) -> tuple[float, float, list[tuple[float, float, float]]]:
    """Return a picture's width and height, and left side, top and width of each chart: side by side, in pairs."""
    columns = 1 if len(picture.charts) < 2 else 2
    rows = math.ceil(len(picture.charts) / columns)
    header = HEADER + 18 * bool(picture.note)
    width = max(columns * CELL[0], 560)
    found = [
        (i % columns * width / columns, float(header + i // columns * CELL[1]), width / columns)
        for i in range(len(picture.charts))
    ]
    return width, header + rows * CELL[1], found


def note_color(picture: Picture) -> str:
    """Return the color of a picture's note."""
    return RED if picture.kind in ("nan", "failed") else AMBER


def items(chart: Chart, width: float) -> list[Item]:
    """Return the parts of a chart of a width in pixels, in the order in which they are drawn."""
    x_low, x_high = _range([line.x for line in chart.lines], 0.0)
    if chart.x_label == "epoch":  # whole epochs, also for a single point
        x_low, x_high = math.floor(x_low), max(x_high, math.floor(x_low) + 1.0)
    values = [_height(line.y, chart.log) for line in chart.lines]
    y_low, y_high = _range(values, 0.06)
    x_low, x_high = _with_broken(chart, x_low, x_high)
    inner_width, inner_height = width - LEFT - RIGHT, CELL[1] - TOP - BOTTOM

    def across(x: Any) -> Any:
        return LEFT + (x - x_low) / (x_high - x_low) * inner_width

    def down(y: Any) -> Any:
        return TOP + (y_high - y) / (y_high - y_low) * inner_height

    best = breadth(chart.best[2]) if chart.best else 0
    title = cut(chart.title, int((inner_width - 6.2 * best - 12 * bool(best)) / 8))
    whole = chart.title if title != chart.title else ""
    parts: list[Item] = [Words(LEFT, 18, title, color=INK, size=12.5, bold=True, whole=whole)]
    for value, words in _heights(y_low, y_high, chart.log):
        y = down(value)
        parts.append(_straight(LEFT, y, LEFT + inner_width, y, SOFT, opacity=0.22))
        parts.append(Words(LEFT - 6, y + 3.5, words, "end"))
    for x, label in chart.marks:
        parts.extend(_mark(across(x), label, inner_height, width))
    for value in ticks(x_low, x_high, 7):
        if chart.x_label == "epoch" and value != int(value):
            continue
        parts.append(Words(across(value), CELL[1] - BOTTOM + 15, _short(value), "middle"))
    parts.extend(_legend(chart.lines, width - RIGHT))
    parts.append(Words(width - RIGHT, CELL[1] - 14, chart.x_label, "end"))
    start = across(x_low)
    for line, y in zip(chart.lines, values, strict=True):
        parts.extend(_line(line, across(line.x), down(y), start))
    if chart.broken is not None:
        parts.extend(_cross(across(chart.broken), width))
    if chart.best:
        x, y, label = chart.best
        (height,) = _height(np.array([y]), chart.log)
        if math.isfinite(height):
            parts.append(Ring(across(x), down(height), 4.5, GREEN, 2.0))
        parts.append(Words(width - RIGHT, 18, label, "end", GREEN))
    return parts


def breadth(text: str) -> int:
    """Return the width of a text in letters; those of Chinese, Japanese and Korean count twice.

    Example:
        >>> breadth("loss"), breadth("손실")
        (4, 4)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def cut(text: str, most: int) -> str:
    """Return a text cut to a width in letters.

    Example:
        >>> cut("accuracy", 8), cut("val_accuracy", 8)
        ('accuracy', 'val_acc…')
    """
    if breadth(text) <= most:
        return text
    while text and breadth(text) > most - 1:
        text = text[:-1]
    return text + "…"


def printable(words: str) -> str:
    """Return a text with ``?`` in place of control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Return round numbers between two values, about as many as wanted.

    Example:
        >>> ticks(0.0, 1.0), ticks(0.0, 2e-13, 2)
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 1e-13, 2e-13])
    """
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


_STROKES: dict[Role, dict[str, Any]] = {
    "batch": {"width": 1.0, "opacity": 0.4},
    "smooth": {"width": 2.0},
    "train": {"width": 2.0},
    "validation": {"width": 2.0, "dash": (6.0, 3.5)},
    "stairs": {"width": 2.0},
}


def _straight(x0: float, y0: float, x1: float, y1: float, color: str, **style: Any) -> Stroke:
    return Stroke(np.array([x0, x1]), np.array([y0, y1]), color, **style)


def _cross(x: float, width: float) -> list[Item]:
    y = CELL[1] - BOTTOM - 9
    found: list[Item] = [
        _straight(x - 4, y - 4, x + 4, y + 4, RED, width=2.0),
        _straight(x - 4, y + 4, x + 4, y - 4, RED, width=2.0),
    ]
    return [*found, Words(x + 8, y + 4, "NaN", color=RED)] if x < width - RIGHT - 40 else found


def _height(y: np.ndarray, log: bool) -> np.ndarray:
    """Return values as heights: unchanged, or as decimal logarithms, NaN for values that are not above 0."""
    y = np.asarray(y, np.float64)
    return np.log10(y, out=np.full(len(y), np.nan), where=y > 0) if log else y


def _heights(low: float, high: float, log: bool) -> list[tuple[float, str]]:
    """Return the heights of an axis's numbers, and the numbers as texts."""
    if not log:
        return [(value, f"{value:g}") for value in ticks(low, high)]
    factors = (1,) if high - low > 3 else (1, 3) if high - low > 1 else (1, 2, 5)
    powers = range(math.floor(low), math.ceil(high) + 1)
    found = [(power + math.log10(factor), f"{factor * 10.0**power:g}") for power in powers for factor in factors]
    return [(height, words) for height, words in found if low <= height <= high]


def _with_broken(chart: Chart, low: float, high: float) -> tuple[float, float]:
    """Widen the x range so that the mark of the first NaN lies inside."""
    return (low, high) if chart.broken is None else (min(low, chart.broken), max(high, chart.broken))


def _mark(x: float, label: str, height: float, width: float) -> list[Item]:
    anchor: Anchor = "end" if x > width - RIGHT - 60 else "start"
    words = Words(x - 3 if anchor == "end" else x + 3, TOP + 9, label, anchor, size=9.5)
    return [_straight(x, TOP, x, TOP + height, SOFT, dash=(2.0, 2.0)), words]


def _line(line: Line, x: np.ndarray, y: np.ndarray, start: float) -> list[Item]:
    kept = np.isfinite(y)
    x, y = x[kept], y[kept]
    if not len(y):
        return []
    if line.role == "stairs":
        x, y = np.concatenate([[start], np.repeat(x, 2)[:-1]]), np.repeat(y, 2)
        return [Stroke(x, y, line.color, **_STROKES[line.role])]
    if len(y) == 1:
        return [Ring(float(x[0]), float(y[0]), 3.0, line.color)]
    return [Stroke(x, y, line.color, **_STROKES[line.role], round=True)]


def _legend(lines: tuple[Line, ...], right: float) -> list[Item]:
    """Return the legend along the bottom, with as many lines as fit."""
    entries = legend_of(lines)
    parts: list[Item] = []
    x, y = float(LEFT), CELL[1] - 14
    room = (right - 50 - LEFT) / max(len(entries), 1) - 36
    if room >= 6 * 6.2 and sum(36 + 6.2 * breadth(label) for label, _, _ in entries) > right - 50 - LEFT:
        entries = [(cut(label, int(room / 6.2)), color, role) for label, color, role in entries]
    for i, (label, color, role) in enumerate(entries):
        if x + 24 + 6.2 * breadth(label) > right - 50:
            parts.append(Words(x, y, f"and {len(entries) - i} more"))
            break
        parts.append(_straight(x, y - 4, x + 17, y - 4, color, **_STROKES[role]))
        parts.append(Words(x + 22, y, label))
        x += 36 + 6.2 * breadth(label)
    return parts


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}"
    return f"{value:g}"


def _range(arrays: list[np.ndarray], margin: float) -> tuple[float, float]:
    """Return the minimum and maximum finite value, slightly widened if they are equal."""
    values = np.concatenate([np.asarray(a, np.float64) for a in arrays] or [np.empty(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if high - low <= LEAST_SPAN * max(abs(low), abs(high), 1e-30):  # a smaller difference is rounding
        pad = abs(high) * 0.1 or 0.5
        return low - pad, high + pad
    return low - margin * (high - low), high + margin * (high - low)
