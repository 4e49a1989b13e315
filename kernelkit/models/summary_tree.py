"""`model.summary()` in a notebook: a tree of layers that folds. Every name is escaped, because it may be untrusted."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from kernelkit import scope
from kernelkit.models.description import schema
from kernelkit.models.description.reading import sources
from kernelkit.models.description.words import bytes_text, number_text, totals_text

_STYLE = (
    ".kk-tree{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);overflow-x:auto;max-width:980px;"
    "font-variant-numeric:tabular-nums}"
    ".kk-tree .r{display:grid;grid-template-columns:minmax(220px,3fr) minmax(110px,1.4fr) 92px 76px 78px "
    "minmax(70px,1.2fr);gap:0 12px;padding:3px 8px;align-items:center;min-width:640px;"
    "border-top:1px solid color-mix(in srgb,currentColor 13%,transparent)}"
    ".kk-tree .h{font-weight:600;border-top:0;opacity:.7;font-size:12px}"
    ".kk-tree .r>*{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}"
    ".kk-tree .e{text-align:right}.kk-tree i{font-style:normal;opacity:.6}.kk-tree b{font-weight:600}"
    ".kk-tree summary{display:block;cursor:pointer;list-style:none}"
    ".kk-tree summary::-webkit-details-marker{display:none}"
    ".kk-tree summary:focus-visible{outline:2px solid currentColor;outline-offset:-2px}"
    ".kk-tree summary b::before{content:'▸ ';opacity:.6}.kk-tree details[open]>summary b::before{content:'▾ '}"
    ".kk-tree .g{height:7px;border-radius:4px;background:color-mix(in srgb,currentColor 11%,transparent)}"
    ".kk-tree .g>span{display:block;height:100%;border-radius:4px;background:#3b82f6}"
    ".kk-tree .f .g>span{background:#94a3b8}.kk-tree .x{color:#dc2626}.kk-tree .t{padding:6px 8px}"
)


def as_html(
    description: dict[str, Any],
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """Draw a model's layers as an HTML tree.

    Args:
        description: The result of :func:`kernelkit.viz.graph`.
        expand_nested: Whether nested models are open at first.
        show_trainable: Whether frozen layers say so in words.
        layer_range: Names of the first and the last layer to show.

    Returns:
        HTML without scripts.
    """
    return _Tree(description, expand_nested, show_trainable).page(layer_range)


class _Tree:
    def __init__(self, description: dict[str, Any], expand_nested: bool, show_trainable: bool) -> None:
        self.description, self.expand, self.show_trainable = description, expand_nested, show_trainable
        self.nodes, self.strings = description["nodes"], [scope.printable(text) for text in description["strings"]]
        self.total = max(1, description["totals"]["params"])
        self.children: dict[int, list[int]] = {}
        for row, parent in enumerate(self.nodes["parent"]):
            self.children.setdefault(parent, []).append(row)
        self.sources = sources(description)

    def page(self, layer_range: Sequence[str] | None) -> str:
        title = html.escape(self.strings[self.description["model"]])
        kind = html.escape(self.strings[self.description["class"]])
        heads = ("Layer", "Output shape", "Parameters", "Memory", "Share", "Fed by")
        head = "".join(f'<span class="{"e" if i in (2, 3) else ""}">{text}</span>' for i, text in enumerate(heads))
        note = self.description["note"] or (self.description["error"] or {}).get("message", "")
        said = f'<div class="t x">{html.escape(note)}</div>' if note else ""
        return (
            f'<div class="kk-tree"><style>{_STYLE}</style><div class="t"><b>{title}</b> <i>{kind}</i></div>'
            f'<div class="r h">{head}</div>{self._rows(layer_range)}'
            f'<div class="t">{html.escape(totals_text(self.description))}</div>{said}</div>'
        )

    def _rows(self, layer_range: Sequence[str] | None) -> str:
        """Write all rows, the rows of a group inside a part that folds; without recursion, since groups may be deep."""
        top = self._in_range(self.children.get(-1, []), layer_range)
        parts: list[str] = []
        stack: list[tuple[int, int] | str] = [(row, 0) for row in reversed(top)]
        while stack:
            one = stack.pop()
            if isinstance(one, str):
                parts.append(one)
                continue
            row, depth = one
            kind = self.nodes["kind"][row]
            if kind == schema.OUTPUT or (kind == schema.INPUT and depth):
                continue
            line = self._line(row, depth)
            if row not in self.children:
                parts.append(line)
                continue
            opened = " open" if self.expand and kind == schema.GROUP else ""
            parts.append(f"<details{opened}><summary>{line}</summary>")
            stack.append("</details>")
            stack += [(child, depth + 1) for child in reversed(self.children[row])]
        return "".join(parts)

    def _in_range(self, rows: list[int], layer_range: Sequence[str] | None) -> list[int]:
        if layer_range is None:
            return rows
        ends: list[int] = []
        for name in layer_range:
            inside = [i for i, row in enumerate(rows) if name in self._names_in(row)]
            ends += inside[:1] if not ends else inside[-1:]
        return rows[ends[0] : ends[-1] + 1] if len(ends) == 2 else rows

    def _names_in(self, row: int) -> set[str]:
        """Return the names of a row and of the rows inside it."""
        found, waiting = set(), [row]
        while waiting:
            one = waiting.pop()
            found.add(self.strings[self.nodes["name"][one]])
            if self.nodes["kind"][one] in (schema.REPEAT, schema.BLOCK):
                waiting += self.children.get(one, [])
        return found

    def _line(self, row: int, depth: int) -> str:
        nodes = self.nodes
        name, title = self.strings[nodes["name"][row]], self.strings[nodes["class"][row]]
        params, kind, state = nodes["params"][row] or 0, nodes["kind"][row], nodes["state"][row]
        if kind == schema.REPEAT:
            name = f"{name} × {nodes['count'][row]}"
        elif (nodes["calls"][row] or 0) > 1:
            title += f" · {nodes['calls'][row]} calls"
        if state == schema.FAILED:
            title += " · failed here"
        elif state == schema.UNREACHED:
            title += " · not called"
        frozen = nodes["trainable"][row] == 0
        if frozen and self.show_trainable:
            title += " · frozen"
        shapes = ", ".join(str(tuple(self.description["tensors"][t][1:])) for t in nodes["outputs"][row][:3])
        config = self.strings[nodes["config"][row]] if nodes["config"][row] is not None else ""
        share = params / self.total
        bar = f'<span class="g" title="{share:.1%}"><span style="width:{100 * share:.1f}%"></span></span>'
        trained = f"{nodes['trainable_params'][row] or 0:,} trainable"
        fed = ", ".join(dict.fromkeys(self.strings[nodes["name"][s]] for s in self.sources.get(row, [])[:6]))
        cells = [
            f'<span style="padding-left:{16 * depth}px" title="{html.escape(config)}"><b>{html.escape(name)}</b> '
            f"<i>{html.escape(title)}</i></span>",
            f"<span>{html.escape(shapes)}</span>",
            f'<span class="e" title="{trained}">{params:,}</span>' if params else "<span></span>",
            f'<span class="e">{bytes_text(nodes["weight_bytes"][row] or 0)}</span>' if params else "<span></span>",
            bar if params else "<span></span>",
            f'<span title="{self._work(row)}"><i>{html.escape(fed)}</i></span>',
        ]
        classes = "r" + (" f" if frozen else "") + (" x" if state == schema.FAILED else "")
        return f'<div class="{classes}">{"".join(cells)}</div>'

    def _work(self, row: int) -> str:
        flops = self.nodes["flops"][row]
        return f"{number_text(flops)}FLOPs a sample" if flops else ""
