"""Compare two models: their layers side by side, matched by structure, with the differences marked."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape
from typing import Any, NamedTuple

from kernelkit.models.description import describe, schema
from kernelkit.models.description.words import shape_text, totals_text
from kernelkit.typing import Batch

_LEAVES = (schema.INPUT, schema.LAYER, schema.OP)
_MANY = 2000
"""Models with more layers are matched with a heuristic that ignores very frequent layers as anchors."""
_STYLE = (
    ".kk-diff{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-content-font-color1,inherit);"
    "overflow:auto}.kk-diff table{border-collapse:collapse;margin:6px 0}.kk-diff :is(td,th){text-align:left;"
    "padding:2px 12px;border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent);vertical-align:top}"
    ".kk-diff .kk-same{opacity:.62}.kk-diff .kk-changed{background:color-mix(in srgb,#d97706 16%,transparent)}"
    ".kk-diff .kk-left{background:color-mix(in srgb,#dc2626 14%,transparent)}"
    ".kk-diff .kk-right{background:color-mix(in srgb,#16a34a 14%,transparent)}"
)
_SIGNS = {"same": " ", "changed": "~", "left": "-", "right": "+"}


class Row(NamedTuple):
    """One line of a comparison: a layer of the first model, of the second model, or of both.

    Attributes:
        status: "same", "changed", "left" (only the first model has it) or "right".
        left: The first model's layer as text, or "".
        right: The second model's layer as text, or "".
        differences: Differences between the two layers, such as `("units 4 -> 8",)`.
    """

    status: str
    left: str
    right: str
    differences: tuple[str, ...] = ()


class _Leaf(NamedTuple):
    name: str
    title: str
    arguments: str
    shapes: tuple[str, ...]
    params: int
    trainable: int | None
    depth: int

    def __str__(self) -> str:
        return f"{self.name} ({self.title}) {', '.join(self.shapes)}".rstrip()


@dataclass(frozen=True)
class ModelComparison:
    """The layers of two models side by side; the result of `compare_models`.

    Attributes:
        rows: A row for each pair of matched layers, and for each layer that only one model has.
        titles: The names of the models.
        totals: Parameters, memory and work of each model, as text.
    """

    rows: tuple[Row, ...]
    titles: tuple[str, str]
    totals: tuple[str, str]

    @property
    def same(self) -> bool:
        """Whether both models have the same layers with the same arguments in the same order."""
        return all(row.status == "same" for row in self.rows)

    def __str__(self) -> str:
        lines = [f"- {self.titles[0]}: {self.totals[0]}", f"+ {self.titles[1]}: {self.totals[1]}"]
        for row in self.rows:
            said = f"   {'; '.join(row.differences)}" if row.differences else ""
            lines.append(f"{_SIGNS[row.status]} {row.left or row.right}{said}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{escape(title)}<br>{escape(totals)}</th>"
            for title, totals in zip(self.titles, self.totals, strict=True)
        )
        body = "".join(
            f'<tr class="kk-{row.status}"><td>{_SIGNS[row.status]}</td><td>{escape(row.left)}</td>'
            f"<td>{escape(row.right)}</td><td>{escape('; '.join(row.differences))}</td></tr>"
            for row in self.rows
        )
        return (
            f'<div class="kk-diff"><style>{_STYLE}</style><table><thead><tr><th></th>{head}<th>difference</th></tr>'
            f"</thead><tbody>{body}</tbody></table></div>"
        )


def compare_models(a: Any, b: Any, sample: Batch = None) -> ModelComparison:
    """Compare the layers of two models. Layers are matched by class, arguments, shapes and order, not by name.

    Args:
        a: The first model, or its description by `kernelkit.viz.graph`.
        b: The second model, or its description.
        sample: A batch of inputs or its shape, for models that were never called.

    Returns:
        A `ModelComparison`. A notebook shows it as a table, `print` as text, with `-` before layers of only the first
        model, `+` before layers of only the second model, and `~` before layers that differ.

    Example:
        >>> import kernelkit as kk
        >>> L = kk.layers
        >>> a = kk.Sequential([kk.Input((8,), name="in"), L.Dense(4, name="one"), L.Dense(2, name="out")], name="a")
        >>> b = kk.Sequential([kk.Input((8,), name="in"), L.Dense(6, name="one"), L.Dropout(0.5, name="drop"),
        ...                    L.Dense(2, name="end")], name="b")
        >>> print(compare_models(a, b))
        - a: 46 parameters · 184 B · 86 FLOPs a sample
        + b: 68 parameters · 272 B · 128 FLOPs a sample
          in (InputLayer) 8
        ~ one (Dense) 4   units=4 -> units=6; shape 4 -> 6; parameters 36 -> 54
        + drop (Dropout) 6
        ~ out (Dense) 2   parameters 10 -> 14
    """
    described = [x if isinstance(x, dict) else describe(x, sample, fold=False) for x in (a, b)]
    left, right = (_leaves(d) for d in described)
    totals = [totals_text(d) for d in described]
    names = [d["strings"][d["model"]] for d in described]
    return ModelComparison(tuple(_rows(left, right)), (names[0], names[1]), (totals[0], totals[1]))


def _leaves(description: dict[str, Any]) -> list[_Leaf]:
    nodes, strings, tensors = description["nodes"], description["strings"], description["tensors"]
    depths: list[int] = []
    found = []
    for row, kind in enumerate(nodes["kind"]):
        parent = nodes["parent"][row]
        depths.append(0 if parent < 0 else depths[parent] + 1)
        if kind not in _LEAVES or (kind == schema.INPUT and parent >= 0):
            continue
        config = nodes["config"][row]
        shapes = tuple(shape_text(tensors[i][1:]) for i in nodes["outputs"][row])
        found.append(
            _Leaf(
                strings[nodes["name"][row]],
                strings[nodes["class"][row]],
                "" if config is None else strings[config],
                shapes,
                nodes["params"][row] or 0,
                nodes["trainable"][row],
                depths[-1],
            )
        )
    return found


def _rows(left: list[_Leaf], right: list[_Leaf]) -> list[Row]:
    """Match equal layers first, then layers of the same class in the gaps between them."""
    rows: list[Row] = []
    for a, b in _pairs(left, right, lambda leaf: (leaf.title, leaf.arguments, leaf.shapes, leaf.params)):
        for x, y in _pairs(left[a], right[b], lambda leaf: leaf.title):
            for i in range(max(x.stop - x.start, y.stop - y.start)):
                one = left[a][x][i] if i < x.stop - x.start else None
                other = right[b][y][i] if i < y.stop - y.start else None
                rows += _row(one, other)
    return rows


def _row(one: _Leaf | None, other: _Leaf | None) -> list[Row]:
    if one is None or other is None:
        return [Row("right", "", str(other))] if one is None else [Row("left", str(one), "")]
    if one.title != other.title:
        return [Row("left", str(one), ""), Row("right", "", str(other))]
    said = []
    mine, yours = one.arguments.split(", "), other.arguments.split(", ")
    gone, new = [p for p in mine if p and p not in yours], [p for p in yours if p and p not in mine]
    if gone or new:
        said.append(f"{', '.join(gone) or 'nothing'} -> {', '.join(new) or 'nothing'}")
    if one.shapes != other.shapes:
        said.append(f"shape {', '.join(one.shapes)} -> {', '.join(other.shapes)}")
    if one.params != other.params:
        said.append(f"parameters {one.params:,} -> {other.params:,}")
    if one.trainable != other.trainable:
        said.append("frozen -> trainable" if other.trainable else "trainable -> frozen")
    return [Row("changed" if said else "same", str(one), str(other), tuple(said))]


def _pairs(left: list[_Leaf], right: list[_Leaf], key: Any) -> list[tuple[slice, slice]]:
    """Return pairs of indices with equal keys, and the stretches between them."""
    matcher = SequenceMatcher(None, [key(x) for x in left], [key(x) for x in right], autojunk=len(right) > _MANY)
    found = []
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        if tag == "equal":
            found += [(slice(a + i, a + i + 1), slice(b + i, b + i + 1)) for i in range(a_end - a)]
        else:
            found.append((slice(a, a_end), slice(b, b_end)))
    return found
