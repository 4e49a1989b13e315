"""Paint a picture of curves as PNG, for viewers without HTML: with Pillow, faster than matplotlib is imported."""

from __future__ import annotations

import functools
import importlib.util
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kernelkit.viz.curves.chart import Picture
from kernelkit.viz.curves.layout import (
    CELL,
    HEADER,
    INK,
    SIZE,
    SOFT,
    Item,
    Ring,
    Stroke,
    Words,
    items,
    note_color,
    places,
    printable,
)

SCALE = 2
"""Dots of the PNG per pixel of the layout: letters stay sharp on a projector."""
FINE = 3
"""Dots per dot of the PNG while it is painted, in each direction: edges become smooth when they are averaged."""
SHADES, PALE_SHADES = 3, 2
"""Shades of each color between paper and line, and of pale lines: few colors make a file a third as large."""
_WHITE = (255, 255, 255)
_NAMED = {INK: "#1a1a1a", SOFT: "#5f6368"}
WIDE = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKkr-Regular.otf", "NotoSansKR-Regular.otf", "NotoSansKR-Regular.ttf",
    "NanumGothic.ttf", "malgun.ttf", "AppleSDGothicNeo.ttc", "AppleGothic.ttf", "NotoSansCJK-Regular.otf",
    "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "msgothic.ttc", "msyh.ttc", "wqy-zenhei.ttc", "PingFang.ttc",
    "Arial Unicode.ttf",
)  # fmt: skip
"""Files of fonts with Korean, Chinese or Japanese letters, which Pillow finds in the system's folders."""


def png(picture: Picture) -> bytes | None:
    """Return a picture as PNG, for viewers without HTML and SVG. None without Pillow 10.1 or newer with FreeType.

    Letters that no font has are painted as ``?``.

    Example:
        >>> png(Picture("model", ()))[1:4]
        b'PNG'
    """
    try:
        from PIL import Image, ImageDraw

        fonts(SIZE)
    except (ImportError, TypeError):  # before 10.1, Pillow's own font has no sizes
        return None
    width, height, at = places(picture)
    drawn: list[Item] = []
    whole = Image.new("RGB", (round(width * SCALE), round(height * SCALE)), _WHITE)

    def paint(parts: Sequence[Item], x: float, y: float, across: float, down: float) -> None:
        size = round(across * SCALE), round(down * SCALE)
        fine = Image.new("RGB", (size[0] * FINE, size[1] * FINE), _WHITE)
        draw = ImageDraw.Draw(fine)
        for part in parts:
            _paint(draw, part)
        drawn.extend(parts)
        whole.paste(fine.reduce(FINE), (round(x * SCALE), round(y * SCALE)))

    paint(_header(picture, width), 0, 0, width, HEADER + 18 * bool(picture.note))
    for chart, (x, y, across) in zip(picture.charts, at, strict=True):
        paint(items(chart, across), x, y, across, CELL[1])
    few = Image.new("P", (1, 1))
    few.putpalette(_palette(drawn))
    few = whole.quantize(palette=few, dither=Image.Dither.NONE)
    file = io.BytesIO()
    few.save(file, "PNG", dpi=(96 * SCALE, 96 * SCALE))
    return file.getvalue()


def _palette(drawn: Sequence[Item]) -> list[int]:
    """Return the colors of a picture's parts on white paper, in some shades, as red, green, blue, red ..."""
    opacities = [item.opacity if isinstance(item, Stroke) else 1.0 for item in drawn]
    counts = {
        _color(item.color, opacity): SHADES if opacity == 1 else PALE_SHADES
        for item, opacity in zip(drawn, opacities, strict=True)
    }
    shades = [_faded(color, (i + 1) / count) for color, count in counts.items() for i in range(count)]
    return [part for color in [_WHITE, *shades][:256] for part in color]


def _header(picture: Picture, width: float) -> list[Words]:
    room = width - 32
    title = Words(16, 27, _fitted(picture.title, 15, room), color=INK, size=15, bold=True)
    begin = 16 + _breadth(title.text, 15) + 12
    parts = [title, Words(begin, 27, _fitted(" · ".join(picture.facts), 12, width - 16 - begin), size=12)]
    return [*parts, Words(16, 46, _fitted(picture.note, 12, room), color=note_color(picture), size=12)]


def _fitted(text: str, size: float, room: float) -> str:
    """Return a text cut to a width in pixels."""
    if _breadth(text, size) <= room:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if _breadth(text[:middle] + "…", size) <= room else (fits, middle)
    return text[:fits] and text[:fits] + "…"


