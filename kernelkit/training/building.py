"""Build the model at the first batch, and match losses and metrics to its outputs."""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit.inference import eval_spec
from kernelkit.layers.base.parts import walk
from kernelkit.symbolic import KerasTensor
from kernelkit.training.compile import CompiledLoss, CompiledMetrics
from kernelkit.training.outputs import Outputs
from kernelkit.training.overriding import overrides
from kernelkit.typing import Tree


class Compiled(Protocol):
    """The losses and metrics given to `compile`."""

    loss: CompiledLoss | None
    metrics: CompiledMetrics | None
    jit: bool


def build(model: Any, compiled: Compiled, x: Tree, y: Tree, kind: str) -> None:
    """Build a model, its loss and its metrics for batches like the given one.

    Args:
        model: The model.
        compiled: Its loss and metrics.
        x: The batch's inputs.
        y: Its targets.
        kind: ``"train"``, ``"test"`` or ``"predict"``.

    Raises:
        ValueError: If the model returns ``None``, or if losses or metrics match none of its outputs.
    """
    if not model.can_be_called and overrides(model, f"{kind}_step"):
        model.built = True  # a container of models, such as a GAN: only its step knows how to call them
        return
    unresolved = kind != "predict" and (
        (compiled.loss is not None and compiled.loss.parts is None)
        or (compiled.metrics is not None and not compiled.metrics.is_built)
    )
    if model.built and not unresolved and all(layer.built for layer in walk(model)):
        return
    y_pred = predicted_outputs(model, x, compiled.jit)
    if y_pred is None:
        raise ValueError(
            f"Model {model.name!r}: {type(model).__name__}.call() returned None. Let it return the model's outputs."
        )
    if not unresolved or (overrides(model, f"{kind}_step") and y is None):
        return
    names = model.output_names if model._graph is not None else None
    outputs = Outputs(y_pred, names)
    needed = None
    if compiled.loss is not None and compiled.loss.parts is None:
        compiled.loss.names = names
        if not overrides(model, "compute_loss"):  # an override may use something other than the outputs
            compiled.loss.build(outputs, y_pred, y)
            needed = compiled.loss.needed
    if compiled.metrics is not None and not compiled.metrics.is_built:
        compiled.metrics.resolve(outputs, y, y_pred, needed, compiled.jit)


def predicted_outputs(model: Any, x: Tree, jit: bool) -> Any:
    """Return a model's outputs for inputs, as shapes. If steps run op by op, return arrays."""
    if model.built and model._graph is not None:
        leaves = jtu.tree_leaves(x)
        rows = len(leaves[0]) if leaves else 1  # an input may be None if the model allows it
        known = lambda t: jax.ShapeDtypeStruct(  # noqa: E731
            tuple(rows if d is None else d for d in t.shape), jnp.dtype(t.dtype)
        )
        return jtu.tree_map(known, model._graph.answer_struct, is_leaf=lambda t: isinstance(t, KerasTensor))
    if not jit:
        return model(jtu.tree_map(jnp.asarray, x), training=False)  # op by op, as the steps will run
    specs = jtu.tree_map(_symbolic_like, x)
    return eval_spec(lambda inputs: model(inputs, training=False), specs)


def _symbolic_like(value: Any) -> KerasTensor:
    value = value if hasattr(value, "dtype") else np.asarray(value)
    return KerasTensor(value.shape, str(value.dtype))
