"""Arrays and tables of one look into a step, by layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.serialize import suggest
from kernelkit.training.state import TrainState
from kernelkit.typing import Batch, Tensor
from kernelkit.viz.debugger.naming import layer_named, names_of
from kernelkit.viz.debugger.observer import MASK, SeenLayer, cotangent_name, value_name
from kernelkit.viz.debugger.table import Table
from kernelkit.viz.debugger.taps import Look, Taps, rectifies
from kernelkit.viz.debugger.timeline import Steps


def seen_layer(look: Look, name: str) -> SeenLayer:
    """Return the layer of a given name that ran in the step.

    Raises:
        ValueError: If no layer of that name ran. The message suggests the nearest name.
    """
    layers = look.observer.layers
    found = [seen for seen in layers if seen.name == name]
    found += [seen for seen in layers if name in (seen.layer.name, seen.layer.path)]
    if found:
        return found[0]
    names = [seen.name for seen in layers]
    raise ValueError(f"No layer {name!r} ran in this step; there are {names}.{suggest(name, names)}")


def activations(look: Look, name: str, what: str = "value") -> Any:
    """Return a layer's output, or the gradient of the loss with respect to it.

    Args:
        look: The look.
        name: The layer's name.
        what: ``"value"`` or ``"cotangent"``.

    Returns:
        An array, or a list of them for a layer with several outputs.
    """
    seen = seen_layer(look, name)
    full = value_name if what == "value" else cotangent_name
    found = [np.asarray(look.values[full(key)]) for key in seen.keys if full(key) in look.values]
    if not found:
        why = (
            "it runs inside a loop of another layer, such as an RNN's cell"
            if what == "value"
            else "no gradient flows through it"
        )
        raise ValueError(f"Layer {name!r} has nothing to show: {why}.")
    return found[0] if len(found) == 1 else found


def gradients(look: Look, steps: Steps, before: TrainState, layer: str | None) -> dict[str, np.ndarray]:
    """Return a dict from weight paths to gradients. A loss scale is divided out.

    Raises:
        ValueError: If the step passes no gradients to an optimizer.
    """
    if not look.observer.variables:
        raise ValueError("This step passes no gradients to an optimizer of kernelkit, so none can be shown.")
    scale = loss_scale(steps, before)
    found = {}
    for variable, key in look.observer.variables.values():
        if value_name(key) in look.values and _belongs(variable, steps, layer):
            found[variable.path] = np.asarray(look.values[value_name(key)]) / np.float32(scale)
    return found


def weights(look: Look, steps: Steps, layer: str | None) -> dict[str, np.ndarray]:
    """Return a dict from weight paths to the trainable weights after the step."""
    return {
        variable.path: np.asarray(new)
        for variable, new in zip(steps.variables.trainable, look.after.trainable, strict=True)
        if _belongs(variable, steps, layer)
    }


def attention(look: Look, name: str) -> np.ndarray:
    """Return the attention weights of a layer (samples, heads, queries, keys), without dropout.

    Raises:
        ValueError: If the layer computes none, or computes them inside a loop of another layer.
    """
    key = seen_layer(look, name).scores
    if key is None or value_name(key) not in look.values:
        raise ValueError(f"Layer {name!r} shows no attention weights.")
    return np.asarray(look.values[value_name(key)], "float32")


def gates(look: Look, name: str) -> dict[str, np.ndarray]:
    """Return the gates of an LSTM or a GRU (samples, steps, units), in the order of its steps.

    Raises:
        ValueError: If the layer has no gates, or computes them inside a loop of another layer.
    """
    keys = seen_layer(look, name).gates or {}
    found = {gate: value_name(key) for gate, key in keys.items() if gate != MASK}
    if not found or any(key not in look.values for key in found.values()):
        raise ValueError(f"Layer {name!r} shows no gates: only LSTM, GRU and ConvLSTM layers have some.")
    return {gate: np.swapaxes(np.asarray(look.values[key], "float32"), 0, 1) for gate, key in found.items()}


def updates(look: Look, steps: Steps, before: TrainState, layer: str | None) -> dict[str, np.ndarray]:
    """Return a dict from weight paths to the change that the step made."""
    return {
        variable.path: np.asarray(new) - np.asarray(old)
        for variable, new, old in zip(steps.variables.trainable, look.after.trainable, before.trainable, strict=True)
        if _belongs(variable, steps, layer)
    }


def table(look: Look, steps: Steps, before: TrainState) -> Table:
    """Return the table of layers, without the model itself: its output is that of its last layer."""
    return Table([row for _, row in table_rows(look, steps, before)])


def table_rows(look: Look, steps: Steps, before: TrainState) -> list[tuple[Any, dict[str, Any]]]:
    """Return the rows of the table, each with its layer: names need not be unique in nested models."""
    scale = loss_scale(steps, before)
    values = {key.removesuffix("/value"): value for key, value in look.values.items() if key.endswith("/value")}
    ratio_of = {
        id(v): _ratio(np.asarray(new, "float32"), np.asarray(old, "float32"))
        for v, new, old in zip(steps.variables.trainable, look.after.trainable, before.trainable, strict=True)
    }
    weight_of = {id(v): norm(new) for v, new in zip(steps.variables.trainable, look.after.trainable, strict=True)}
    norm_of = {i: norm(values[key]) / scale for i, (_, key) in look.observer.variables.items() if key in values}
    rows: list[tuple[Any, dict[str, Any]]] = []
    shown: set[int] = set()
    for seen in look.observer.layers:
        key = next((k for k in seen.keys if k in values), None)
        if seen.layer is steps.model or key is None:
            continue
        # Count each weight once: a layer with sublayers shows only its own weights.
        # Cells of an RNN run inside its loop and have no row, so their weights count for the RNN.
        own = [v for v in seen.layer.variables if id(v) not in shown]
        shown |= {id(v) for v in own}
        norms = [norm_of[id(v)] for v in own if id(v) in norm_of]
        cotangent = look.values.get(cotangent_name(key))
        row = {"layer": seen.name, "type": type(seen.layer).__name__, **statistics(np.asarray(values[key]))}
        row["dead"] = row["dead"] if rectifies(seen.layer) else None
        row["activation_grad"] = None if cotangent is None else norm(cotangent) / scale
        row["grad"] = float(np.linalg.norm(norms)) if norms else None
        kernels = [v for v in own if len(v.shape) > 1] or own  # a bias begins at zero, so its ratio says nothing
        row["update_ratio"] = max((ratio_of[id(v)] for v in kernels if id(v) in ratio_of), default=None)
        weights = [weight_of[id(v)] for v in own if id(v) in weight_of]
        row["weight"] = float(np.linalg.norm(weights)) if weights else None
        rows.append((seen.layer, row))
    return rows


def sample_losses(look: Look, steps: Steps, taps: Taps, before: TrainState, batch: Batch) -> np.ndarray:
    """Return the loss of each sample of a batch (samples,), weights and masks applied.

    The values are the losses of the step before reduction. Their mean is the batch's loss without the losses that
    layers add. If a custom step computes its own loss, each sample runs through the step alone.
    """
    compiled = steps.training.compiled.loss
    parts = {id(loss): weight for loss, weight, _ in (compiled.parts or ())} if compiled is not None else {}
    rows = len(jtu.tree_leaves(unpack(batch)[0])[0])
    total: Any = None
    for seen in look.observer.losses:
        if value_name(seen.key) not in look.values:
            continue
        values = np.asarray(look.values[value_name(seen.key)], "float32")
        if values.ndim == 0 or len(values) != rows:
            continue
        per_sample = _per_sample(values, *(_named(look, key) for key in (seen.weights, seen.mask)))
        weight = parts.get(id(seen.loss))
        per_sample = per_sample if weight is None else per_sample * weight
        total = per_sample if total is None else total + per_sample
    return _alone(steps, taps, before, batch) if total is None else total


def loss_scale(steps: Steps, before: TrainState) -> float:
    """Return the loss scale, the factor of the gradients that the optimizer receives."""
    optimizer = steps.model.optimizer
    scale = getattr(optimizer, "dynamic_scale", None)
    factor = getattr(optimizer, "loss_scale_factor", None) or 1.0
    for variable, value in zip(steps.variables.optimizer, before.optimizer, strict=True):
        if variable is scale:
            factor *= float(value)
    return float(factor)


def _per_sample(values: np.ndarray, weights: Any, mask: Tensor) -> np.ndarray:
    def aligned(v: np.ndarray) -> np.ndarray:
        while v.ndim > values.ndim and v.shape[-1] == 1:
            v = v[..., 0]
        return v.reshape(v.shape + (1,) * (values.ndim - v.ndim))

    if weights is not None:
        values = values * aligned(weights)
    axes = tuple(range(1, values.ndim))
    if mask is None:
        return values.mean(axes)
    kept = np.broadcast_to(aligned(mask).astype(bool), values.shape)
    return np.where(kept, values, 0).sum(axes) / np.maximum(kept.sum(axes), 1)


def _named(look: Look, key: str | None) -> Any:
    return None if key is None or value_name(key) not in look.values else np.asarray(look.values[value_name(key)])


def _alone(steps: Steps, taps: Taps, before: TrainState, batch: Batch) -> np.ndarray:
    """Return each sample's loss as a batch of one, with metrics as at the start of an epoch."""
    state = before._replace(metrics=jtu.tree_map(jnp.zeros_like, before.metrics))

    def one(state: TrainState, sample: Batch) -> Any:
        logs, _ = steps.program.step(state, jtu.tree_map(lambda v: v[None], sample))
        loss = logs.get("loss", next(iter(logs.values()), jnp.nan))
        return jnp.mean(jnp.asarray(loss, "float32"))

    def each(state: TrainState, batch: Batch) -> Any:
        return jax.lax.map(lambda sample: one(state, sample), batch)

    return np.asarray(taps.compiled("alone", each, (state, batch))(state, batch))


