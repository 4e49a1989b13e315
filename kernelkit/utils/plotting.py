"""Pictures of models: drawn by Graphviz if it is installed, otherwise by kernelkit itself."""

from __future__ import annotations

import html
import os
import shutil
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from kernelkit.diagram.scene import FACTS, all_groups, scene
from kernelkit.diagram.svg import svg
from kernelkit.models.description import describe, schema
from kernelkit.models.model import Model

_VECTOR = ("svg", "pdf", "ps", "eps", "dot", "plain", "json")
_HOW = (
    "For Graphviz's: pip install pydot, and its program `dot` (apt install graphviz, brew install graphviz, conda "
    "install graphviz)."
)


class _Options(NamedTuple):
    show_shapes: bool
    show_dtype: bool
    show_layer_names: bool
    expand_nested: bool
    show_layer_activations: bool
    show_trainable: bool


def model_to_dot(
    model: Model,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Return a model as a pydot graph.

    Subclassed models are shown with the layers that they call.

    Args:
        model: The model, built.
        show_shapes: Whether to show the shapes of inputs and outputs.
        show_dtype: Whether to show dtypes.
        show_layer_names: Whether to show names.
        rankdir: ``"TB"`` for downwards, ``"LR"`` for rightwards.
        expand_nested: Whether the layers of nested models are shown, in a frame.
        dpi: Dots in an inch.
        subgraph: Whether to return a `pydot.Cluster`, to be put into another graph.
        show_layer_activations: Whether to show activations.
        show_trainable: Whether to show which layers are trainable.
        splines: Style of the edges: ``"ortho"``, ``"curved"``, ``"polyline"``, ``"spline"`` or ``"line"``.
        **kwargs: ``layer_range``: the names of the first and the last layer to show.

    Returns:
        A `pydot.Dot`, or a `pydot.Cluster` for ``subgraph=True``.

    Raises:
        ImportError: If pydot is not installed.
        ValueError: If the model isn't built, or an argument is not known.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, name="out")])
        >>> dot = model_to_dot(model, show_shapes=True)  # doctest: +SKIP
        >>> len(dot.get_nodes())  # doctest: +SKIP
        1
    """
    pydot = _pydot()
    layer_range = _layer_range(kwargs)
    options = _Options(show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable)
    drawing = _Drawing(pydot, _described(model), options, layer_range)
    if subgraph:
        dot = pydot.Cluster(graph_name=str(id(model)), style="dashed", label=_quoted(model.name))
        dot.set("labeljust", "l")
    else:
        dot = pydot.Dot(graph_type="digraph", rankdir=rankdir, concentrate="true", dpi=str(dpi), splines=splines)
        dot.set_node_defaults(shape="none", fontname="Helvetica")
    drawing.draw(dot)
    return dot


def plot_model(
    model: Model,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model into a file.

    Graphviz draws the picture if Graphviz and pydot are installed. Otherwise kernelkit draws it: SVG without further
    packages, PNG and PDF with matplotlib. Without matplotlib an SVG file is written instead, under the same name with
    another ending.

    Args:
        model: The model, built.
        to_file: Path; its ending sets the format (``.png``, ``.svg``, ``.pdf``, ``.dot`` ...).
        show_shapes: Whether to show the shapes of inputs and outputs.
        show_dtype: Whether to show dtypes.
        show_layer_names: Whether to show names.
        rankdir: ``"TB"`` for downwards, ``"LR"`` for rightwards.
        expand_nested: Whether the layers of nested models are shown, in a frame.
        dpi: Dots in an inch, for formats made of pixels.
        show_layer_activations: Whether to show activations.
        show_trainable: Whether to show which layers are trainable.
        splines: Style of Graphviz's edges; see :func:`model_to_dot`.
        **kwargs: ``layer_range``, see :func:`model_to_dot`; Graphviz only.

    Returns:
        The picture for a notebook, if IPython is installed and can show the format.

    Raises:
        ImportError: If a format needs a package that is not installed.
        ValueError: If the model isn't built, or an argument is not known.

    Example:
        >>> import kernelkit as kk, tempfile, os
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     picture = plot_model(model, os.path.join(folder, "model.svg"), show_shapes=True)
        ...     os.listdir(folder)
        ['model.svg']
    """
    layer_range = _layer_range(kwargs)
    path = os.fspath(to_file)
    kind = os.path.splitext(path)[1].lstrip(".").lower()
    path, kind = (path, kind) if kind else (f"{path}.png", "png")
    missing = _missing_of_graphviz(kind)
    options = _Options(show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable)
    if not missing:
        dot = model_to_dot(model, *options[:3], rankdir, expand_nested, dpi, False, *options[4:], splines, **kwargs)
        if kind in _VECTOR:  # vector formats have sizes in points; with a dpi, parts of them would be cut off
            dot.obj_dict["attributes"].pop("dpi", None)
        dot.write(path, format="raw" if kind in ("dot", "gv") else kind)
    else:
        if kind in ("dot", "gv"):
            raise ImportError(f"Writing {path!r} needs pydot: pip install pydot.")
        if layer_range is not None:
            raise ImportError(f"plot_model(layer_range=...) needs Graphviz; {missing}. {_HOW}")
        path, kind = _draw_without_graphviz(_described(model), path, kind, options, rankdir, dpi, missing)
    return _picture(path, kind)


def _draw_without_graphviz(
    description: dict[str, Any], path: str, kind: str, options: _Options, rankdir: str, dpi: float, missing: str
) -> tuple[str, str]:
    """Draw with kernelkit's own layout; return the path and the format of the written file."""
    facts = set(FACTS)
    wanted = {
        "name": options.show_layer_names,
        "shape": options.show_shapes,
        "dtype": options.show_dtype,
        "activation": options.show_layer_activations,
        "trainable": options.show_trainable,
    }
    for name, shown in wanted.items():
        facts = facts | {name} if shown else facts - {name}
    opened = all_groups(description) if options.expand_nested else set()
    arranged = scene(description, opened, left_to_right=rankdir in ("LR", "RL"), facts=facts)
    _say_once(f"plot_model() drew the model itself: {missing}. {_HOW}")
    if kind != "svg":
        try:
            from kernelkit.diagram.drawn import draw

            draw(arranged, path, kind, dpi)
            return path, kind
        except ImportError:
            path, kind = f"{os.path.splitext(path)[0]}.svg", "svg"
            _say_once(f"Only SVG can be drawn without matplotlib and Graphviz: the picture is in {path}.")
    title = f"Model {description['strings'][description['model']]}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(svg(arranged, title, background="#ffffff", color="#1a1a1a"))
    return path, kind


_said: set[str] = set()


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        warnings.warn(text, stacklevel=4)


def _missing_of_graphviz(kind: str) -> str:
    """Return why Graphviz cannot draw, or an empty text if it can."""
    try:
        import pydot  # noqa: F401
    except ImportError:
        return "pydot is not installed"
    if kind not in ("dot", "gv") and shutil.which("dot") is None:
        return "Graphviz's program `dot` was not found"
    return ""


def _picture(path: str, kind: str) -> Any:
    try:
        from IPython import display
    except ImportError:
        return None
    if kind == "svg":
        return display.SVG(filename=path)
    return display.Image(filename=path) if kind in ("png", "jpg", "jpeg", "gif") else None


def _pydot() -> Any:
    try:
        import pydot
    except ImportError as error:
        raise ImportError(
            "model_to_dot() needs pydot: pip install pydot. plot_model() and model.graph() draw without it."
        ) from error
    return pydot


def _layer_range(kwargs: dict[str, Any]) -> Any:
    unknown = sorted(set(kwargs) - {"layer_range"})
    if unknown:
        raise ValueError(f"Unrecognized keyword arguments: {unknown}.")
    return kwargs.get("layer_range")


def _described(model: Model) -> dict[str, Any]:
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by calling it on a batch "
            "of data."
        )
    return describe(model, costs=False, fold=False)


