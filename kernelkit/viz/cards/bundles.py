"""The display of a model as the last line of a cell: its totals, and its picture with repeated blocks folded."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from kernelkit.diagram import scene, svg
from kernelkit.models.description import describe
from kernelkit.models.description.words import totals_text
from kernelkit.models.model import Model

MIME = "application/vnd.kernelkit.graph.v1+json"
_MOST_BYTES = 400_000
"""Maximum size of a description in a notebook. For larger models only the picture is stored."""

# A page that trusts the notebook keeps the style sheet and shows the inline SVG in the page's colors. A page that does
# not, such as JupyterLab before "Trust notebook", drops styles and SVG, and the image remains.
_STYLE = (
    ".kk-card{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-content-font-color1,inherit)}"
    ".kk-card .kk-inline{display:block!important;overflow:auto;max-height:640px;padding:4px 0}"
    ".kk-card .kk-inline~.kk-image{display:none}.kk-card i{font-style:normal;opacity:.65}"
    ".kk-card .kk-bad{color:#dc2626;white-space:pre-wrap}"
)


def bundle_of(model: Model) -> dict[str, Any]:
    """Return a model as a MIME bundle: text, HTML with a picture, and its description for JupyterLab's extension.

    Example:
        >>> import kernelkit as kk
        >>> found = bundle_of(kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)]))
        >>> sorted(found)
        ['application/vnd.kernelkit.graph.v1+json', 'text/html', 'text/plain']
    """
    description = describe(model)
    bundle: dict[str, Any] = {"text/plain": repr(model), "text/html": card(description)}
    if len(str(description)) <= _MOST_BYTES:
        bundle[MIME] = description
    return bundle


def card(description: dict[str, Any]) -> str:
    """Return a description as an HTML fragment that passes a sanitizer and runs no code."""
    name, title = (description["strings"][description[key]] for key in ("model", "class"))
    # Draw long chains from left to right, up to the width of the page.
    down = scene(description)
    across = scene(description, left_to_right=True)
    arranged = across if across.width <= 900 else down
    drawing = svg(arranged, f"Graph of the model {name}")
    image = base64.b64encode(svg(arranged, name, background="#ffffff", color="#1a1a1a").encode()).decode()
    error = description["error"]
    said = ""
    if error is not None:
        shapes = ", ".join(str(tuple(shape)) for shape in error["shapes"])
        where = f"Fails at {error['layer']!r} in {error['in']!r}" if error["layer"] else f"Fails in {error['in']!r}"
        given = f", which was given {shapes}" if shapes else ""
        said = f'<div class="kk-bad">{escape(where + given)}: {escape(error["message"])}</div>'
    elif description["note"]:
        said = f"<div>{escape(description['note'])}</div>"
    return (
        f'<div class="kk-card"><style>{_STYLE}</style><div><b>{escape(name)}</b> <i>{escape(title)}</i> · '
        f"{escape(totals_text(description))}</div>{said}"
        f'<div class="kk-inline" style="display:none">{drawing}</div>'
        f'<img class="kk-image" alt="{escape(f"Graph of the model {name}")}" '
        f'src="data:image/svg+xml;base64,{image}"/></div>'
    )
