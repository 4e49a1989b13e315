"""A picture of a search as SVG: the best value so far, the curves of all trials, and their hyperparameters."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelkit.tuner.results import TrialResult, best_first, shown
from kernelkit.tuner.spaces import Value
from kernelkit.viz.curves.chart import BLUE, GREEN, VERMILLION
from kernelkit.viz.curves.layout import ticks

WIDTH, HALF, TOP_HEIGHT, LOW_HEIGHT = 860, 430, 226, 236
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 32, 34
MOST_LINES = 300
"""Largest number of drawn trials: the best and the newest ones of a longer search."""
MOST_AXES = 9
_INK = "var(--jp-content-font-color1,var(--vscode-editor-foreground,#1a1a1a))"
_FAINT = "var(--jp-content-font-color2,var(--vscode-descriptionForeground,#5f6368))"
_PAPER = "var(--jp-layout-color0,var(--vscode-editor-background,#fff))"
_FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif"
_RED = "#C62828"
_LARGEST = 1e300


def svg(results: Sequence[TrialResult], objective: str, way: str) -> str:
    """Draw a search as one SVG element, in the colors of the page. Every text is escaped, and nothing is loaded or run.

    Args:
        results: The trials.
        objective: Name of the metric.
        way: ``"min"`` or ``"max"``.

    Returns:
        The SVG as text, ``""`` if there is nothing to draw yet.
    """
    ranked = best_first(list(results), way)
    best = ranked[0].number if ranked else -1
    drawn = _fewer(list(results), ranked)
    charts = [chart for chart in (_values(drawn, objective, way, best), _curves(drawn, objective, best)) if chart]
    if not charts:
        return ""
    lower = _coordinates(drawn, objective, way, best)
    height = TOP_HEIGHT + LOW_HEIGHT * bool(lower)
    parts = [f'<g transform="translate({i * HALF} 0)">{chart}</g>' for i, chart in enumerate(charts)]
    parts += [f'<g transform="translate(0 {TOP_HEIGHT})">{lower}</g>'] * bool(lower)
    label = _escape(f"{objective} of {len(results)} trials" + (f", best in trial {best}" if best >= 0 else ""))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}" '
        f'style="display:block;width:100%;max-width:{WIDTH}px;height:auto;{_FONT};font-size:11px;fill:{_INK}">'
        f'<rect width="100%" height="100%" rx="6" style="fill:{_PAPER}"/>{"".join(parts)}</svg>'
    )


def _fewer(results: list[TrialResult], ranked: list[TrialResult]) -> list[TrialResult]:
    if len(results) <= MOST_LINES:
        return results
    kept = {r.number for r in (*ranked[: MOST_LINES // 2], *results[-MOST_LINES // 2 :])}
    return [r for r in results if r.number in kept]


# Two charts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Frame:
    """The scales of a chart. Heights are values, or their decimal logarithms."""

    x_low: float
    x_high: float
    low: float
    high: float
    log: bool

    def x(self, value: float) -> float:
        span = (self.x_high - self.x_low) or 1.0
        return LEFT + (value - self.x_low) / span * (HALF - LEFT - RIGHT)

    def y(self, value: float) -> float:
        height = math.log10(value) if self.log else min(max(value, -_LARGEST), _LARGEST)
        share = min(1.0, max(0.0, (height - self.low) / (self.high - self.low)))
        return TOP + (1 - share) * (TOP_HEIGHT - TOP - BOTTOM)


def _frame(x_low: float, x_high: float, values: list[float]) -> _Frame:
    """Return the scales for values. A few values far above the others are drawn at the edge."""
    heights = np.sort(np.clip(np.asarray(values, np.float64), -_LARGEST, _LARGEST))
    log = bool(heights[0] > 0 and heights[-1] / 30 >= heights[0])
    heights = np.log10(heights) if log else heights
    low, high, usual = float(heights[0]), float(heights[-1]), float(np.quantile(heights, 0.9))
    if not log and high - usual > 3 * (usual - low) > 0:
        high = usual + (usual - low)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-30):
        low, high = low - (abs(low) * 0.1 or 0.5), high + (abs(high) * 0.1 or 0.5)
    return _Frame(x_low, x_high, low - 0.12 * (high - low), high + 0.06 * (high - low), log)


def _labels(frame: _Frame) -> list[tuple[float, str]]:
    """Return the values with labels on the y axis, and the labels."""
    if not frame.log:
        return [(value, f"{value:g}") for value in ticks(frame.low, frame.high, 5)]
    decades = frame.high - frame.low
    factors = (1,) if decades > 2 else (1, 3) if decades > 1 else (1, 2, 5)
    powers = range(max(-300, math.floor(frame.low)), min(300, math.ceil(frame.high)) + 1, max(1, round(decades / 6)))
    values = [factor * 10.0**power for power in powers for factor in factors]
    return [(v, f"{v:g}") for v in values if v > 0 and frame.low <= math.log10(v) <= frame.high]


def _axes(frame: _Frame, title: str, x_label: str, note: str = "") -> list[str]:
    parts = [f'<text x="{LEFT}" y="18" font-size="12.5" font-weight="600">{_escape(title)}</text>']
    if note:
        parts.append(
            f'<text x="{HALF - RIGHT}" y="18" text-anchor="end" style="fill:{_paint(GREEN)}">{_escape(note)}</text>'
        )
    for value, words in _labels(frame):
        y = frame.y(value)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{HALF - RIGHT}" style="stroke:{_FAINT}" stroke-opacity="0.22"/>')
        parts.append(_text(LEFT - 6, y + 3.5, words, "end"))
    for value in ticks(frame.x_low, frame.x_high, 6) if frame.x_high > frame.x_low else [frame.x_low]:
        if value == int(value):
            parts.append(_text(frame.x(value), TOP_HEIGHT - BOTTOM + 14, f"{value:g}", "middle"))
    parts.append(_text(HALF - RIGHT, TOP_HEIGHT - 6, x_label, "end"))
    return parts


def _values(results: list[TrialResult], objective: str, way: str, best: int) -> str:
    """Draw each trial's value, and the best so far."""
    valued = [r for r in results if r.value is not None]
    if not valued:
        return ""
    frame = _frame(results[0].number, max(results[-1].number, results[0].number + 1), [_v(r) for r in valued])
    complete = [r for r in valued if r.state == "complete"]
    word = f"best {min(complete, key=lambda r: r.number != best).value:.4g} · trial {best}" if complete else ""
    parts = _axes(frame, f"{objective} by trial", "trial", word)
    if complete:
        heights = (np.minimum if way == "min" else np.maximum).accumulate([_v(r) for r in complete])
        path = f"M{frame.x(complete[0].number):.1f} {frame.y(heights[0]):.1f}" + "".join(
            f"H{frame.x(r.number):.1f}V{frame.y(h):.1f}" for r, h in zip(complete[1:], heights[1:], strict=True)
        )
        path += f"H{frame.x(frame.x_high):.1f}"
        parts.append(f'<path d="{path}" fill="none" style="stroke:{_paint(GREEN)}" stroke-width="2"/>')
    for r in valued:
        x, y = frame.x(r.number), frame.y(_v(r))
        color = _paint(GREEN if r.number == best else BLUE)
        ring = f'cx="{x:.1f}" cy="{y:.1f}" r="{4.5 if r.number == best else 3}"'
        fill = "none" if r.state == "pruned" else color
        parts.append(f'<circle {ring} style="fill:{fill};stroke:{color}"/>')
    for r in results:
        if r.state == "failed":
            x, y = frame.x(r.number), TOP_HEIGHT - BOTTOM - 7
            parts.append(
                f'<path d="M{x - 3:.1f} {y - 3}l6 6m0 -6l-6 6" style="stroke:{_paint(_RED)}" stroke-width="2"/>'
            )
    keys = [("complete", BLUE, "fill"), ("pruned", BLUE, "none"), ("failed", _RED, "cross")]
    parts.append(_key([k for k in keys if any(r.state == k[0] for r in results)]))
    return "".join(parts)