def _paint(draw: Any, item: Item) -> None:
    dots = SCALE * FINE
    if isinstance(item, Words):
        _write(draw, item)
    elif isinstance(item, Ring):
        place, radius, width = np.array([item.x, item.y]) * dots, item.radius * dots, round(item.width * dots)
        box = [*(place - radius - width / 2), *(place + radius + width / 2)]
        draw.ellipse(box, outline=_color(item.color), width=width) if width else draw.ellipse(box, _color(item.color))
    else:
        color, width = _color(item.color, item.opacity), round(item.width * dots)
        points = np.stack([item.x, item.y], 1) * dots
        for part in dashes(points, [length * dots for length in item.dash]) if item.dash else [points]:
            draw.line([tuple(point) for point in part.tolist()], color, width, joint="curve" if item.round else None)


def dashes(points: np.ndarray, lengths: list[float]) -> Iterator[np.ndarray]:
    """Yield the dashes of a line (n, 2) as shorter lines. Lengths are those of dashes and gaps in turn."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    begin = 0.0
    for i, length in enumerate(itertools.cycle(lengths)):
        end = min(begin + length, along[-1])
        if i % 2 == 0:
            stops = np.concatenate([[begin], along[(along > begin) & (along < end)], [end]])
            yield np.stack([np.interp(stops, along, points[:, 0]), np.interp(stops, along, points[:, 1])], 1)
        begin += length
        if not begin < along[-1]:  # a point that is NaN ends the line
            return


def _color(color: str, opacity: float = 1.0) -> tuple[int, ...]:
    """Return red, green and blue of a color on white paper."""
    color = _NAMED.get(color, color)
    return _faded([int(color[i : i + 2], 16) for i in (1, 3, 5)], opacity)


def _faded(color: Sequence[int], opacity: float) -> tuple[int, ...]:
    return tuple(round(255 + (part - 255) * opacity) for part in color)


# Letters --------------------------------------------------------------------------------------------------------------


def _write(draw: Any, words: Words) -> None:
    dots = SCALE * FINE
    size = words.size * dots
    x = (
        words.x * dots
        - {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor] * _breadth(words.text, words.size) * dots
    )
    bold = round(size / 50) * words.bold
    for font, letters in runs(words.text, size):
        draw.text((x, words.y * dots), letters, _color(words.color), font, anchor="ls", stroke_width=bold)
        x += font.getlength(letters)


def _breadth(text: str, size: float) -> float:
    """Return the width of a text in pixels."""
    dots = SCALE * FINE
    return sum(font.getlength(letters) for font, letters in runs(text, size * dots)) / dots


@functools.lru_cache(256)
def runs(text: str, size: float) -> list[tuple[Any, str]]:
    """Return a text as runs of letters of one font each."""
    found = [of_letter(letter, size) for letter in printable(text)]
    groups = itertools.groupby(found, key=lambda pair: id(pair[0]))
    return [(run[0][0], "".join(letter for _, letter in run)) for run in (list(group) for _, group in groups)]


@functools.lru_cache(4096)
def of_letter(letter: str, size: float) -> tuple[Any, str]:
    """Return the first font that has a letter, and the letter; or the first font and ``?``."""
    first = fonts(size)[0]
    if letter.isascii():
        return first, letter
    possible = itertools.chain(fonts(size), (font for name in WIDE if (font := opened(name, size)) is not None))
    return next(((font, letter) for font in possible if has(font, letter)), (first, "?"))


def has(font: Any, letter: str) -> bool:
    """Return whether a font has a letter: the picture of a missing one is that of a code that is no letter."""
    one, missing = font.getmask(letter), font.getmask("\U0010ffff")
    return one.size != missing.size or bytes(one) != bytes(missing)


@functools.cache
def fonts(size: float) -> list[Any]:
    """Return Pillow's own font, which has few letters, and DejaVu, if the system or matplotlib has it."""
    from PIL import ImageFont

    found = [ImageFont.load_default(size), opened("DejaVuSans.ttf", size)]
    return [font for font in found if font is not None]


@functools.cache
def opened(name: str, size: float) -> Any:
    """Return a font of the system, or of matplotlib, which need not be imported for that. None if there is none."""
    from PIL import ImageFont

    spec = importlib.util.find_spec("matplotlib")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for path in (name, *(str(Path(folder, "mpl-data", "fonts", "ttf", name)) for folder in folders)):
        try:
            return ImageFont.truetype(path, size)
        except OSError:
            continue
    return None
