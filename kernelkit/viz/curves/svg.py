"""Draw a picture of curves as SVG text for saved notebooks, without a library."""

from __future__ import annotations

import html
import textwrap

import numpy as np

from kernelkit.viz.curves.chart import Chart, Picture
from kernelkit.viz.curves.layout import (
    AMBER,
    CELL,
    INK,
    RED,
    SIZE,
    SOFT,
    Item,
    Ring,
    Stroke,
    Words,
    cut,
    items,
    note_color,
    places,
    printable,
)

ALONE = 380
"""Width of a chart that is a separate image, with letters that are readable on a phone."""
WIDEST = 430
_INK = "var(--jp-content-font-color1,var(--vscode-editor-foreground,#1a1a1a))"
_FAINT = "var(--jp-content-font-color2,var(--vscode-descriptionForeground,#5f6368))"
_SOFT = "var(--kk-soft)"
_PAPER = "var(--jp-layout-color0,var(--vscode-editor-background,#fff))"
_FONT = "font-family:system-ui,sans-serif"
_ON_DARK = {
    "#0072B2": "#56B4E9",
    "#D55E00": "#E69F00",
    "#009E73": "#2FC9A0",
    "#E69F00": "#F0B83C",
    "#666666": "#AAAAAA",
    RED: "#FF8A80",
    AMBER: "#E69F00",
}


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
    width, height, at = places(picture)
    cells = [
        f'<g transform="translate({x:g} {y:g})">{_chart(chart, across)}</g>'
        for chart, (x, y, across) in zip(picture.charts, at, strict=True)
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
    color = _paint(note_color(picture))
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


def _note(picture: Picture, width: float) -> str:
    if not picture.note:
        return ""
    room = int((width - 32) / 6)
    words = picture.note if len(picture.note) <= room else picture.note[: room - 1] + "…"
    return f'<text x="16" y="46" font-size="12" style="fill:{_paint(note_color(picture))}">{_escape(words)}</text>'


def _chart(chart: Chart, width: float) -> str:
    return "".join(_element(item) for item in items(chart, width))


def _element(item: Item) -> str:
    if isinstance(item, Words):
        return _text(item)
    if isinstance(item, Ring):
        return _circle(item)
    style = f' stroke-width="{item.width:g}"' * (item.width != 1) + f' stroke-opacity="{item.opacity:g}"' * (
        item.opacity != 1
    )
    style += f' stroke-dasharray="{" ".join(f"{part:g}" for part in item.dash)}"' * bool(item.dash)
    joins = ' stroke-linejoin="round"' * item.round
    return f'<path d="{_path(item)}" fill="none" style="stroke:{_paint(item.color)}"{joins}{style}/>'


def _text(words: Words) -> str:
    style = f' text-anchor="{words.anchor}"' * (words.anchor != "start")
    style += f' font-size="{words.size:g}"' * (words.size != SIZE) + ' font-weight="600"' * words.bold
    style += f' style="fill:{_paint(words.color)}"' * (words.color != INK)
    title = f"<title>{_escape(words.whole)}</title>" * bool(words.whole)
    return f'<text x="{words.x:.4g}" y="{words.y:.4g}"{style}>{_escape(words.text)}{title}</text>'


def _circle(ring: Ring) -> str:
    place, color = f'cx="{ring.x:.1f}" cy="{ring.y:.1f}" r="{ring.radius:g}"', _paint(ring.color)
    if not ring.width:
        return f'<circle {place} style="fill:{color}"/>'
    return f'<circle {place} fill="none" style="stroke:{color}" stroke-width="{ring.width:g}"/>'


def _paint(color: str) -> str:
    """Return a color that the page's style sheet may replace on dark pages."""
    named = {SOFT: _SOFT, INK: _INK}
    return named.get(color) or (f"var(--kk-{color[1:]},{color})" if color in _ON_DARK else color)


def _path(stroke: Stroke) -> str:
    """Return a polyline in tenths of a pixel, each point relative to the one before: half the bytes of absolute ones.

    Lines along the axes have one number a corner.

    Example:
        >>> _path(Stroke(np.array([52.0, 53.04, 60.0]), np.array([10.0, 9.5, 12.0]), "#000"))
        'M52 10l1-.5 7 2.5'
        >>> _path(Stroke(np.array([0.0, 8.0, 8.0]), np.array([1.0, 1.0, 2.5]), "#000"))
        'M0 1H8V2.5'
    """
    tenths = np.round(np.stack([stroke.x, stroke.y], 1) * 10).astype(int)
    steps = np.diff(tenths, axis=0)
    start = f"M{tenths[0, 0] / 10:g} {tenths[0, 1] / 10:g}"
    if not steps.all(1).any():
        turns = zip(steps.tolist(), tenths[1:].tolist(), strict=True)
        return start + "".join(f"V{y / 10:g}" if not dx else f"H{x / 10:g}" for (dx, _), (x, y) in turns)
    numbers = (number for pair in steps.tolist() for number in pair)
    texts = [f"{number / 10:g}".replace("0.", ".", 1) if abs(number) < 10 else f"{number / 10:g}" for number in numbers]
    joined = "".join(text if text.startswith("-") or not i else f" {text}" for i, text in enumerate(texts))
    return f"{start}l{joined}"


def _escape(words: str) -> str:
    """Escape words for tags and attributes. Control characters are removed, because XML does not allow them."""
    return html.escape(printable(words))
