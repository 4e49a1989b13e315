"""Models as graphs of Graphviz."""

from __future__ import annotations

import html
import itertools
import os
import shutil
from typing import Any, NamedTuple

from kernelkit.layers.layer import Layer
from kernelkit.models.model import Model
from kernelkit.models.sequential import Sequential
from kernelkit.symbolic import KerasTensor, Node, Operation, producer


class _Options(NamedTuple):
    show_shapes: bool
    show_dtype: bool
    show_layer_names: bool
    expand_nested: bool
    show_layer_activations: bool
    show_trainable: bool


def model_to_dot(
    model: Any,
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
    """Return a model as a graph of pydot.

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
        splines: How edges run: ``"ortho"``, ``"curved"``, ``"polyline"``, ``"spline"`` or ``"line"``.
        **kwargs: Refused.

    Returns:
        A `pydot.Dot`, or a `pydot.Cluster` for ``subgraph=True``.

    Raises:
        ImportError: If pydot is not installed.
        ValueError: If the model isn't built.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, name="out")])
        >>> dot = model_to_dot(model, show_shapes=True)  # doctest: +SKIP
        >>> len(dot.get_nodes())  # doctest: +SKIP
        2
    """
    pydot = _pydot()
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {sorted(kwargs)}.")
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by calling it on a batch "
            "of data."
        )
    options = _Options(show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable)
    if subgraph:
        dot = pydot.Cluster(style="dashed", graph_name=f"cluster_{id(model)}", label=model.name, labeljust="l")
    else:
        dot = pydot.Dot(rankdir=rankdir, concentrate="true", dpi=str(dpi), splines=splines)
        dot.set_node_defaults(shape="none", fontname="Helvetica")
    _draw(pydot, dot, model, options)
    return dot


def plot_model(
    model: Any,
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
    """Draw a model with Graphviz into a file.

    Args:
        model: The model, built.
        to_file: Path; its ending tells the format (``.png``, ``.svg``, ``.pdf`` ...).
        show_shapes: Whether to show the shapes of inputs and outputs.
        show_dtype: Whether to show dtypes.
        show_layer_names: Whether to show names.
        rankdir: ``"TB"`` for downwards, ``"LR"`` for rightwards.
        expand_nested: Whether the layers of nested models are shown, in a frame.
        dpi: Dots in an inch.
        show_layer_activations: Whether to show activations.
        show_trainable: Whether to show which layers are trainable.
        splines: How edges run; see :func:`model_to_dot`.
        **kwargs: Refused.

    Returns:
        The picture for a notebook, if IPython is installed and can show the format.

    Raises:
        ImportError: If pydot or Graphviz is not installed; the message says how to get them.
        ValueError: If the model isn't built.
    """
    dot = model_to_dot(
        model,
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        expand_nested,
        dpi,
        False,
        show_layer_activations,
        show_trainable,
        splines,
        **kwargs,
    )
    if shutil.which("dot") is None:
        raise ImportError(
            "plot_model() needs Graphviz, whose program `dot` was not found. Install it (apt install graphviz, brew "
            "install graphviz, conda install graphviz), or look at model.summary() instead."
        )
    path = os.fspath(to_file)
    kind = os.path.splitext(path)[1].lstrip(".").lower() or "png"
    path = path if os.path.splitext(path)[1] else f"{path}.png"
    dot.write(path, format=kind)
    return _picture(path, kind)


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
            "Drawing a model needs pydot and Graphviz: pip install pydot, apt install graphviz."
        ) from error
    return pydot


# Nodes and edges ------------------------------------------------------------------------------------------------------


def _draw(pydot: Any, dot: Any, model: Any, options: _Options) -> None:
    """Add a model's layers and what leads from one to the next."""
    graph = model._graph
    if graph is None:
        layers = model.layers if isinstance(model, Sequential) else [model]
        for layer in layers:
            dot.add_node(pydot.Node(_key(layer), label=_label(layer, options)))
        for before, after in itertools.pairwise(layers):
            dot.add_edge(pydot.Edge(_key(before), _key(after)))
        return
    for operation in graph.operations:
        if _is_expanded(operation, options):
            cluster = pydot.Cluster(
                graph_name=f"cluster_{id(operation)}", style="dashed", label=operation.name, labeljust="l"
            )
            _draw(pydot, cluster, operation, options)
            dot.add_subgraph(cluster)
        else:
            dot.add_node(pydot.Node(_key(operation), label=_label(operation, options)))
    drawn = set()
    for node in graph.nodes:
        for position, tensor in enumerate(node.input_tensors):
            edge = _end_of(tensor, options), _begin_of(node.operation, position, options)
            if edge not in drawn:
                drawn.add(edge)
                dot.add_edge(pydot.Edge(*edge))


def _is_expanded(operation: Operation, options: _Options) -> bool:
    return options.expand_nested and isinstance(operation, Model) and operation._graph is not None


def _key(operation: Operation) -> str:
    return f"n{id(operation)}"


def _end_of(tensor: KerasTensor, options: _Options) -> str:
    """Return the node that a tensor comes out of, inside of a nested model that is expanded."""
    operation, _, position = tensor._keras_history  # type: ignore[misc]
    if _is_expanded(operation, options):
        return _end_of(operation._graph.outputs[position], options)
    return _key(operation)


def _begin_of(operation: Operation, position: int, options: _Options) -> str:
    """Return the node that takes an operation's input, inside of a nested model that is expanded."""
    if _is_expanded(operation, options):
        inputs = operation._graph.inputs  # type: ignore[attr-defined]
        inner = producer(inputs[min(position, len(inputs) - 1)])
        return _key(inner.operation)  # type: ignore[union-attr]
    return _key(operation)


def _label(operation: Operation, options: _Options) -> str:
    """Return what is written into a node: a table, in Graphviz's HTML."""
    kind = html.escape(
        type(operation).__name__ if isinstance(operation, Layer) else operation.name.rstrip("_0123456789")
    )
    title = f"{html.escape(operation.name)} ({kind})" if options.show_layer_names else kind
    lines = [f"<b>{title}</b>"]
    activation = getattr(operation, "activation", None)
    if options.show_layer_activations and activation is not None:
        lines.append(f"Activation: {html.escape(getattr(activation, '__name__', type(activation).__name__))}")
    node = operation._inbound_nodes[0] if operation._inbound_nodes else None
    if options.show_shapes:
        lines.append(_shapes(node))
    if options.show_dtype:
        lines.append(f"Output dtype: {_one_or_many([t.dtype for t in node.output_tensors] if node else ['?'])}")
    if options.show_trainable and isinstance(operation, Layer):
        lines.append(f"Trainable: {operation.trainable}")
    rows = "".join(f"<tr><td>{line}</td></tr>" for line in lines)
    return f'<<table border="0" cellborder="1" cellspacing="0" cellpadding="6">{rows}</table>>'


def _shapes(node: Node | None) -> str:
    if node is None:
        return "Shape: ?"
    outputs = f"Output shape: {_one_or_many([t.shape for t in node.output_tensors])}"
    if not node.input_tensors:
        return outputs
    return f"Input shape: {_one_or_many([t.shape for t in node.input_tensors])}<br/>{outputs}"


def _one_or_many(values: list) -> str:
    return html.escape(str(values[0]) if len(values) == 1 else ", ".join(map(str, values)))
