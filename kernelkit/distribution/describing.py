"""`describe`: the place of each array, the reason for it, and the bytes on each device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jax.sharding import NamedSharding

from kernelkit.distribution.collectives import Collective, collectives_in
from kernelkit.distribution.mesh import TensorLayout
from kernelkit.distribution.plans import Distribution
from kernelkit.variable import Variable


class PlacedVariable(NamedTuple):
    """A variable and its place.

    Attributes:
        path: Path of the variable.
        kind: ``"weight"``, ``"state"`` (not trained), ``"optimizer"`` or ``"metric"``.
        shape: Its shape.
        dtype: Its dtype.
        axes: For each axis the mesh axis that splits it, or ``None``.
        parts: Number of parts of each axis.
        rule: The rule that chose the axes, in words, such as a key of a `LayoutMap`.
        nbytes: Bytes of the whole array.
        nbytes_per_device: Bytes on each device that holds a part.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((512,)), kk.layers.Dense(1024, name="wide")], name="net")
        >>> mesh = kk.distribution.DeviceMesh((8,), ["batch"], [f"tpu:{i}" for i in range(8)])
        >>> kernel = kk.distribution.describe(model, kk.distribution.AutoParallel(mesh)).variables[0]
        >>> kernel.path, kernel.shape, kernel.parts, kernel.nbytes // kernel.nbytes_per_device
        ('net/wide/kernel', (512, 1024), (1, 8), 8)
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple
    parts: tuple[int, ...]
    rule: str
    nbytes: int
    nbytes_per_device: int


