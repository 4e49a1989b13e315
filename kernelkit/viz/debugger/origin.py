"""The origin of a NaN or an infinity: the first operation that made one from finite numbers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import scope
from kernelkit.jaxprs import scan_of
from kernelkit.rich_display import ipython_shell
from kernelkit.typing import Batch
from kernelkit.viz.debugger.flat import FlatStep, Operation, can_be_infinite, is_backward, layer_of
from kernelkit.viz.debugger.taps import Taps

_OURS = os.path.dirname(os.path.abspath(scope.__file__)) + os.sep
_JAX = os.path.dirname(os.path.abspath(jax.__file__)) + os.sep


@dataclass
class Origin:
    """The operation that made the first NaN or infinity.

    Attributes:
        op: Name of the operation, such as ``"log"``; ``""`` if the data or the weights already held the NaN.
        layer: Path of the operation's layer, ``""`` if it belongs to no layer.
        part: ``"layer"``, ``"loss"``, ``"metrics"``, ``"optimizer"`` or ``"step"``; ``"data"`` or ``"weights"`` if they
            already held the NaN.
        backward: Whether the operation belongs to the backward pass.
        where: ``"file:line in function"`` of the operation's source, ``""`` if unknown.
        samples: Indices in the batch of the samples with NaN or infinity.
        largest: The largest magnitude among its inputs.
        smallest: The smallest magnitude among its inputs.
    """

    op: str
    layer: str
    part: str
    backward: bool
    where: str
    samples: np.ndarray
    largest: float
    smallest: float


def find_origin(taps: Taps, state: Any, batch: Batch) -> Origin | None:
    """Return the first operation whose NaN or infinity reached the loss or the new weights.

    A benign infinity, such as one in an attention mask, is ignored.

    Args:
        taps: The taps of the step's timeline.
        state: The state before the step.
        batch: The step's batch.
    """
    flat, _ = taps.traced(state, batch)
    check = taps.compiled("finite", lambda s, b: _finite(flat.run((s, b))), (state, batch))
    finite = np.asarray(check(state, batch))
    logs, after = flat.result(list(range(len(finite))))
    reached = [i for i in jtu.tree_leaves((logs, after[0], after[1])) if not finite[i]]
    if not reached:
        return None
    slot = _first_bad(flat, finite, reached)
    rows = jtu.tree_leaves(batch)[0].shape[0]
    if slot in flat.inputs:
        return _from_outside(flat, slot, state, batch, rows)
    index, operation = next((i, o) for i, o in enumerate(flat.operations) if slot in o.outputs)

    def around(state: Any, batch: Batch) -> Any:
        slots = flat.run((state, batch))
        return [slots[i] for i in operation.inputs], [slots[i] for i in operation.outputs]

    given, made = taps.compiled(f"around {index}", around, (state, batch))(state, batch)
    inner = _inside_loop(operation, given)
    told, given, made = inner if inner is not None else (operation, given, made)
    reaches_logs = any(not finite[i] for i in jtu.tree_leaves(logs))
    return _told(operation, told, given, made, rows, reaches_logs)


def _finite(slots: list) -> Any:
    ok = [
        jnp.all(jnp.isfinite(v)) if hasattr(v, "dtype") and can_be_infinite(v) else jnp.bool_(True)
        for v in (jnp.asarray(s) if isinstance(s, (float, np.ndarray)) else s for s in slots)
    ]
    return jnp.stack(ok)


def _first_bad(flat: FlatStep, finite: np.ndarray, reached: list[int]) -> int:
    """Walk back from non-finite results to the operation that made the first one from finite inputs."""
    maker = {slot: operation for operation in flat.operations for slot in operation.outputs}
    rank = {slot: i for i, operation in enumerate(flat.operations) for slot in operation.outputs}
    seen, stack, origins = set(reached), list(reached), []
    while stack:
        slot = stack.pop()
        if slot not in maker:
            origins.append(slot)
            continue
        bad = [i for i in maker[slot].inputs if not finite[i] and not flat.is_constant(i)]
        if not bad:
            origins.append(slot)
        new = [i for i in bad if i not in seen]
        seen.update(new)
        stack += new
    return min(origins, key=lambda slot: rank.get(slot, -1))


def _from_outside(flat: FlatStep, slot: int, state: Any, batch: Batch, rows: int) -> Origin:
    at = flat.inputs.index(slot)
    inside = len(jtu.tree_leaves(state))
    value = np.asarray(jtu.tree_leaves((state, batch))[at])
    if at < inside:
        return Origin("", "", "weights", False, "", np.array([], int), np.inf, np.nan)
    samples = _bad_rows([value], rows)
    return Origin("", "", "data", False, "", samples, np.inf, np.nan)


def _inside_loop(operation: Operation, given: list) -> tuple[Operation, list, list] | None:
    """Find the operation inside an RNN's loop: run the loop step by step."""
    scan = scan_of(operation.equation)
    if scan is None:
        return None
    consts, carry = scan.constants, scan.carried
    body = FlatStep(scan.body, *_one_step(given, consts, carry))
    run = jax.jit(lambda arguments: (lambda slots: (slots, _finite(slots)))(body.run(arguments)))
    state, times = given[consts : consts + carry], range(scan.length)
    for t in reversed(times) if scan.reverse else times:
        slots, finite = run((*given[:consts], *state, *(v[t] for v in given[consts + carry :])))
        bad = [slot for slot in body.outputs if not finite[slot]]
        if bad:
            slot = _first_bad(body, np.asarray(finite), bad)
            inner = next((o for o in body.operations if slot in o.outputs), None)
            if inner is None:
                return None
            return inner, [slots[i] for i in inner.inputs], [slots[i] for i in inner.outputs]
        state = [slots[slot] for slot in body.outputs[:carry]]
    return None


