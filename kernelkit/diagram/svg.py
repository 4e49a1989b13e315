"""Draw a scene as SVG, in colors for light and dark pages. Every text is escaped, because files may be untrusted."""

from __future__ import annotations

import html
from typing import Any

from kernelkit.diagram.scene import Box, Line, Scene
from kernelkit.models.description import schema

# One hue per layer family. Boxes get a tint of it, so that one set suits light and dark pages.
COLORS = {
    "conv": "#3b82f6",
    "dense": "#8b5cf6",
    "norm": "#f59e0b",
    "pool": "#14b8a6",
    "attention": "#ec4899",
    "recurrent": "#d946ef",
    "dropout": "#94a3b8",
    "embed": "#22c55e",
    "activation": "#ef4444",
    "merge": "#64748b",
    "reshape": "#06b6d4",
    "io": "#64748b",
    "group": "#64748b",
    "other": "#6366f1",
}
FAILED = "#dc2626"
MARGIN = 12
_FEW = 250
"""With more boxes than this, only the first text line of each box is drawn, to keep saved notebooks small."""

_STYLE = (
    ".kkg{font:12.5px system-ui,-apple-system,'Segoe UI',sans-serif;fill:currentColor}"
    ".kkg rect{fill-opacity:.13;stroke-opacity:.55;rx:6px}.kkg .g{fill-opacity:.05;stroke-dasharray:5 3}"
    ".kkg .u{opacity:.45}.kkg .f{stroke-width:2.5;stroke-opacity:1}.kkg .z{stroke-dasharray:2 2}"
    ".kkg .s{font-size:11px;opacity:.72}.kkg path{fill:none;stroke:currentColor;stroke-opacity:.5}"
    ".kkg .a{marker-end:url(#kkg-a)}"
)


def svg(scene: Scene, title: str = "", background: str | None = None, color: str | None = None) -> str:
    """Return a scene as a self-contained SVG document.

    Args:
        scene: The result of :func:`~kernelkit.diagram.scene`.
        title: The title for screen readers.
        background: The background color, for files. Transparent by default.
        color: The color of texts and lines. By default the text color of the page.

    Returns:
        The document.
    """
    width, height = scene.width + 2 * MARGIN, scene.height + 2 * MARGIN
    few = len(scene.boxes) <= _FEW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="kkg" role="img" aria-label="{html.escape(title)}" '
        f'width="{_n(width)}" height="{_n(height)}" viewBox="{-MARGIN} {-MARGIN} {_n(width)} {_n(height)}"'
        + (f' color="{html.escape(color)}"' if color else "")
        + ">",
        f"<style>{_STYLE}{''.join(f'.kkg .{f}{{fill:{c};stroke:{c}}}' for f, c in COLORS.items())}"
        f".kkg .f{{fill:{FAILED};stroke:{FAILED}}}</style>"
        '<defs><marker id="kkg-a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M1 1 7 4 1 7"/></marker></defs>',
    ]
    if background:
        parts.append(
            f'<rect x="{-MARGIN}" y="{-MARGIN}" width="{_n(width)}" height="{_n(height)}" '
            f'style="fill:{html.escape(background)};fill-opacity:1;stroke:none"/>'
        )
    groups = [box for box in scene.boxes if box.open]
    parts += [_box(box, True) for box in groups]
    parts += [_line(line) for line in scene.lines]
    parts += [_box(box, few) for box in scene.boxes if not box.open]
    return "".join([*parts, "</svg>"])


def _box(box: Box, few: bool) -> str:
    classes = [box.family]
    if box.open:
        classes.append("g")
    if box.state == schema.FAILED:
        classes.append("f")
    if box.frozen:
        classes.append("z")
    shape = f'<rect class="{" ".join(classes)}" width="{_n(box.width)}" height="{_n(box.height)}"/>'
    stack = ""
    if box.kind == schema.REPEAT and not box.open:  # draw it as a stack of cards
        stack = f'<rect class="{box.family}" x="5" y="-5" width="{_n(box.width)}" height="{_n(box.height)}"/>'
    faded = ' class="u"' if box.state == schema.UNREACHED else ""
    if box.open:
        texts = _text(box.title, 12, 19)
        texts += f'<text class="s" x="{_n(box.width - 12)}" y="19" text-anchor="end">{_escape(box.subtitle)}</text>'
    elif box.subtitle:
        texts = _text(box.title, 13, 18)
        texts += f'<text class="s" x="13" y="33">{_escape(box.subtitle)}</text>' if few else ""
    else:
        texts = _text(box.title, 13, 17.5)
    return f'<g{faded} transform="translate({_n(box.x)} {_n(box.y)})">{stack}{shape}{texts}</g>'


def _text(text: str, x: float, y: float) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}">{_escape(text)}</text>'


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


def _line(line: Line) -> str:
    return f'<path{" class=" + chr(34) + "a" + chr(34) if line.arrow else ""} d="{path(line.points)}"/>'


def path(points: list[tuple[float, float]], radius: float = 7.0) -> str:
    """Return a line as an SVG path, with round corners and curves for slanted parts.

    Example:
        >>> path([(0, 0), (0, 10)])
        'M0 0V10'
    """
    simple = [points[0]]
    for point in points[1:]:
        if abs(point[0] - simple[-1][0]) > 0.05 or abs(point[1] - simple[-1][1]) > 0.05:
            simple.append(point)
    d = f"M{_n(simple[0][0])} {_n(simple[0][1])}"
    for i in range(1, len(simple)):
        (x, y), (u, v) = simple[i - 1], simple[i]
        if abs(u - x) <= 0.05:
            d += _straight(simple, i, "V", v, radius)
        elif abs(v - y) <= 0.05:
            d += _straight(simple, i, "H", u, radius)
        elif abs(v - y) >= abs(u - x) * 0.4:
            middle = (y + v) / 2
            d += f"C{_n(x)} {_n(middle)} {_n(u)} {_n(middle)} {_n(u)} {_n(v)}"
        else:
            middle = (x + u) / 2
            d += f"C{_n(middle)} {_n(y)} {_n(middle)} {_n(v)} {_n(u)} {_n(v)}"
    return d


def _straight(points: list[tuple[float, float]], i: int, letter: str, to: float, radius: float) -> str:
    """Return a straight part, shortened before a corner, and the corner."""
    if i + 1 == len(points):
        return f"{letter}{_n(to)}"
    (x, y), (u, v), (p, q) = points[i - 1], points[i], points[i + 1]
    turns = (letter == "V" and abs(q - v) <= 0.05) or (letter == "H" and abs(p - u) <= 0.05)
    if not turns:
        return f"{letter}{_n(to)}"
    before, after = max(abs(u - x), abs(v - y)), max(abs(p - u), abs(q - v))
    r = min(radius, before / 2, after / 2)
    if letter == "V":
        way, side = (1 if v > y else -1), (1 if p > u else -1)
        return f"V{_n(v - way * r)}Q{_n(u)} {_n(v)} {_n(u + side * r)} {_n(v)}"
    way, side = (1 if u > x else -1), (1 if q > v else -1)
    return f"H{_n(u - way * r)}Q{_n(u)} {_n(v)} {_n(u)} {_n(v + side * r)}"


def _n(value: Any) -> str:
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