def _key(entries: list[tuple[str, str, str]]) -> str:
    """Draw the legend of the marks along the bottom."""
    x, y, parts = float(LEFT), TOP_HEIGHT - 10, []
    for word, color, kind in entries:
        if kind == "cross":
            parts.append(f'<path d="M{x} {y - 3}l6 6m0 -6l-6 6" style="stroke:{_paint(color)}" stroke-width="2"/>')
        else:
            fill = "none" if kind == "none" else _paint(color)
            parts.append(f'<circle cx="{x + 3}" cy="{y}" r="3" style="fill:{fill};stroke:{_paint(color)}"/>')
        parts.append(_text(x + 11, y + 4, word, "start"))
        x += 24 + 6.2 * len(word)
    return "".join(parts)


def _curves(results: list[TrialResult], objective: str, best: int) -> str:
    """Draw the objective of each trial over its epochs."""
    curved = [r for r in results if r.curve]
    longest = max((len(r.curve) for r in curved), default=0)
    if longest < 2:
        return ""
    frame = _frame(1, longest, [v for r in curved for v in r.curve])
    parts = _axes(frame, f"{objective} by epoch", "epoch")
    running = {r.number for r in curved if r.state == "running"}
    for r in sorted(curved, key=lambda r: (r.number in running, r.number == best)):
        color, width, opacity = BLUE, 1.2, 0.35
        if r.number == best:
            color, width, opacity = GREEN, 2.5, 1.0
        elif r.number in running:
            color, width, opacity = VERMILLION, 2.0, 1.0
        stride = max(1, len(r.curve) // 150)
        points = [(i + 1, v) for i, v in enumerate(r.curve) if i % stride == 0 or i == len(r.curve) - 1]
        parts.append(_line([(frame.x(x), frame.y(y)) for x, y in points], color, width, opacity, r.state == "pruned"))
    x = float(LEFT)
    for word, color, there in (
        ("best", GREEN, any(r.number == best for r in curved)),
        ("running", VERMILLION, bool(running)),
        ("others", BLUE, any(r.number != best and r.number not in running for r in curved)),
    ):
        if there:
            parts.append(_line([(x, TOP_HEIGHT - 10), (x + 17, TOP_HEIGHT - 10)], color, 2, 1, False))
            parts.append(_text(x + 22, TOP_HEIGHT - 6, word, "start"))
            x += 36 + 6.2 * len(word)
    return "".join(parts)


# Parallel coordinates -------------------------------------------------------------------------------------------------


def _coordinates(results: list[TrialResult], objective: str, way: str, best: int) -> str:
    """Draw each trial as a line through an axis for each hyperparameter that varies, and one for the objective."""
    valued = [r for r in results if r.value is not None]
    names = [n for n in dict.fromkeys(n for r in valued for n in r.values) if _varies(valued, n)][:MOST_AXES]
    if not names or len(valued) < 2:
        return ""
    columns: list[list[Any]] = [
        [r.values.get(n, math.nan) if n in r.values else math.nan for r in valued] for n in names
    ]
    placed = [place_on_axis(column) for column in [*columns, [_v(r) for r in valued]]]
    step = (WIDTH - 2 * LEFT) / len(names)
    top, height = 50.0, LOW_HEIGHT - 50.0 - 22.0
    parts = [f'<text x="{LEFT}" y="16" font-size="12.5" font-weight="600">Hyperparameters</text>']
    order = np.argsort([_v(r) * (1 if way == "max" else -1) for r in valued], kind="stable")
    for rank, row in enumerate(order):
        r = valued[row]
        points = [(LEFT + i * step, top + (1 - p[0][row]) * height) for i, p in enumerate(placed)]
        share = (rank + 1) / len(valued)
        color, width, opacity = (GREEN, 2.5, 1.0) if r.number == best else (BLUE, 1.2, 0.12 + 0.6 * share**2)
        if r.number != best:
            parts.append(_line(points, color, width, opacity, r.state == "pruned"))
    parts += [
        _line([(LEFT + i * step, top + (1 - p[0][row]) * height) for i, p in enumerate(placed)], GREEN, 2.5, 1.0, False)
        for row, r in enumerate(valued)
        if r.number == best
    ]
    for i, ((_, marks), name) in enumerate(zip(placed, [*names, objective], strict=True)):
        x, last = LEFT + i * step, i == len(names)
        parts.append(f'<path d="M{x:.1f} {top}v{height:g}" style="stroke:{_FAINT}" stroke-opacity="0.6"/>')
        word = name if len(name) * 6.4 < step or step > 160 else name[: max(3, int(step / 6.4) - 1)] + "…"
        anchor = "start" if i == 0 else "end" if last else "middle"
        parts.append(
            f'<text x="{x + (0 if i else -8) + 8 * last:.1f}" y="36" text-anchor="{anchor}" font-weight="600">'
            f"{_escape(word)}</text>"
        )
        for share, words in marks:
            parts.append(
                _text(x + (-5 if last else 5), top + (1 - share) * height + 4, words, "end" if last else "start")
            )
    return "".join(parts)


def _varies(results: list[TrialResult], name: str) -> bool:
    return len({repr(r.values[name]) for r in results if name in r.values}) > 1


def place_on_axis(column: list[Any]) -> tuple[list[float], list[tuple[float, str]]]:
    """Return the heights of an axis's values from 0 to 1, NaN for missing values, and its labels.

    Example:
        >>> place_on_axis([1, 3, 2])
        ([0.0, 1.0, 0.5], [(0.0, '1'), (1.0, '3')])
        >>> place_on_axis(["relu", "gelu"])
        ([0.0, 1.0], [(0.0, 'relu'), (1.0, 'gelu')])
    """
    present = [v for v in column if not (isinstance(v, float) and math.isnan(v))]
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in present):
        low, high = min(present), max(present)
        is_log = low > 0 and high / low >= 50
        scale = math.log if is_log else float
        span = scale(high) - scale(low) or 1.0
        heights = [math.nan if v != v else (scale(v) - scale(low)) / span for v in column]
        return heights, [(0.0, shown(low)), (1.0, shown(high))][: 1 + (high > low)]
    kinds = list(dict.fromkeys(map(_word, present)))
    places = {kind: i / max(1, len(kinds) - 1) for i, kind in enumerate(kinds)}
    labels = [(place, kind) for kind, place in places.items()] if len(kinds) <= 12 else []
    return [places.get(_word(v), math.nan) for v in column], labels


def _word(value: Value) -> str:
    return shown(value)


# Elements -------------------------------------------------------------------------------------------------------------


def _line(points: list[tuple[float, float]], color: str, width: float, opacity: float, dashed: bool) -> str:
    """Return a line through points. Points with a NaN height are left out."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points if not math.isnan(y))
    dash = ' stroke-dasharray="3 3"' * dashed
    return (
        f'<path d="M{path}" fill="none" style="stroke:{_paint(color)}" stroke-width="{width:g}" '
        f'stroke-opacity="{opacity:.2f}" stroke-linejoin="round"{dash}/>'
    )


def _v(result: TrialResult) -> float:
    return 0.0 if result.value is None else result.value


def _paint(color: str) -> str:
    """Return a color that the page's style sheet may replace on dark pages."""
    return f"var(--kk-{color[1:]},{color})"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:{_FAINT}">{_escape(text)}</text>'


def _escape(words: str) -> str:
    """Escape words for tags and attributes. Control characters are removed, because XML does not allow them."""
    return html.escape("".join(c if c.isprintable() else "?" for c in words))