def _one_step(given: list, consts: int, carry: int) -> list:
    return [*given[: consts + carry], *(v[0] for v in given[consts + carry :])]


def _told(outer: Operation, operation: Operation, given: list, made: list, rows: int, reaches_logs: bool) -> Origin:
    values = [np.asarray(v, "float64") for v in given if can_be_infinite(jnp.asarray(v)) and np.size(v)]
    samples = _bad_rows(made, rows)
    if not len(samples):
        samples = np.array([], int)
    path = layer_of(outer.stack)
    frames = [(f.file_name, f.function_name, f.line_num) for f in outer.equation.source_info.traceback.frames]
    part = _part_of(path, frames)
    return Origin(
        operation.name,
        path if part == "layer" else "",
        part,
        # The forward pass computes factors of the gradient too; these do not reach the loss.
        is_backward(outer.stack) or (part in ("layer", "loss") and not reaches_logs),
        where_of(operation) or where_of(outer),
        samples,
        max((float(np.nanmax(np.abs(v))) for v in values), default=float("nan")),
        min((float(np.nanmin(np.abs(v))) for v in values), default=float("nan")),
    )


def _bad_rows(values: list, rows: int) -> np.ndarray:
    """Return the indices of rows with NaN or infinity in the first array with one row per sample."""
    for value in values:
        value = np.asarray(value)
        if value.ndim and value.shape[0] == rows and value.dtype.kind not in "iub":
            bad = ~np.isfinite(value.astype("float32"))
            return np.flatnonzero(bad.reshape(rows, -1).any(1))
    return np.array([], int)


def _part_of(path: str, frames: list[tuple[str, str, int]]) -> str:
    if path:
        return "layer"
    for file, function, _ in frames:
        inside = file.removeprefix(_OURS).split(os.sep)[0].removesuffix(".py") if file.startswith(_OURS) else ""
        if inside in ("losses", "metrics", "optimizers"):
            return {"losses": "loss", "optimizers": "optimizer"}.get(inside, inside)
        if function in ("compute_loss", "compute_metrics"):
            return function.removeprefix("compute_")
    return "step"


def where_of(operation: Operation) -> str:
    """Return the source line of an operation: a line of the user's code, else a line of kernelkit.

    The format is ``"file:line in function"``, or ``"cell [7], line 3, in function"`` for a notebook's cell.
    """
    traceback = operation.equation.source_info.traceback
    if traceback is None:
        return ""
    frames = [f for f in traceback.frames if not f.file_name.startswith(_JAX)]
    # The user's line counts only if it lies inside the traced step: in a layer, a loss or a custom step.
    looks = os.path.join(_OURS, "viz", "debugger")
    deep = frames[: next((i for i, f in enumerate(frames) if f.file_name.startswith(looks)), len(frames))]
    users = [f for f in deep if not f.file_name.startswith(_OURS) and not _is_library(f.file_name)]
    chosen = next(iter([*users, *frames]), None)
    if chosen is None:
        return ""
    if (cell := _cell_of(chosen.file_name)) is not None:
        return f"{cell}, line {chosen.line_num}, in {chosen.function_name}"
    name = chosen.file_name.removeprefix(os.path.dirname(_OURS.rstrip(os.sep)) + os.sep)
    return f"{name}:{chosen.line_num} in {chosen.function_name}"


def _cell_of(file: str) -> str | None:
    """Return ``"cell [7]"`` for the file name that IPython gives to a cell's code, ``None`` for other files."""
    name_of = getattr(getattr(ipython_shell(), "compile", None), "format_code_name", None)
    named = name_of(file) if name_of is not None else None  # ("Cell", "In[7]")
    return None if named is None else f"cell {named[1].removeprefix('In')}"


def _is_library(file: str) -> bool:
    return "site-packages" in file or file.startswith("<frozen") or os.sep + "lib" + os.sep + "python" in file