def statistics(value: np.ndarray) -> dict[str, Any]:
    """Return an array's shape, statistics of its finite values, and how many are zero, NaN, infinite or dead."""
    value = value.astype("float32")
    finite = value[np.isfinite(value)]
    some = finite.size > 0
    return {
        "shape": value.shape,
        "mean": float(finite.mean()) if some else None,
        "std": float(finite.std()) if some else None,
        "min": float(finite.min()) if some else None,
        "max": float(finite.max()) if some else None,
        "zeros": float(np.mean(value == 0)) if value.size else 0.0,
        "nan": int(np.isnan(value).sum()),
        "inf": int(np.isinf(value).sum()),
        "dead": float(np.mean((value == 0).reshape(-1, value.shape[-1]).all(0))) if value.ndim > 1 else None,
    }


def norm(value: Any) -> float:
    """Return the Euclidean norm of all elements."""
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite norm is the intended result of an overflow
        return float(np.linalg.norm(np.asarray(value, "float32")))


def _ratio(after: np.ndarray, before: np.ndarray) -> float:
    """Return the norm of an update relative to the weights, or to typical initial weights if these are larger.

    Initial weights may be zero; typical ones have the standard deviation ``1 / sqrt(inputs of a unit)``, and those
    without inputs are about 1. If an update makes weights smaller, as the first update of FTRL, the new weights count.
    """
    inputs = int(np.prod(before.shape[:-1])) if before.ndim > 1 else 1
    usual = float(np.sqrt(before.size / max(inputs, 1)))
    kept, left = norm(before), norm(after)
    change = norm(after - before) if not left < kept else min(norm(after - before), left)
    return change / max(kept, usual)


def _belongs(variable: Any, steps: Steps, layer: str | None) -> bool:
    if layer is None:
        return True
    found = layer_named(steps.model, layer)
    if found is None:
        raise ValueError(f"There is no layer {layer!r}.{suggest(layer, list(names_of(steps.model).values()))}")
    return any(variable is v for v in found.variables)
