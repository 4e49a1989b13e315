"""`model.summary()`: the layers with their output shapes and numbers of parameters, as text and as HTML."""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kernelkit.layers.input_layer import InputLayer
from kernelkit.layers.layer import Layer
from kernelkit.symbolic import KerasTensor, producer


@dataclass
class Row:
    """One layer in a summary."""

    name: str
    kind: str
    shape: str
    parameters: int | None
    trainable: bool
    inputs: str
    depth: int


@dataclass
class Summary:
    """What a summary shows, before it is drawn."""

    title: str
    rows: list[Row]
    trainable: int
    frozen: int
    optimizer: int
    connected: bool


_UNBUILT = " (not built yet)"


def describe(model: Any, expand_nested: bool = False, layer_range: Any = None) -> Summary:
    """Collect a model's summary.

    Args:
        model: The model.
        expand_nested: Whether the layers of nested models have rows of their own.
        layer_range: Names of the first and the last layer.
    """
    layers = model.layers
    if layer_range is not None:
        names = [layer.name for layer in layers]
        for name in layer_range:
            if name not in names:
                raise ValueError(
                    f"summary(layer_range=...): model {model.name!r} has no layer {name!r}; it has {names}."
                )
        layers = layers[names.index(layer_range[0]) : names.index(layer_range[1]) + 1]
    connected = model._graph is not None and not _is_chain(model)
    rows: list[Row] = []
    for layer in layers:
        _add_rows(rows, layer, model, connected, expand_nested, 0)
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    slots = model.optimizer.variables if getattr(model, "optimizer", None) is not None else []
    return Summary(
        f"Model: {model.name}" + ("" if model.built else _UNBUILT),
        rows,
        sum(math.prod(v.shape) for v in trainable),
        sum(math.prod(v.shape) for v in frozen),
        sum(math.prod(v.shape) for v in slots) if model.optimizer is not None and model.optimizer.built else 0,
        connected,
    )


def _is_chain(model: Any) -> bool:
    counts = [len(node.input_tensors) for node in model._graph.nodes]
    used = [id(t) for node in model._graph.nodes for t in node.input_tensors]
    return all(c <= 1 for c in counts) and len(set(used)) == len(used)


def _add_rows(rows: list[Row], layer: Layer, model: Any, connected: bool, expand: bool, depth: int) -> None:
    rows.append(
        Row(
            layer.name,
            type(layer).__name__,
            _shape_of(layer, model),
            sum(math.prod(v.shape) for v in layer.weights) if layer.built else None,
            bool(layer.trainable),
            _inputs_of(layer, model) if connected else "",
            depth,
        )
    )
    nested = getattr(layer, "layers", None)
    if expand and nested and hasattr(layer, "_graph"):
        inner = layer._graph is not None and not _is_chain(layer)
        for child in nested:
            _add_rows(rows, child, layer, connected and inner, expand, depth + 1)


def _nodes_of(layer: Layer, model: Any) -> list:
    graph = getattr(model, "_graph", None)
    if graph is None:
        return layer._inbound_nodes
    own = [node for node in graph.nodes if node.operation is layer]
    return own or layer._inbound_nodes


def _shape_of(layer: Layer, model: Any) -> str:
    nodes = _nodes_of(layer, model)
    if not nodes:
        return "?"
    tensors = nodes[-1].output_tensors
    return ", ".join(_shape_text(t) for t in tensors)


def _shape_text(tensor: KerasTensor) -> str:
    inner = ", ".join("None" if d is None else str(d) for d in tensor.shape)
    return f"({inner},)" if len(tensor.shape) == 1 else f"({inner})"


def _inputs_of(layer: Layer, model: Any) -> str:
    if isinstance(layer, InputLayer):
        return "-"
    names = []
    for node in _nodes_of(layer, model):
        for tensor in node.input_tensors:
            parent = producer(tensor)
            if parent is not None:
                names.append(parent.operation.name)
    return ", ".join(names) or "-"


