"""`spread_cost`: the cost of a step on each device of a distribution. The step is compiled, but not run."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.tree_util as jtu
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from kernelkit import placement
from kernelkit.distribution import Collective, Distribution, collectives_in, readable
from kernelkit.feeds.batch import batch_rows
from kernelkit.training.state import TrainState
from kernelkit.training.step import Program
from kernelkit.training.step_forms import step_of
from kernelkit.typing import Batch


class SpreadCost(NamedTuple):
    """The cost of a step on each device.

    Attributes:
        distribution: The distribution, in words.
        devices: Number of devices.
        flops: Floating-point operations of each device. XLA counts a loop's body once.
        held: Bytes of weights, of the optimizer's and the metrics' variables on each device.
        working: Bytes of intermediate results on each device.
        collectives: The data that devices exchange in the step.
    """

    distribution: str
    devices: int
    flops: float
    held: int
    working: int
    collectives: list[Collective]

    @property
    def sent(self) -> int:
        """Bytes of the results of all collectives, on each device."""
        return sum(c.nbytes for c in self.collectives)

    def __str__(self) -> str:
        kinds = sorted({c.kind for c in self.collectives})
        counts = ", ".join(f"{sum(c.kind == kind for c in self.collectives)} {kind}" for kind in kinds)
        return (
            f"{self.distribution}, {self.devices} devices: on each {self.flops / 1e6:,.2f} MFLOP, "
            f"{readable(self.held)} held, {readable(self.working)} for intermediate results; "
            f"collectives: {f'{counts}, {readable(self.sent)}' if counts else 'none'}"
        )


def spread_cost(model: Any, batch: Batch, kind: str, distribution: Distribution) -> SpreadCost:
    """Compile a step for a distribution and return its cost.

    Args:
        model: A built model, compiled if it is to train.
        batch: Arrays of one batch.
        kind: ``"train"`` or ``"predict"``.
        distribution: The distribution. Its devices must exist.
    """
    model._training.prepare(kind, batch)
    variables = model._training.variables(kind)
    program = Program(placement.traced_within(distribution, step_of(model, kind, variables)), kind)
    mesh = distribution.device_mesh.backend_mesh
    whole = NamedSharding(mesh, PartitionSpec())
    weights = (*variables.trainable, *variables.non_trainable)
    places = TrainState(
        *(tuple(layout.backend_layout for layout in distribution.layouts(g, weights)) for g in variables)
    )
    state = TrainState(
        *(
            tuple(jax.ShapeDtypeStruct(v.shape, v.value.dtype, sharding=p) for v, p in zip(group, at, strict=True))
            for group, at in zip(variables, places, strict=True)
        )
    )
    parts = 1 if distribution.batch_dim_name is None else distribution.device_mesh.size_of(distribution.batch_dim_name)
    split = NamedSharding(mesh, PartitionSpec(distribution.batch_dim_name))
    rows = split if batch_rows(batch) % parts == 0 else whole  # as `placement.Spread` lays batches out
    data = jtu.tree_map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype, sharding=rows), batch)
    out: dict[str, Any] = {} if kind == "predict" else {"out_shardings": (whole, places)}
    step = program.step if kind == "predict" else program.checked_step
    compiled = jax.jit(step, **out).lower(state, data).compile()
    costs, memory = compiled.cost_analysis() or {}, compiled.memory_analysis()
    held = sum(math.prod(v.sharding.shard_shape(v.shape)) * np.dtype(v.dtype).itemsize for g in state for v in g)
    return SpreadCost(
        type(distribution).__name__,
        int(mesh.size),
        float(costs.get("flops", 0.0)),
        held,
        int(getattr(memory, "temp_size_in_bytes", 0)),
        collectives_in(compiled.as_text() or ""),
    )