# Nodes and edges ------------------------------------------------------------------------------------------------------


class _Drawing:
    """A description as nodes, edges and clusters of pydot."""

    def __init__(
        self, pydot: Any, description: dict[str, Any], options: _Options, layer_range: Sequence[str] | None
    ) -> None:
        self.pydot, self.description, self.options = pydot, description, options
        self.nodes = description["nodes"]
        self.parent: list[int] = self.nodes["parent"]
        self.count = len(self.parent)
        self.has_inside = set(self.parent) - {-1}
        self.left_out = self._left_out(layer_range)
        # The box of each row: that of its outermost closed group.
        self.box = list(range(self.count))
        for row, parent in enumerate(self.parent):
            if parent >= 0 and (self.box[parent] != parent or not options.expand_nested):
                self.box[row] = self.box[parent]

    def _text(self, index: int | None) -> str:
        return "" if index is None else self.description["strings"][index]

    def _container_class(self, row: int) -> str:
        parent = self.parent[row]
        return self._text(self.description["class"] if parent == -1 else self.nodes["class"][parent])

    def _left_out(self, layer_range: Sequence[str] | None) -> set[int]:
        """Return the rows that are not drawn: outputs, the inputs of Sequentials, rows outside the range."""
        kinds = self.nodes["kind"]
        found = {row for row in range(self.count) if kinds[row] == schema.OUTPUT}
        for row in range(self.count):
            if kinds[row] == schema.INPUT and self._container_class(row) == "Sequential":
                found.add(row)
        drawn = [row for row in range(self.count) if row not in found and self.parent[row] == -1]
        if not drawn:  # a model that returns its input
            return found - {row for row in range(self.count) if kinds[row] == schema.INPUT}
        if layer_range is not None:
            names = [self._text(self.nodes["name"][row]) for row in drawn]
            for name in layer_range:
                if name not in names:
                    raise ValueError(f"layer_range: the model has no layer {name!r}; it has {names}.")
            first, last = sorted(names.index(name) for name in layer_range)
            out = set(drawn[:first] + drawn[last + 1 :])
            found |= out | {row for row in range(self.count) if self._top(row) in out}
        return found

    def _top(self, row: int) -> int:
        while self.parent[row] >= 0:
            row = self.parent[row]
        return row

    def draw(self, dot: Any) -> None:
        """Add all nodes, frames and edges."""
        graphs = {-1: dot}
        for row in range(self.count):
            if self.box[row] != row or row in self.left_out:
                continue
            around = graphs[self.parent[row]]
            if self.options.expand_nested and row in self.has_inside:
                graphs[row] = self.pydot.Cluster(
                    graph_name=f"{id(dot)}_{row}",
                    style="dashed",
                    label=_quoted(self._text(self.nodes["name"][row])),
                    labeljust="l",
                )
            else:
                around.add_node(self.pydot.Node(f"n{row}", label=self._label(row)))
        for row in reversed([row for row in graphs if row >= 0]):
            graphs[self.parent[row]].add_subgraph(graphs[row])
        for a, b in self._edges():
            dot.add_edge(self.pydot.Edge(f"n{a}", f"n{b}", penwidth="2"))

    def _edges(self) -> list[tuple[int, int]]:
        """Return the edges between drawn rows, each once; rows that are not drawn are skipped."""
        edges = self.description["edges"]
        pairs = [
            (self.box[a], self.box[b])
            for a, b in zip(edges["source"], edges["target"], strict=True)
            if self.box[a] != self.box[b] or a == b == self.box[a]  # a layer that is called on its own output
        ]
        sources: dict[int, list[int]] = {}
        for a, b in pairs:
            sources.setdefault(b, []).append(a)
        passed = {row for row in self.left_out if self.nodes["kind"][row] == schema.INPUT and self.parent[row] >= 0}
        found: dict[tuple[int, int], None] = {}
        for a, b in pairs:
            if b in self.left_out:
                continue
            begins = [a]
            while any(begin in passed for begin in begins):
                begins = [s for begin in begins for s in (sources.get(begin, []) if begin in passed else [begin])]
            for begin in begins:
                if begin not in self.left_out:
                    found.setdefault((begin, b))
        return list(found)

    def _label(self, row: int) -> str:
        """Return the label of a node: a table in Graphviz's HTML."""
        options, nodes = self.options, self.nodes
        kind, name = html.escape(self._text(nodes["class"][row])), html.escape(self._text(nodes["name"][row]))
        cells = []
        if options.show_shapes:
            if nodes["inputs"][row]:
                cells.append(_cell("Input shape", self._shapes(nodes["inputs"][row])))
            cells.append(_cell("Output shape", self._shapes(nodes["outputs"][row])))
        if options.show_dtype:
            cells.append(_cell("Output dtype", self._dtypes(nodes["outputs"][row])))
        if options.show_trainable and nodes["trainable"][row] is not None and nodes["params"][row]:
            trainable = bool(nodes["trainable"][row])
            color, text = ("forestgreen", "Trainable") if trainable else ("firebrick", "Non-trainable")
            cells.append(f'<td bgcolor="{color}"><font point-size="14" color="white"><b>{text}</b></font></td>')
        columns = max(1, len(cells))
        title = f"<b>{name}</b> ({kind})" if options.show_layer_names else f"<b>{kind}</b>"
        rows = [
            f'<tr><td colspan="{columns}" bgcolor="black"><font point-size="16" color="white">{title}</font></td></tr>'
        ]
        if options.show_layer_activations and nodes["activation"][row] is not None:
            activation = html.escape(self._text(nodes["activation"][row]))
            cell = f'<font point-size="14">Activation: <b>{activation}</b></font>'
            rows.append(f'<tr><td colspan="{columns}" bgcolor="white">{cell}</td></tr>')
        if cells:
            rows.append(f"<tr>{''.join(cells)}</tr>")
        return f'<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{"".join(rows)}</table>>'

    def _shapes(self, tensors: list[int]) -> str:
        shapes = [tuple(self.description["tensors"][t][1:]) for t in tensors]
        return "?" if not shapes else str(shapes[0]) if len(shapes) == 1 else str(shapes)

    def _dtypes(self, tensors: list[int]) -> str:
        names = [self._text(self.description["tensors"][t][0]) for t in tensors]
        return "?" if not names else names[0] if len(names) == 1 else str(names)


def _cell(name: str, value: str) -> str:
    return f'<td bgcolor="white"><font point-size="14">{name}: <b>{html.escape(value)}</b></font></td>'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
