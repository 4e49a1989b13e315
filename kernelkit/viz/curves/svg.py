"""Draw a picture of curves as SVG text for saved notebooks, without a library."""

from __future__ import annotations

import html
import math
import textwrap
import unicodedata
from typing import Any

import numpy as np

from kernelkit.viz.curves.chart import GREEN, Chart, Line, Picture, legend_of

CELL = (430, 246)
ALONE = 380
"""Width of a chart that is a separate image, with letters that are readable on a phone."""
WIDEST = 430
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 46
HEADER = 44
LEAST_SPAN = 1e-4
"""A curve with a smaller relative range is drawn as flat, because means over batches are rounded to 24 bits."""
_INK = "var(--jp-content-font-color1,var(--vscode-editor-foreground,#1a1a1a))"
_FAINT = "var(--jp-content-font-color2,var(--vscode-descriptionForeground,#5f6368))"
_SOFT = "var(--kk-soft)"
_PAPER = "var(--jp-layout-color0,var(--vscode-editor-background,#fff))"
_FONT = "font-family:system-ui,sans-serif"
_STROKES = {"batch": 'stroke-width="1" stroke-opacity="0.4"', "smooth": 'stroke-width="2"', "train": 'stroke-width="2"'}
_ON_DARK = {
    "#0072B2": "#56B4E9",
    "#D55E00": "#E69F00",
    "#009E73": "#2FC9A0",
    "#E69F00": "#F0B83C",
    "#666666": "#AAAAAA",
}
_ON_DARK |= {"#C62828": "#FF8A80", "#B04C00": "#E69F00"}
_STROKES |= {"validation": 'stroke-width="2" stroke-dasharray="6 3.5"', "stairs": 'stroke-width="2"'}
_RED, _AMBER = "#C62828", "#B04C00"


def dark_colors() -> str:
    """Return CSS declarations that replace the colors of lines and texts on dark pages."""
    return ";".join(f"--kk-{color[1:]}:{lighter}" for color, lighter in _ON_DARK.items())


def svg(picture: Picture) -> str:
    """Draw a picture as one SVG element.

    Colors follow the page's theme (the variables of JupyterLab and VS Code), with white as the default. Every text is
    escaped, and the SVG loads and runs nothing.

    Args:
        picture: The picture.

    Returns:
        The SVG as text.
    """
    columns = 1 if len(picture.charts) < 2 else 2
    rows = math.ceil(len(picture.charts) / columns)
    header = HEADER + 18 * bool(picture.note)
    width, height = max(columns * CELL[0], 560), header + rows * CELL[1]
    cells = [
        f'<g transform="translate({i % columns * width / columns:g} {header + i // columns * CELL[1]})">'
        f"{_chart(chart, width / columns)}</g>"
        for i, chart in enumerate(picture.charts)
    ]
    label = _escape(f"Training curves of {picture.title}: {', '.join(c.title for c in picture.charts)}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}" '
        f'style="display:block;width:100%;max-width:{width:g}px;height:auto;{_FONT};font-size:11px;fill:{_INK};'
        f'--kk-soft:{_FAINT}">'
        f'<rect width="100%" height="100%" rx="6" style="fill:{_PAPER}"/>'
        f'<text x="16" y="27" font-size="15" font-weight="600">{_escape(picture.title)}'
        f'<tspan dx="12" font-size="12" font-weight="400" style="fill:{_SOFT}">{_escape(" · ".join(picture.facts))}'
        f"</tspan></text>{_note(picture, width)}{''.join(cells)}</svg>"
    )