def _columns(summary: Summary, show_trainable: bool) -> tuple[list[str], list[list[str]]]:
    titles = ["Layer (type)", "Output shape", "Parameters"]
    titles += ["Connected to"] if summary.connected else []
    titles += ["Trainable"] if show_trainable else []
    lines = []
    for row in summary.rows:
        count = "0 (unbuilt)" if row.parameters is None else f"{row.parameters:,}"
        line = [f"{'  ' * row.depth}{row.name} ({row.kind})", row.shape, count]
        line += [row.inputs] if summary.connected else []
        line += ["yes" if row.trainable else "no"] if show_trainable else []
        lines.append(line)
    return titles, lines


def _totals(summary: Summary) -> list[tuple[str, str]]:
    total = summary.trainable + summary.frozen + summary.optimizer
    rows = [
        ("Total parameters", f"{total:,} ({_bytes(total)})"),
        ("Trainable", f"{summary.trainable:,} ({_bytes(summary.trainable)})"),
        ("Not trainable", f"{summary.frozen:,} ({_bytes(summary.frozen)})"),
    ]
    if summary.optimizer:
        rows.append(("Optimizer", f"{summary.optimizer:,} ({_bytes(summary.optimizer)})"))
    return rows


def _bytes(count: int) -> str:
    size = count * 4.0
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.2f} {unit}" if unit != "B" else f"{int(size)} B"
        size /= 1024
    raise AssertionError


def as_text(summary: Summary, width: int | None = None, show_trainable: bool = False) -> str:
    """Draw a summary for a terminal, as a table of rich."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    titles, lines = _columns(summary, show_trainable)
    table = Table(title=Text(summary.title, style="bold"), title_justify="left")
    for title in titles:
        table.add_column(title, justify="right" if title == "Parameters" else "left", overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    console = Console(width=width or 100, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
        for name, value in _totals(summary):
            console.print(Text(f" {name}: {value}"))
    return capture.get()


def as_html(summary: Summary, show_trainable: bool = False) -> str:
    """Draw a summary for a notebook. Every name is escaped: it may come from a stranger's file."""
    titles, lines = _columns(summary, show_trainable)
    cell = "padding:4px 12px;text-align:left;font-variant-numeric:tabular-nums;white-space:nowrap"
    right = cell.replace("left", "right")
    align = [right if t == "Parameters" else cell for t in titles]
    line = "border-top:1px solid color-mix(in srgb, currentColor 18%, transparent)"
    head = "".join(f'<th scope="col" style="{a}">{html.escape(t)}</th>' for t, a in zip(titles, align, strict=True))
    body = ""
    for row, cells in zip(summary.rows, lines, strict=True):
        name = (
            f'<td style="{cell};padding-left:{12 + 18 * row.depth}px">'
            f'<b style="font-weight:600">{html.escape(row.name)}</b> '
            f'<span style="opacity:.6">{html.escape(row.kind)}</span></td>'
        )
        rest = "".join(f'<td style="{a}">{html.escape(c)}</td>' for c, a in zip(cells[1:], align[1:], strict=True))
        body += f'<tr style="{line}">{name}{rest}</tr>'
    totals = " · ".join(f"{html.escape(n)}: <b>{html.escape(v)}</b>" for n, v in _totals(summary))
    return (
        '<div style="overflow-x:auto;font-family:system-ui,sans-serif;font-size:13px">'
        f'<div style="font-weight:600;font-size:15px;margin:4px 12px">{html.escape(summary.title)}</div>'
        f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        f'<div style="margin:6px 12px;opacity:.85">{totals}</div></div>'
    )


def show(
    model: Any,
    width: int | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> None:
    """Show a model's summary: HTML in a notebook, text elsewhere."""
    summary = describe(model, expand_nested, layer_range)
    text = as_text(summary, width, show_trainable)
    if print_fn is not None:
        print_fn(text)
    elif _in_notebook():
        from IPython.display import display

        display({"text/html": as_html(summary, show_trainable), "text/plain": text}, raw=True)
    else:
        sys.stdout.write(text)


def _in_notebook() -> bool:
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return shell is not None and type(shell).__name__ in ("ZMQInteractiveShell", "Shell")
