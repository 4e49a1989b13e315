"""The static picture of a debugger in a saved notebook: losses, layers, worst samples. It needs no kernel."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from kernelkit.viz import figure as figures
from kernelkit.viz.curves.bundle import DARK_STYLE
from kernelkit.viz.curves.chart import PALETTE, Chart, Line, Picture
from kernelkit.viz.curves.svg import svg
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.message import branch_name, curve_of, main_log, model_name
from kernelkit.viz.debugger.records import curve_title
from kernelkit.viz.debugger.samples import batch_message
from kernelkit.viz.debugger.table import Table

SAMPLES = 8
ROWS = 24
"""Maximum number of layers in the picture. If there are more, layers in trouble come first."""
TILE = 56
# A page that trusts the notebook keeps the style sheet: it shows the inline SVG in the page's colors and hides the
# image. An untrusting page drops styles and SVG, and the image remains.
_STYLE = (
    ".kernelkit-inline{display:block!important}.kernelkit-inline~.kernelkit-image{display:none}"
    ".kernelkit-sample{display:inline-block;margin:4px 10px 4px 0;font-size:11px;text-align:center}"
    ".kernelkit-sample img{display:block;margin:0 auto 2px;image-rendering:pixelated}"
    ".kernelkit-rows{overflow-x:auto}.kernelkit-rows>table{font-size:12px}"
)
_STYLE += DARK_STYLE
_COLUMNS = ("layer", "shape", "mean", "std", "min", "max", "zeros", "grad", "update_ratio", "trouble")


@dataclass(frozen=True)
class Shot:
    """The contents of a picture: collected at once, drawn later.

    Attributes:
        picture: The losses of all branches; a ring marks the step shown.
        text: The debugger in one line.
        stopped: Why the last run ended, or what the step failed with.
        table: The table of layers, ``None`` if the step was not looked into.
        samples: Pictures of the worst samples (height, width, channels) of bytes, each with its caption.
    """

    picture: Picture
    text: str
    stopped: str = ""
    table: Table | None = None
    samples: list[tuple[np.ndarray, str]] = field(default_factory=list)

    @classmethod
    def of(cls, dbg: Any, look: bool = True) -> Shot:
        """Collect the contents from a debugger.

        Args:
            dbg: The debugger.
            look: Whether to look into the step. The first look runs the step once more.
        """
        state = dbg.state()
        facts = [f"step {nth(state['shown'])}" if state["position"] > state["begin"] else "no step done"]
        facts += [f"epoch {nth(state['epoch'])}"] if state.get("epoch") is not None else []
        facts += [f"{name} {float(value):.4g}" for name, value in list(state["logs"].items())[:3]]
        picture = Picture(f"Debugger of {model_name(dbg)}", (_chart(dbg),), tuple(facts))
        stopped = state.get("error") or state.get("stopped") or ""
        try:
            table = dbg.table() if look else None
            samples = _samples(dbg) if look else []
        except ValueError:  # no step to look at: the data end here, or the recording holds no look into this step
            table, samples = None, []
        return cls(
            picture, repr(dbg), stopped, table if table is None or len(table) <= ROWS else _worst(table), samples
        )


def bundle(shot: Shot, key: str = "") -> dict[str, Any]:
    """Return the picture as a MIME bundle: HTML with an SVG, PNG (if matplotlib is installed) and text.

    Args:
        shot: The contents of the picture.
        key: The key of the widget that covers the picture while its kernel lives.
    """
    parts = [shot.text, shot.stopped, "" if shot.table is None else f"\n{shot.table}"]
    made: dict[str, Any] = {"text/plain": "\n".join(p for p in parts if p), "text/html": _html(shot, key)}
    if (image := _png(shot)) is not None:
        made["image/png"] = base64.b64encode(image).decode()
    return made


def png_of(pixels: np.ndarray) -> bytes:
    """Return an image (height, width, channels of 1 or 3) of bytes as a PNG file, without a library.

    Source: https://www.w3.org/TR/png-3/

    Example:
        >>> png_of(np.zeros((2, 2, 1), "uint8"))[1:4]
        b'PNG'
    """
    height, width, channels = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.concatenate([np.zeros((height, 1), "uint8"), pixels.reshape(height, -1)], axis=1)  # 0: no filter
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    data = zlib.compress(rows.tobytes())
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _chart(dbg: Any) -> Chart:
    lines = []
    for i, one in enumerate(list(getattr(dbg, "family", [dbg]))[: len(PALETTE)]):
        begin, count, stride, values = curve_of(one)
        if count:
            x, y = begin + 1 + np.arange(len(values)) * max(stride / 2, 1), values.astype("float64")
            if getattr(one, "parent", None) is not None:  # a fork's line begins at its parent
                earlier = one.timeline.records.losses()[: begin - one.timeline.records.begin]
                x, y = np.append(np.repeat(begin, len(earlier[-1:])), x), np.append(earlier[-1:], y)
            lines.append(Line(branch_name(one), x, y, PALETTE[i], "train"))
    ring = None
    losses = dbg.losses
    if len(losses) and np.isfinite(losses[-1]):
        ring = (float(dbg.shown + 1), float(losses[-1]), f"step {nth(dbg.shown)}: {losses[-1]:.4g}")
    return Chart(curve_title(main_log(dbg)), "step", tuple(lines), ring)


def _samples(dbg: Any) -> list[tuple[np.ndarray, str]]:
    content, buffer = batch_message(dbg)
    if content["show"] != "images":
        return []
    count = len(content["samples"])
    sizes = [count * int(np.prod(shape)) for _, shape in content["pictures"]]
    parts = np.split(np.frombuffer(buffer, "uint8"), np.cumsum(sizes)[:-1])
    shapes = [shape for _, shape in content["pictures"]]
    groups = [part.reshape(count, *shape) for part, shape in zip(parts, shapes, strict=True)]
    most = max(group.shape[-1] for group in groups)
    same = [
        np.repeat(group, most // group.shape[-1], -1) for group in groups if group.shape[1:3] == groups[0].shape[1:3]
    ]
    pixels = np.concatenate(same, axis=2)  # input, target and output side by side
    found = []
    for i, sample in enumerate(content["samples"][:SAMPLES]):
        name = f"row {sample['row']}" if sample["row"] is not None else f"sample {sample['place']}"
        captions = [name, f"loss {float(sample['loss']):.3g}"]
        if sample["label"] is not None and sample["prediction"] is not None:
            captions.append(f"{sample['label']} → {sample['prediction']}")
        found.append((pixels[i], "\n".join(captions)))
    return found


def _worst(table: Table) -> Table:
    order = sorted(range(len(table)), key=lambda i: (table.rows[i]["trouble"] is None, i))[:ROWS]
    return Table([table.rows[i] for i in sorted(order)])


def _html(shot: Shot, key: str) -> str:
    drawing = svg(shot.picture)
    image = base64.b64encode(drawing.encode()).decode()
    mark = f' data-kernelkit-debugger="{escape(key)}"' if key else ""
    samples = "".join(_sample(pixels, captions) for pixels, captions in shot.samples)
    return (
        f'<div class="kernelkit-still"{mark}><style>{_STYLE}</style>'
        f'<div class="kernelkit-inline" style="display:none">{drawing}</div>'
        f'<img class="kernelkit-image" alt="{escape(shot.picture.title)}" src="data:image/svg+xml;base64,{image}"/>'
        + (f"<p><b>{escape(shot.stopped)}</b></p>" if shot.stopped else "")
        + (f"<div>{samples}</div>" if samples else "")
        + ("" if shot.table is None else f'<div class="kernelkit-rows">{shot.table._repr_html_()}</div>')
        + "</div>"
    )


def _sample(pixels: np.ndarray, captions: str) -> str:
    image = base64.b64encode(png_of(pixels)).decode()
    words = escape(captions).replace("\n", "<br/>")
    return (
        f'<figure class="kernelkit-sample"><img alt="" width="{TILE}" src="data:image/png;base64,{image}"/>'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _png(shot: Shot) -> bytes | None:
    """Draw curves, samples and table below each other. Return ``None`` if matplotlib is not installed."""
    rows = [] if shot.table is None else _table_lines(shot.table)
    heights = [2.4, 1.1 if shot.samples else 0.0, 0.15 * len(rows)]
    total = sum(heights) + 0.75
    try:
        figure = figures.matplotlib_figure(9.2, total, layout=False)
    except ImportError:
        return None
    chart = shot.picture.charts[0]
    axes = figure.add_axes((0.07, 1 - (heights[0] + 0.35) / total, 0.91, (heights[0] - 0.35) / total))
    for line in chart.lines:
        axes.plot(line.x, line.y, color=line.color, label=figures.literal(line.label), linewidth=1.3)
    if chart.best:
        axes.plot(chart.best[0], chart.best[1], "o", mfc="none", mec="#009E73", mew=1.6, ms=8, label=chart.best[2])
    axes.set_xlabel("step", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if chart.lines:
        axes.legend(frameon=False, fontsize=8)
    words = " · ".join([shot.picture.title, *shot.picture.facts])
    figure.text(0.02, 1 - 0.22 / total, figures.literal(words), fontsize=11)
    top = total - heights[0] - 0.7
    if shot.stopped:
        figure.text(0.02, (top + 0.03) / total, figures.literal(shot.stopped[:140]), fontsize=8.5, color="#b3261e")
    for i, (pixels, captions) in enumerate(shot.samples):
        place = figure.add_axes((0.03 + i * 0.12, (top - 0.62) / total, 0.075, 0.55 / total))
        place.imshow(pixels if pixels.shape[-1] == 3 else pixels[..., 0], cmap="gray", vmin=0, vmax=255)
        place.axis("off")
        place.set_title(figures.literal(captions), fontsize=6.5, y=-1.0, va="bottom")
    figure.text(
        0.02, (top - heights[1]) / total, "\n".join(rows), fontsize=6.8, family="monospace", va="top", parse_math=False
    )
    return figures.small_png(figure, colors=128)  # samples may be in color


def _table_lines(table: Table) -> list[str]:
    kept = [{name: row[name] for name in _COLUMNS} for row in table.rows]
    return str(Table(kept)).splitlines()
