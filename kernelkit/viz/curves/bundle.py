"""The MIME bundle of a training: a saved notebook shows its curves without a kernel."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from kernelkit.viz.curves.chart import Picture, charts_of_histories
from kernelkit.viz.curves.message import history_message
from kernelkit.viz.curves.paint import png
from kernelkit.viz.curves.plot import as_histories
from kernelkit.viz.curves.saved import MIME, saved
from kernelkit.viz.curves.svg import WIDEST, dark_colors, svgs
from kernelkit.viz.curves.text import text
from kernelkit.viz.host.jupyter import execution_count

# A page that trusts the notebook keeps the style sheet: it shows the inline SVG in the page's colors and hides the
# image. An untrusting page (JupyterLab before "Trust notebook") drops styles and SVG, and the image remains.
_DARK = ('[data-jp-theme-light="false"]', ".vscode-dark", ".vscode-high-contrast", ".dark", ".dark-theme")
_STYLE = ".kernelkit-curves>.kernelkit-inline{display:flex!important;flex-wrap:wrap;max-width:880px}"
_STYLE += ".kernelkit-inline>.kernelkit-title{flex:1 0 100%}"
_STYLE += ".kernelkit-curves>.kernelkit-inline svg{display:block;flex:1 1 300px;height:auto;"
_STYLE += f"max-width:min({WIDEST}px,100%)}}"
_STYLE += ".kernelkit-inline~.kernelkit-image{display:none}"

DARK_STYLE = f":is({','.join(_DARK)}) .kernelkit-inline{{{dark_colors()}}}"
"""CSS that makes the lines of inline pictures lighter on dark pages."""
_STYLE += DARK_STYLE


def picture_bundle(picture: Picture, key: str = "") -> dict[str, Any]:
    """Return a picture as a MIME bundle: HTML with an SVG, PNG (with Pillow 10.1 or newer) and text.

    Args:
        picture: The picture.
        key: The key of the widget that covers the static picture while its kernel lives. The frontend looks for it.
            A saved widget view is no substitute: JupyterLab would prefer it, and show an error without a kernel.

    Returns:
        Dict from MIME type to data.
    """
    bundle: dict[str, Any] = {"text/plain": text(picture), "text/html": html(picture, key)}
    if (image := png(picture)) is not None:
        bundle["image/png"] = base64.b64encode(image).decode()
    return bundle


def html(picture: Picture, key: str = "") -> str:
    """Return a picture as an HTML fragment that follows the page's theme and passes a sanitizer.

    The charts are side by side, or below each other on a narrow page.
    """
    drawings = svgs(picture)
    names = [f"Training curves of {picture.title}", *(chart.title for chart in picture.charts)]
    images = [
        f'<img class="kernelkit-image" alt="{escape(name)}" src="data:image/svg+xml;base64,'
        f'{base64.b64encode(drawing.encode()).decode()}"/>'
        for name, drawing in zip(names, drawings, strict=True)
    ]
    inline = f'<div class="kernelkit-title">{drawings[0]}</div>{"".join(drawings[1:])}'
    mark = f' data-kernelkit-panel="{escape(key)}"' if key else ""
    return (
        f'<div class="kernelkit-curves"{mark}><style>{_STYLE}</style>'
        f'<div class="kernelkit-inline tex2jax_ignore mathjax_ignore" style="display:none">{inline}</div>'
        f"{images[0]}<br/>{''.join(images[1:])}</div>"
    )


def history_bundle(history: Any) -> dict[str, Any]:
    """Return the MIME bundle of a History, for its `_repr_mimebundle_`.

    In the cell that trained, which already shows the panel, a History as the cell's last value is only one line.

    Args:
        history: A History. `.history` is a dict from log name to a value per epoch, `.epoch` the epochs from 0.

    Returns:
        Dict from MIME type to data.

    Example:
        >>> class Fake: history, epoch = {"loss": [2.0, 1.0]}, [0, 1]
        >>> sorted(history_bundle(Fake()))[-2:]
        ['text/html', 'text/plain']
    """
    histories = as_histories(history)
    epochs = max((len(epochs) for epochs, _ in histories.values()), default=0)
    charts = charts_of_histories(histories)
    name = getattr(history, "model_name", None) or "history"
    picture = Picture(str(name), charts, (f"{epochs} epoch" + "s" * (epochs != 1),))
    if not charts or shown_in_this_cell(history):
        return {"text/plain": repr(history)}
    messages = [
        history_message(i, len(histories), label or str(name), epochs, logs)
        for i, (label, (epochs, logs)) in enumerate(histories.items())
    ]
    return picture_bundle(picture) | {MIME: saved(str(name), messages)}


def mark_as_shown(history: Any, cell: int | None = None) -> None:
    """Note that a cell, by default the current one, has shown these curves."""
    _shown[:] = [(id(history), execution_count() if cell is None else cell)]


def shown_in_this_cell(history: Any) -> bool:
    """Return whether `mark_as_shown` was called for this history in the current cell."""
    return execution_count() is not None and (id(history), execution_count()) in _shown


_shown: list[tuple[int, int | None]] = []