def svgs(picture: Picture) -> list[str]:
    """Draw a picture as several SVG elements: the title, then the charts.

    A page shows the charts side by side, or below each other if it is narrow.

    Args:
        picture: The picture.
    """
    facts = " · ".join(picture.facts)
    lines = [f'<tspan x="16" y="24" font-size="15" font-weight="600">{_escape(cut(picture.title, 36))}</tspan>']
    lines += [f'<tspan x="16" y="42" font-size="12" style="fill:{_SOFT}">{_escape(cut(facts, 56))}</tspan>'] * bool(
        facts
    )
    color = _paint(_RED if picture.kind in ("nan", "failed") else _AMBER)
    for line in textwrap.wrap(picture.note, 58)[:4]:
        y = 24 + 18 * len(lines)
        lines.append(f'<tspan x="16" y="{y}" font-size="12" style="fill:{color}">{_escape(cut(line, 58))}</tspan>')
    label = _escape(f"Training curves of {picture.title}: {', '.join(c.title for c in picture.charts)}")
    head = _alone(f"<text>{''.join(lines)}</text>", 12 + 18 * len(lines), f'role="img" aria-label="{label}"')
    return [
        head,
        *(_alone(_chart(c, ALONE), CELL[1], f'role="img" aria-label="{_escape(c.title)}"') for c in picture.charts),
    ]


def _alone(inside: str, height: int, label: str) -> str:
    """Return an SVG element with the width of a chart's place."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {ALONE} {height}" width="{WIDEST}" {label} '
        f'style="{_FONT};font-size:11px;fill:{_INK};--kk-soft:{_FAINT}">'
        f'<rect width="100%" height="100%" style="fill:{_PAPER}"/>{inside}</svg>'
    )


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


def _note(picture: Picture, width: float) -> str:
    if not picture.note:
        return ""
    color = _RED if picture.kind in ("nan", "failed") else _AMBER
    room = int((width - 32) / 6)
    words = picture.note if len(picture.note) <= room else picture.note[: room - 1] + "…"
    return f'<text x="16" y="46" font-size="12" style="fill:{_paint(color)}">{_escape(words)}</text>'


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


def _chart(chart: Chart, width: float) -> str:
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
    name = f"<title>{_escape(chart.title)}</title>" if title != chart.title else ""
    parts = [f'<text x="{LEFT}" y="18" font-size="12.5" font-weight="600">{_escape(title)}{name}</text>']
    for value, words in _heights(y_low, y_high, chart.log):
        y = down(value)
        parts.append(f'<path d="M{LEFT} {y:.1f}h{inner_width:g}" style="stroke:{_SOFT}" stroke-opacity="0.22"/>')
        parts.append(_text(LEFT - 6, y + 3.5, words, "end"))
    parts.extend(_mark(across(x), label, inner_height, width) for x, label in chart.marks)
    for value in ticks(x_low, x_high, 7):
        if chart.x_label == "epoch" and value != int(value):
            continue
        parts.append(_text(across(value), CELL[1] - BOTTOM + 15, _short(value), "middle"))
    parts.append(_legend(chart.lines, width - RIGHT))
    parts.append(_text(width - RIGHT, CELL[1] - 14, chart.x_label, "end"))
    start = across(x_low)
    parts.extend(_line(line, across(line.x), down(y), start) for line, y in zip(chart.lines, values, strict=True))
    if chart.broken is not None:
        parts.append(_cross(across(chart.broken), width))
    if chart.best:
        x, y, label = chart.best
        (height,) = _height(np.array([y]), chart.log)
        color = _paint(GREEN)
        if math.isfinite(height):
            place = f'cx="{across(x):.1f}" cy="{down(height):.1f}"'
            parts.append(f'<circle {place} r="4.5" fill="none" style="stroke:{color}" stroke-width="2"/>')
        parts.append(
            f'<text x="{width - RIGHT:g}" y="18" text-anchor="end" style="fill:{color}">{_escape(label)}</text>'
        )
    return "".join(parts)


def _cross(x: float, width: float) -> str:
    y, color = CELL[1] - BOTTOM - 9, _paint(_RED)
    word = "NaN" if x < width - RIGHT - 40 else ""
    return (
        f'<path d="M{x - 4:.1f} {y - 4}l8 8m0 -8l-8 8" style="stroke:{color}" stroke-width="2" fill="none"/>'
        f'<text x="{x + 8:.1f}" y="{y + 4}" style="fill:{color}">{word}</text>'
    )


def _paint(color: str) -> str:
    """Return a color that the page's style sheet may replace on dark pages."""
    return f"var(--kk-{color[1:]},{color})" if color in _ON_DARK else color


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


