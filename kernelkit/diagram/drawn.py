"""Draw a scene with matplotlib, as PNG, PDF or another format that is not SVG."""

from __future__ import annotations

from typing import Any

from kernelkit.diagram.scene import Box, Line, Scene
from kernelkit.diagram.svg import COLORS, FAILED, MARGIN
from kernelkit.models.description import schema
from kernelkit.typing import PathLike

_PIXELS = 96.0  # SVG pixels per inch
_MOST_PIXELS = 30_000
_MOST_DOTS = 80_000_000


def draw(scene: Scene, path: PathLike, kind: str, dpi: float = 200.0) -> None:
    """Write a scene to a file.

    Args:
        scene: The result of :func:`~kernelkit.diagram.scene`.
        path: A path, or a file that is open for bytes.
        kind: A format of matplotlib, such as ``"png"``.
        dpi: Dots per inch. It is reduced if the picture would be larger than matplotlib can write.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = scene.width + 2 * MARGIN, scene.height + 2 * MARGIN
    inches = (max(width, 1) / _PIXELS, max(height, 1) / _PIXELS)
    dpi = min(dpi, _MOST_PIXELS / max(inches), (_MOST_DOTS / (inches[0] * inches[1])) ** 0.5)
    figure = Figure(figsize=inches, dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-MARGIN, scene.width + MARGIN)
    axes.set_ylim(scene.height + MARGIN, -MARGIN)
    axes.axis("off")

    for one in scene.boxes:
        if one.open:
            _draw_box(axes, one)
            _write(axes, one.x + 12, one.y + 15, one.title, 12)
            _write(axes, one.x + one.width - 12, one.y + 15, one.subtitle, 10.5, 0.65, "right")
    for line in scene.lines:
        _draw_line(axes, line)
    for one in scene.boxes:
        if one.open:
            continue
        if one.kind == schema.REPEAT:
            _draw_box(axes, one, 4)
        _draw_box(axes, one)
        faded = 0.45 if one.state == schema.UNREACHED else 1.0
        _write(axes, one.x + 13, one.y + (14 if one.subtitle else one.height / 2), one.title, 12, faded)
        _write(axes, one.x + 13, one.y + 29, one.subtitle, 10.5, 0.65 * faded)
    figure.savefig(path, format=kind, dpi=dpi)


def _draw_box(axes: Any, one: Box, shift: float = 0.0) -> None:
    from matplotlib.patches import FancyBboxPatch

    color = FAILED if one.state == schema.FAILED else COLORS[one.family]
    alpha = 0.05 if one.open else 0.14
    axes.add_patch(
        FancyBboxPatch(
            (one.x + shift, one.y - shift),
            one.width,
            one.height,
            boxstyle="round,pad=0,rounding_size=6",
            facecolor=(*_rgb(color), alpha),
            edgecolor=(*_rgb(color), 0.7),
            linewidth=1.6 if one.state == schema.FAILED else 0.8,
            linestyle="--" if one.open or one.frozen else "-",
        )
    )


def _write(axes: Any, x: float, y: float, text: str, size: float, alpha: float = 1.0, align: str = "left") -> None:
    # parse_math: a name such as "$x$" is a name, not a formula.
    axes.text(
        x,
        y,
        text,
        fontsize=size * 72 / _PIXELS,
        alpha=alpha,
        color="#1a1a1a",
        va="center",
        ha=align,
        parse_math=False,
        clip_on=True,
    )


def _draw_line(axes: Any, line: Line) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    codes = [Path.MOVETO] + [Path.LINETO] * (len(line.points) - 1)
    axes.add_patch(
        PathPatch(Path(line.points, codes), facecolor="none", edgecolor=(0.1, 0.1, 0.1, 0.55), linewidth=0.9)
    )
    if line.arrow and len(line.points) > 1:
        _arrow(axes, line.points[-2], line.points[-1])


def _arrow(axes: Any, before: tuple[float, float], tip: tuple[float, float]) -> None:
    (x, y), (u, v) = before, tip
    length = max(1e-9, ((u - x) ** 2 + (v - y) ** 2) ** 0.5)
    dx, dy = 5 * (u - x) / length, 5 * (v - y) / length
    corners = [(u - dx - dy * 0.6, v - dy + dx * 0.6), tip, (u - dx + dy * 0.6, v - dy - dx * 0.6)]
    axes.plot(*zip(*corners, strict=True), color=(0.1, 0.1, 0.1, 0.55), linewidth=0.9)


def _rgb(color: str) -> tuple[float, float, float]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]
