"""`model.summary()`: the layers with their output shapes and numbers of parameters, as text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kernelkit import rich_display, scope
from kernelkit.models.description import describe as describe_model
from kernelkit.models.description import schema
from kernelkit.models.description.reading import sources
from kernelkit.models.summary_tree import as_html


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
    """The contents of a summary, before it is drawn."""

    title: str
    rows: list[Row]
    trainable: int
    frozen: int
    optimizer: int
    connected: bool
    weight_bytes: int = 0


_UNBUILT = " (not built yet)"


def describe(model: Any, expand_nested: bool = False, layer_range: Sequence[str] | None = None) -> Summary:
    """Collect a model's summary.

    Args:
        model: The model.
        expand_nested: Whether the layers of nested models have rows of their own.
        layer_range: Names of the first and the last layer.
    """
    description = describe_model(model, costs=False, fold=False, configs=False)
    return _from_description(description, model, expand_nested, layer_range)


def _from_description(
    description: dict[str, Any], model: Any, expand_nested: bool, layer_range: Sequence[str] | None
) -> Summary:
    nodes, strings = description["nodes"], description["strings"]
    kinds, parents = nodes["kind"], nodes["parent"]
    names = [strings[i] for i in nodes["name"]]
    hidden = {row for row, kind in enumerate(kinds) if kind == schema.OUTPUT or _is_hidden_input(description, row)}
    first, last = 0, len(names)
    if layer_range is not None:
        top = [row for row in range(len(names)) if parents[row] == -1 and row not in hidden]
        known = [names[row] for row in top]
        for name in layer_range:
            if name not in known:
                raise ValueError(
                    f"summary(layer_range=...): model {model.name!r} has no layer {name!r}; it has {known}."
                )
        ends = [known.index(name) for name in layer_range]
        first = top[ends[0]]
        last = top[ends[1] + 1] if ends[1] + 1 < len(top) else len(names)
    fed = sources(description)
    connected = any(len(found) > 1 for found in fed.values()) or _has_branches(fed)
    rows, depth = [], [0] * len(names)
    for row in range(len(names)):
        depth[row] = 0 if parents[row] == -1 else depth[parents[row]] + 1
        if row in hidden or not (first <= row < last) or (depth[row] and not expand_nested):
            continue
        parameters = nodes["params"][row]
        unbuilt = nodes["state"][row] == schema.UNREACHED and not parameters
        rows.append(
            Row(
                names[row],
                strings[nodes["class"][row]],
                ", ".join(shape_text(description["tensors"][t][1:]) for t in nodes["outputs"][row]) or "?",
                None if unbuilt else parameters,
                bool(nodes["trainable"][row]),
                ", ".join(names[s] for s in fed.get(row, [])) or "-",
                depth[row],
            )
        )
    totals = description["totals"]
    return Summary(
        f"Model: {scope.printable(model.name)}" + ("" if model.built else _UNBUILT),
        rows,
        totals["trainable_params"],
        totals["frozen_params"],
        totals["optimizer_params"],
        connected,
        totals["weight_bytes"],
    )


def _is_hidden_input(description: dict[str, Any], row: int) -> bool:
    """Return whether a row is an input without a layer: of a Sequential or a subclassed model."""
    nodes, strings = description["nodes"], description["strings"]
    if nodes["kind"][row] != schema.INPUT:
        return False
    parent = nodes["parent"][row]
    return strings[description["class"] if parent == -1 else nodes["class"][parent]] != "Functional"


def _has_branches(sources: dict[int, list[int]]) -> bool:
    used = [source for found in sources.values() for source in found]
    return len(set(used)) != len(used)


def shape_text(sizes: list) -> str:
    """Return a shape as Python writes it.

    Example:
        >>> shape_text([None, 3])
        '(None, 3)'
    """
    return str(tuple(sizes))


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
        lines.append([scope.printable(cell) for cell in line])
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
    """Draw a summary for a terminal, as a table; the package rich wraps the cells of one that is wider than `width`."""
    titles, lines = _columns(summary, show_trainable)
    totals = [f" {name}: {value}" for name, value in _totals(summary)]
    widths = [max(map(_breadth, cells)) for cells in zip(titles, *lines, strict=True)]
    table = sum(widths) + 3 * len(widths) + 1  # the cells, and the frame around each
    fits = max(table, *map(len, totals)) <= (width or 100) and _breadth(summary.title) <= table
    if fits and not any("\n" in cell for line in (titles, *lines, [summary.title]) for cell in line):
        return "".join(f"{line}\n" for line in [*_drawn(summary.title, titles, lines, widths, table), *totals])
    return _wrapped(summary.title, titles, lines, totals, width or 100)


def _breadth(text: str) -> int:
    """Return the width of a text in a terminal, where letters of Chinese, Japanese and Korean count twice."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _drawn(title: str, titles: list[str], lines: list[list[str]], widths: list[int], table: int) -> list[str]:
    """Return the lines of a table of cells that fit."""
    right = titles.index("Parameters")

    def row(cells: list[str], edge: str) -> str:
        gaps = [" " * (width - _breadth(cell)) for cell, width in zip(cells, widths, strict=True)]
        padded = [
            gap + cell if i == right else cell + gap for i, (cell, gap) in enumerate(zip(cells, gaps, strict=True))
        ]
        return f"{edge} {f' {edge} '.join(padded)} {edge}"

    def rule(first: str, line: str, cross: str, last: str) -> str:
        return first + cross.join(line * (width + 2) for width in widths) + last

    head = [
        title + " " * (table - _breadth(title)),
        rule("┏", "━", "┳", "┓"),
        row(titles, "┃"),
        rule("┡", "━", "╇", "┩"),
    ]
    return [*head, *(row(line, "│") for line in lines), rule("└", "─", "┴", "┘")]


def _wrapped(title: str, titles: list[str], lines: list[list[str]], totals: list[str], width: int) -> str:
    """Return a table in which cells take several lines, followed by the totals."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="bold"), title_justify="left")
    for name in titles:
        table.add_column(name, justify="right" if name == "Parameters" else "left", overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    console = Console(width=width, color_system=None, force_terminal=False, force_jupyter=False)
    with console.capture() as capture:
        console.print(table)
        for words in totals:
            console.print(Text(words))
    return capture.get()


def show(
    model: Any,
    width: int | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Show a model's summary: HTML in a notebook, text elsewhere."""
    description = describe_model(model, costs=False, fold=False, configs=False)
    text = as_text(_from_description(description, model, expand_nested, layer_range), width, show_trainable)
    if print_fn is not None:
        print_fn(text)
    elif rich_display.is_notebook():
        from IPython.display import display

        page = as_html(describe_model(model), expand_nested, show_trainable, layer_range)
        display({"text/html": page, "text/plain": text}, raw=True)
    else:
        sys.stdout.write(text)