def _mark(x: float, label: str, height: float, width: float) -> str:
    anchor, dx = ("end", -3) if x > width - RIGHT - 60 else ("start", 3)
    return (
        f'<path d="M{x:.1f} {TOP}v{height:g}" style="stroke:{_SOFT}" stroke-dasharray="2 2"/>'
        f'<text x="{x + dx:.1f}" y="{TOP + 9}" font-size="9.5" text-anchor="{anchor}" style="fill:{_SOFT}">'
        f"{_escape(label)}</text>"
    )


def _line(line: Line, x: np.ndarray, y: np.ndarray, start: float) -> str:
    kept = np.isfinite(y)
    if line.role == "stairs" and kept.any():
        xs, ys = x[kept], y[kept]
        path = f"M{start:.1f} {ys[0]:.1f}" + "".join(f"V{b:.1f}H{a:.1f}" for a, b in zip(xs, ys, strict=True))
        return f'<path d="{path}" fill="none" style="stroke:{_paint(line.color)}" {_STROKES[line.role]}/>'
    if not kept.any():
        return ""
    if kept.sum() == 1:
        return f'<circle cx="{x[kept][0]:.1f}" cy="{y[kept][0]:.1f}" r="3" style="fill:{_paint(line.color)}"/>'
    return (
        f'<path d="{_path(x[kept], y[kept])}" fill="none" style="stroke:{_paint(line.color)}" stroke-linejoin="round" '
        f"{_STROKES[line.role]}/>"
    )


def _path(x: np.ndarray, y: np.ndarray) -> str:
    """Return a polyline in tenths of a pixel, each point relative to the one before: half the bytes of absolute ones.

    Example:
        >>> _path(np.array([52.0, 53.04, 60.0]), np.array([10.0, 9.5, 12.0]))
        'M52 10l1-.5 7 2.5'
    """
    tenths = np.round(np.stack([x, y], 1) * 10).astype(int)
    steps = (number for pair in np.diff(tenths, axis=0).tolist() for number in pair)
    texts = [f"{number / 10:g}".replace("0.", ".", 1) if abs(number) < 10 else f"{number / 10:g}" for number in steps]
    joined = "".join(text if text.startswith("-") or not i else f" {text}" for i, text in enumerate(texts))
    return f"M{tenths[0, 0] / 10:g} {tenths[0, 1] / 10:g}l{joined}"


def _legend(lines: tuple[Line, ...], right: float) -> str:
    """Return the legend along the bottom, with as many lines as fit."""
    entries = legend_of(lines)
    parts, x, y = [], float(LEFT), CELL[1] - 14
    room = (right - 50 - LEFT) / max(len(entries), 1) - 36
    if room >= 6 * 6.2 and sum(36 + 6.2 * breadth(label) for label, _, _ in entries) > right - 50 - LEFT:
        entries = [(cut(label, int(room / 6.2)), color, role) for label, color, role in entries]
    for i, (label, color, role) in enumerate(entries):
        if x + 24 + 6.2 * breadth(label) > right - 50:
            parts.append(_text(x, y, f"and {len(entries) - i} more", "start"))
            break
        parts.append(f'<path d="M{x:.1f} {y - 4}h17" style="stroke:{_paint(color)}" fill="none" {_STROKES[role]}/>')
        parts.append(_text(x + 22, y, label, "start"))
        x += 36 + 6.2 * breadth(label)
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:{_SOFT}">{_escape(text)}</text>'


def _escape(words: str) -> str:
    """Escape words for tags and attributes. Control characters are removed, because XML does not allow them."""
    return html.escape("".join(c if c.isprintable() else "?" for c in words))


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
