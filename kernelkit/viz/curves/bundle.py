"""What a notebook keeps of a training: one MIME bundle that shows its curves with no kernel."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from kernelkit.viz.curves.chart import Picture, charts_of_histories
from kernelkit.viz.curves.plot import as_histories, png
from kernelkit.viz.curves.svg import svg
from kernelkit.viz.curves.text import text
from kernelkit.viz.host.jupyter import execution_count

# A page that trusts the notebook keeps the style sheet: it shows the inline SVG, in the page's colours, and hides the
# image. A page that does not (JupyterLab before "Trust notebook") drops styles and SVG, and the image remains.
_STYLE = ".kernelkit-inline{display:block!important}.kernelkit-inline~.kernelkit-image{display:none}"


def picture_bundle(picture: Picture, key: str = "") -> dict[str, Any]:
    """Put a picture into a MIME bundle: HTML with an SVG, PNG (where matplotlib is installed) and text.

    Args:
        picture: Picture.
        key: str. The mark of the widget that may take the static picture's place as long as its kernel lives; the
            frontend looks for it. A saved widget view could not do this: JupyterLab prefers it to every other
            type, and without a kernel it shows nothing but an error.

    Returns:
        dict of MIME type to data.
    """
    bundle: dict[str, Any] = {"text/plain": text(picture), "text/html": html(picture, key)}
    if (image := png(picture)) is not None:
        bundle["image/png"] = base64.b64encode(image).decode()
    return bundle


def html(picture: Picture, key: str = "") -> str:
    """Write a picture as an HTML fragment that follows the page's theme and survives a sanitizer."""
    drawing = svg(picture)
    image = base64.b64encode(drawing.encode()).decode()
    label = escape(f"Training curves of {picture.title}")
    mark = f' data-kernelkit-panel="{escape(key)}"' if key else ""
    return (
        f'<div class="kernelkit-curves"{mark}><style>{_STYLE}</style>'
        f'<div class="kernelkit-inline" style="display:none">{drawing}</div>'
        f'<img class="kernelkit-image" alt="{label}" src="data:image/svg+xml;base64,{image}"/></div>'
    )


def history_bundle(history: Any) -> dict[str, Any]:
    """The MIME bundle of a History, for its `_repr_mimebundle_`.

    The cell that trained shows the panel already: there, a History that is the cell's last value is one line.

    Args:
        history: a History: `.history` is a dict of log name to a value per epoch, `.epoch` the epochs counted from 0.

    Returns:
        dict of MIME type to data.

    Example:
        >>> class Fake: history, epoch = {"loss": [2.0, 1.0]}, [0, 1]
        >>> sorted(history_bundle(Fake()))[-2:]
        ['text/html', 'text/plain']
    """
    histories = as_histories(history)
    epochs = max((len(epochs) for epochs, _ in histories.values()), default=0)
    charts = charts_of_histories(histories)
    name = getattr(getattr(history, "model", None), "name", None) or "history"
    picture = Picture(str(name), charts, (f"{epochs} epoch" + "s" * (epochs != 1),))
    if not charts or shown_in_this_cell(history):
        return {"text/plain": repr(history)}
    return picture_bundle(picture)


def mark_as_shown(history: Any) -> None:
    """Remember that this cell has shown these curves already."""
    _shown[:] = [(id(history), execution_count())]


def shown_in_this_cell(history: Any) -> bool:
    """Say whether `mark_as_shown` was called for this history in the cell that runs now."""
    return execution_count() is not None and (id(history), execution_count()) in _shown


_shown: list[tuple[int, int | None]] = []
