"""`sharding`: a picture of the parts of arrays on devices."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from kernelkit.distribution import Description, Distribution, PlacedVariable, describe, readable
from kernelkit.models.model import Model

BOX_WIDTH, BOX_HEIGHT, ROW, LEFT = 96, 26, 38, 16
MOST_LINES = 16
"""Largest number of lines in one direction of a box: more parts are drawn as a hatched box."""

STYLE = (
    "font:12px system-ui,sans-serif;fill:currentColor;"
    "--whole:color-mix(in srgb,currentColor 12%,transparent);--part:#3b82f6"
)


class ShardingPicture:
    """A picture that notebooks show as a cell's last value.

    Attributes:
        description: The drawn data.
        svg: The picture.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((512,)), kk.layers.Dense(1024)], name="net")
        >>> mesh = kk.distribution.DeviceMesh((8,), ["batch"], [f"tpu:{i}" for i in range(8)])
        >>> picture = kk.viz.sharding(model, kk.distribution.AutoParallel(mesh))
        >>> picture.svg[:4], picture.description.devices
        ('<svg', 8)
    """

    def __init__(self, description: Description) -> None:
        self.description = description
        self.svg = drawn(description)

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return str(self.description)


def sharding(model: Model, distribution: Distribution | None = None, kinds: tuple[str, ...] = ("weight",)) -> Any:
    """Draw the part of each array on each device, with the bytes and the collectives of a training step.

    Each array is a box. The colored part is on the first device; lines separate the parts of the other devices.

    Args:
        model: A built model.
        distribution: A distribution to try, as in :func:`kernelkit.distribution.describe`; its devices need not exist.
        kinds: The kinds of arrays to draw: ``"weight"``, ``"state"``, ``"optimizer"``, ``"metric"``.

    Returns:
        A :class:`ShardingPicture`.

    Raises:
        ValueError: If a kind is unknown.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((512,)), kk.layers.Dense(1024)], name="net")
        >>> mesh = kk.distribution.DeviceMesh((8,), ["batch"], [f"tpu:{i}" for i in range(8)])
        >>> picture = sharding(model, kk.distribution.AutoParallel(mesh))
        >>> picture.svg.count("<rect"), picture.description.headline
        (4, 'AutoParallel, 8 devices: 260.0 KiB on each of 2.0 MiB altogether')
    """
    unknown = set(kinds) - {"weight", "state", "optimizer", "metric"}
    if unknown:
        raise ValueError(f"sharding: unknown kinds {sorted(unknown)}; use 'weight', 'state', 'optimizer', 'metric'.")
    return ShardingPicture(_only(describe(model, distribution), kinds))


def _only(description: Description, kinds: tuple[str, ...]) -> Description:
    chosen = [v for v in description.variables if v.kind in kinds]
    return Description(description.distribution, chosen, description.collectives)


def drawn(description: Description) -> str:
    """Return a description as SVG."""
    lines = [_text(LEFT, 20, description.headline, "font-weight:600")]
    top = 34
    for variable in description.variables:
        lines += _row(variable, top, description.devices)
        top += ROW
    for text in description.collective_lines():
        lines.append(_text(LEFT, top + 14, text))
        top += 20
    width = 760
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top + 10}" width="{width}" role="img" '
        f'aria-label="{escape(description.headline)}" style="{STYLE};max-width:100%">{"".join(lines)}</svg>'
    )


def _row(variable: PlacedVariable, top: int, devices: int) -> list[str]:
    """Return the box of an array with its text."""
    rows, columns = _grid(variable.parts)
    wide, high = BOX_WIDTH / columns, BOX_HEIGHT / rows
    share = math.prod(variable.parts)
    box = f'x="{LEFT}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}"'
    found = [f'<rect {box} rx="3" style="fill:var(--whole);stroke:currentColor;stroke-opacity:.35"/>']
    own = f'x="{LEFT}" y="{top}" width="{wide:.2f}" height="{high:.2f}"'
    found.append(f'<rect {own} rx="2" style="fill:var(--part);fill-opacity:{0.35 if share == 1 else 0.85}"/>')
    marks = [f"M{LEFT + i * wide:.2f} {top}v{BOX_HEIGHT}" for i in range(1, min(columns, MOST_LINES))]
    marks += [f"M{LEFT} {top + i * high:.2f}h{BOX_WIDTH}" for i in range(1, min(rows, MOST_LINES))]
    if marks:
        found.append(f'<path d="{"".join(marks)}" style="stroke:currentColor;stroke-opacity:.35;fill:none"/>')
    x = LEFT + BOX_WIDTH + 14
    held = "whole" if share == 1 else f"1/{share}"
    shape = " × ".join(map(str, variable.shape)) or "one number"
    found.append(_text(x, top + 11, variable.path, "font-weight:600"))
    found.append(
        _text(
            x,
            top + 26,
            f"{shape} · {held} on each of {devices}, {readable(variable.nbytes_per_device)} · {variable.rule}",
            "opacity:.75",
        )
    )
    return found


def _grid(parts: tuple[int, ...]) -> tuple[int, int]:
    """Return the parts of a box: the last axis from left to right, all others from top to bottom."""
    return math.prod(parts[:-1]), parts[-1] if parts else 1


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}"{f""" style="{style}" """ if style else ""}>{escape(text)}</text>'