class Description:
    """The places of a model's arrays. ``str`` gives a table.

    Attributes:
        distribution: The distribution, ``None`` for one device.
        variables: A list of :class:`PlacedVariable`.
        devices: Number of devices.
        collectives: Collectives of one training step, if it is compiled.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((512,)), kk.layers.Dense(1024)], name="net")
        >>> mesh = kk.distribution.DeviceMesh((8,), ["batch"], [f"tpu:{i}" for i in range(8)])
        >>> description = kk.distribution.describe(model, kk.distribution.AutoParallel(mesh))
        >>> description.devices, len(description.variables)
        (8, 2)
    """

    def __init__(
        self, distribution: Distribution | None, variables: list[PlacedVariable], collectives: list[Collective]
    ) -> None:
        self.distribution = distribution
        self.variables = variables
        self.devices = 1 if distribution is None else int(distribution.device_mesh.devices.size)
        self.collectives = collectives

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, each counted once."""
        return sum(v.nbytes for v in self.variables)

    @property
    def nbytes_per_device(self) -> int:
        """Bytes on each device, without batches and intermediate results."""
        return sum(v.nbytes_per_device for v in self.variables)

    def __str__(self) -> str:
        rows = [("variable", "shape", "split", "bytes/device", "rule")]
        for v in self.variables:
            split = " × ".join("·" if a is None else str(a) for a in v.axes) or "·"
            rows.append((v.path, str(v.shape), split, readable(v.nbytes_per_device), v.rule))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([self.headline, *lines, *self.collective_lines()])

    __repr__ = __str__

    @property
    def headline(self) -> str:
        """A line with the number of devices and the sums of bytes."""
        how = (
            "one device" if self.distribution is None else f"{type(self.distribution).__name__}, {self.devices} devices"
        )
        return f"{how}: {readable(self.nbytes_per_device)} on each of {readable(self.nbytes)} altogether"

    def collective_lines(self) -> Iterator[str]:
        """Yield a line for each kind of collective: its number in a training step, and its bytes."""
        kinds: dict[str, list[int]] = {}
        for one in self.collectives:
            kinds.setdefault(one.kind, []).append(one.nbytes)
        for kind, sizes in kinds.items():
            yield f"a training step: {len(sizes)} {kind}, {readable(sum(sizes))}"


def describe(model: Any, distribution: Distribution | None = None) -> Description:
    """Describe the places of a model's arrays: bytes on each device, and the rule that placed each array.

    Args:
        model: A built model. The optimizer's and the metrics' arrays are included once they exist.
        distribution: A distribution to describe without moving any array. Its devices need not
            exist. By default the distribution of the model.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((512,)), kk.layers.Dense(1024)], name="net")
        >>> mesh = kk.distribution.DeviceMesh((8,), ["batch"], [f"tpu:{i}" for i in range(8)])
        >>> print(kk.distribution.describe(model, kk.distribution.AutoParallel(mesh)).headline)
        AutoParallel, 8 devices: 260.0 KiB on each of 2.0 MiB altogether
    """
    training = getattr(model, "_training", None)
    tried = distribution is not None
    distribution = distribution if tried else getattr(training, "distribution", None)
    placed = []
    owners: dict[str, tuple[tuple[int, ...], Any]] = {}
    for kind, variable in _variables(model):
        layout, rule = _layout(variable, kind, distribution, tried, owners)
        axes, parts = _axes(layout, variable.shape)
        size = variable.size * np.dtype(variable.value.dtype).itemsize
        counts = tuple(parts.get(i, 1) for i in range(len(variable.shape)))
        place = (axes, counts, rule, size, size // math.prod(counts))
        placed.append(PlacedVariable(variable.path, kind, variable.shape, variable.dtype, *place))
        if kind in ("weight", "state"):
            owners[variable.path.replace("/", "_")] = (variable.shape, layout)
    compiled = [] if tried or training is None or not training.compiled else training.compiled_texts("train")
    return Description(distribution, placed, collectives_in(compiled[0]) if compiled else [])


def _variables(model: Any) -> Iterator[tuple[str, Variable]]:
    seen: set[int] = set()
    optimizer = getattr(model, "optimizer", None)
    groups = (
        ("weight", model.trainable_variables),
        ("state", model.non_trainable_variables),
        ("optimizer", [] if optimizer is None else optimizer.variables),
        ("metric", getattr(model, "metrics_variables", [])),
    )
    for kind, variables in groups:
        for variable in variables:
            if id(variable) not in seen:
                seen.add(id(variable))
                yield kind, variable


def _layout(
    variable: Variable, kind: str, distribution: Distribution | None, tried: bool, owners: dict
) -> tuple[Any, str]:
    """Return the layout of a variable and the rule that chose it."""
    if distribution is None:
        return variable.layout, "one device" if variable.layout is None else "its own layout"
    if kind == "optimizer":
        for name in sorted(owners, key=len, reverse=True):
            if variable.name.startswith(f"{name}_") and owners[name][0] == variable.shape:
                return owners[name][1], "as its weight"
    layout, rule = distribution.rule_for(variable)
    if tried or variable.layout is None:
        return layout, rule
    same = _axes(variable.layout, variable.shape)[0] == _axes(layout, variable.shape)[0]
    return variable.layout, rule if same else "its own layout"


def _axes(layout: Any, shape: tuple[int, ...]) -> tuple[tuple, dict[int, int]]:
    """Return the mesh axis of each axis of an array, and the number of parts of each axis that is split."""
    if isinstance(layout, TensorLayout):
        layout.check_shape(shape, "A variable")
        return (*layout.axes, *[None] * (len(shape) - len(layout.axes))), layout.split()
    if isinstance(layout, NamedSharding):
        axes = (*layout.spec, *[None] * (len(shape) - len(layout.spec)))
        part = layout.shard_shape(shape)
        return axes, {i: whole // own for i, (whole, own) in enumerate(zip(shape, part, strict=True)) if own}
    return (None,) * len(shape), {}


def readable(nbytes: float) -> str:
    """Return a number of bytes as text, in a suitable unit.

    Example:
        >>> readable(1536)
        '1.5 KiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if nbytes < 1024:
            return f"{nbytes:.0f} {unit}" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1024
    return f"{nbytes:.1f} TiB"
