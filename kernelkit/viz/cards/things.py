"""The displays of variables, layers, symbolic tensors and optimizers as the last line of a cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from kernelkit import dtypes, serialize
from kernelkit.layers.layer import Layer
from kernelkit.models.description.words import bytes_text
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.recording import producer
from kernelkit.symbolic import KerasTensor
from kernelkit.variable import Variable
from kernelkit.viz.bins import histogram

_STYLE = (
    ".kk-thing{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);font-variant-numeric:tabular-nums}"
    ".kk-thing i{font-style:normal;opacity:.65}.kk-thing table{border-collapse:collapse;margin:4px 0}"
    ".kk-thing td,.kk-thing th{padding:2px 14px 2px 0;text-align:left;border:0;background:none}"
    ".kk-thing th{font-weight:600;opacity:.7}.kk-thing svg{display:inline-block;margin:4px 14px 0 0}"
)
_MOST_VALUES = 4_000_000
"""For larger variables, a sample of this size is read."""
_CELLS = 32


def html_of(thing: Any) -> str | None:
    """Return an object as HTML, or ``None`` if its plain text is enough.

    Example:
        >>> import kernelkit as kk
        >>> "mean 2" in html_of(kk.Variable([1.0, 3.0], name="v"))
        True
    """
    if isinstance(thing, Variable):
        return _variable(thing)
    if isinstance(thing, KerasTensor):
        return _tensor(thing)
    if isinstance(thing, Layer):
        return _layer(thing)
    return _optimizer(thing) if isinstance(thing, Optimizer) else None


def _page(title: str, kind: str, *parts: str) -> str:
    return (
        f'<div class="kk-thing"><style>{_STYLE}</style><div><b>{escape(title)}</b> <i>{escape(kind)}</i></div>'
        f"{''.join(parts)}</div>"
    )


def _table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    top = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>" if head else ""
    return f"<table>{top}{lines}</table>" if rows else ""


def _variable(variable: Variable) -> str | None:
    try:
        value = variable.numpy()
    except Exception:  # traced, or donated to a running step: there are no numbers to show
        return None
    kind = f"{variable.dtype} {variable.shape}" + ("" if variable.trainable else " · frozen")
    size = bytes_text(math.prod(variable.shape) * dtypes.canonical(variable.dtype).itemsize)
    flat = np.asarray(value, dtype="float64" if value.dtype.kind in "biu" else "float32").reshape(-1)
    if flat.size > _MOST_VALUES:
        flat = flat[:: flat.size // _MOST_VALUES]
    good = flat[np.isfinite(flat)]
    facts = [size]
    if good.size:
        center, spread = float(good.mean()), float(good.std())
        facts += [f"mean {center:.4g}", f"std {spread:.4g}", f"min {good.min():.4g}", f"max {good.max():.4g}"]
        facts.append(f"zeros {np.mean(good == 0):.1%}" if (good == 0).any() else "")
    bad = flat.size - good.size
    facts.append(f"{bad:,} not finite" if bad else "")
    line = f"<div>{escape(' · '.join(fact for fact in facts if fact))}</div>"
    pictures = _heat(np.asarray(value, dtype="float32")) + _histogram(good) if good.size > 1 else ""
    return _page(variable.path, kind, line, pictures)


def _heat(value: np.ndarray) -> str:
    """Draw values as a grid of cells, blue below zero and red above; a large array as means of neighboring values."""
    grid = value.reshape(value.shape[0], -1) if value.ndim > 1 else value.reshape(1, -1)
    for axis in (0, 1):
        size = grid.shape[axis]
        if size > _CELLS:
            edges = np.linspace(0, size, _CELLS, endpoint=False, dtype=int)
            counts = np.diff([*edges, size]).reshape((-1, 1) if axis == 0 else (1, -1))
            grid = np.add.reduceat(grid, edges, axis) / counts
    limit = float(np.nanmax(np.abs(np.where(np.isfinite(grid), grid, 0)))) or 1.0
    cell = max(3, min(12, 180 // max(grid.shape)))
    marks = []
    for y, row in enumerate(grid):
        for x, number in enumerate(row):
            if not np.isfinite(number):
                color, strength = "#111", 1.0
            else:
                color, strength = ("#d55e00" if number > 0 else "#0072b2"), abs(float(number)) / limit
            if strength >= 0.02:
                marks.append(f'<path d="M{x} {y}h1v1h-1z" fill="{color}" fill-opacity="{strength:.2g}"/>')
    height, width = grid.shape
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="The values" width="{width * cell}" '
        f'height="{height * cell}" viewBox="0 0 {width} {height}" shape-rendering="crispEdges">'
        f'<path d="M0 0h{width}v{height}H0z" fill="currentColor" fill-opacity=".06"/>{"".join(marks)}</svg>'
    )


def _histogram(values: np.ndarray) -> str:
    counts, edges = histogram(values, 32)
    top = max(1, int(counts.max()))
    bars = "".join(f'<path d="M{5 * i} {60 - 52 * int(n) / top:.1f}h4V60h-4z"/>' for i, n in enumerate(counts) if n)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="How often which values occur" width="164" '
        f'height="74" viewBox="0 0 164 74"><g fill="#3b82f6">{bars}</g><g font-size="9" fill="currentColor" '
        f'opacity=".7"><text y="72">{edges[0]:.3g}</text><text x="160" y="72" text-anchor="end">{edges[-1]:.3g}'
        "</text></g></svg>"
    )


def _tensor(tensor: KerasTensor) -> str:
    node = producer(tensor)
    made = f"made by {node.operation.name}" if node is not None else "made by nothing"
    return _page(tensor.name, f"KerasTensor {tensor.dtype} {tensor.shape} · {made}")


def _layer(layer: Layer) -> str | None:
    if "_own_variables" not in vars(layer):
        return None
    arguments = list(serialize.shown_texts(layer, Layer).items())
    weights = [
        (v.path, str(v.shape), v.dtype, f"{math.prod(v.shape):,}", "" if v.trainable else "frozen")
        for v in layer.weights[:40]
    ]
    shapes = ""
    if len(layer._inbound_nodes) == 1:
        [node] = layer._inbound_nodes
        shapes = " → ".join(
            ", ".join(str(t.shape) for t in side) for side in (node.input_tensors, node.output_tensors) if side
        )
    line = f"<div>{escape(shapes or ('' if layer.built else 'not built yet'))}</div>"
    head = ("weight", "shape", "dtype", "numbers", "")
    return _page(layer.path, type(layer).__name__, line, _table(arguments), _table(weights, head if weights else ()))


def _optimizer(optimizer: Optimizer) -> str:
    slots = optimizer.variables
    size = sum(math.prod(v.shape) * dtypes.canonical(v.dtype).itemsize for v in slots)
    return _page(repr(optimizer), f"{len(slots)} variables, {bytes_text(size)}")
