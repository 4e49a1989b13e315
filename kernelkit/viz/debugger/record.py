"""Recordings: write a training to a file and open it elsewhere, with or without its data."""

from __future__ import annotations

import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import jax.tree_util as jtu
import numpy as np

from kernelkit import serialize
from kernelkit.models.model import Model
from kernelkit.saving.archive import Archive
from kernelkit.saving.atomic import replacing
from kernelkit.saving.model_config import memory_for
from kernelkit.saving.reading import reading
from kernelkit.training.state import TrainState
from kernelkit.viz.debugger import looking
from kernelkit.viz.debugger.manifest import FORMAT, read_manifest
from kernelkit.viz.debugger.npy import read_array, write_array
from kernelkit.viz.debugger.records import Records
from kernelkit.viz.debugger.replay import Replay
from kernelkit.viz.debugger.source import ArraySource
from kernelkit.viz.debugger.timeline import Timeline

if TYPE_CHECKING:
    from kernelkit.viz.debugger.debugger import StepDebugger


def record(dbg: StepDebugger, path: Any, layers: Any = (), every: int = 1, batches: bool = False) -> None:
    """Write a recording. The arguments are those of `StepDebugger.record`. The debugger does not move."""
    path = os.fspath(path)
    if not path.endswith(".kkrec"):
        raise ValueError(f"record(): the file's name must end with '.kkrec', got {path!r}.")
    layers = [layers] if isinstance(layers, str) else list(layers)
    timeline = dbg.timeline
    looked = list(range(timeline.begin, timeline.head, max(1, every))) if layers or batches else []
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        pages = {str(step): _page(dbg, archive, step, layers, batches) for step in looked}
        manifest = {
            "format": FORMAT,
            "model": _config(timeline.steps.training.model),
            "begin": timeline.begin,
            "head": timeline.head,
            "starts": timeline.starts,
            "first_epoch": timeline.first_epoch,
            "seed": getattr(timeline.source.feed, "seed", None) if isinstance(timeline.source, ArraySource) else None,
            "means": timeline.records.means,
            "layers": layers,
            "steps_per_epoch": timeline.source.steps(timeline.first_epoch),
            "snapshots": timeline.snapshots.steps(timeline.name),
            "logs": timeline.records.names,
            "pages": pages,
        }
        for name in ("epoch", "step", "rows", *timeline.records.names):
            if timeline.records.end > timeline.records.begin:
                values = timeline.records.column(name)[timeline.begin - timeline.records.begin :]
                write_array(archive, f"records/{name}.npy", values)
        rows = _indices(timeline)
        if rows is not None:
            write_array(archive, "indices.npy", rows)
        for step in manifest["snapshots"]:
            for group, values in timeline.snapshots.get(timeline.name, step)._asdict().items():
                for i, value in enumerate(values):
                    write_array(archive, f"snapshots/{step}/{group}/{i}.npy", np.asarray(value))
        archive.writestr("manifest.json", json.dumps(manifest))


def replay(
    path: Any, x: Any = None, y: Any = None, batch_size: int | None = None, model: Any = None, **options: Any
) -> Any:
    """Open a recording that :meth:`StepDebugger.record` wrote.

    No code from the file is run, and no array takes more memory than it declares.

    Args:
        path: The file.
        x: The data, to run further steps and look into any step. Without data the replay shows only stored looks.
        y: Targets.
        batch_size: The batch size of the recorded training.
        model: The model, if it cannot be built from its config.
        **options: Further arguments of :class:`StepDebugger`.

    Returns:
        A :class:`~kernelkit.viz.debugger.replay.Replay`. With data, a :class:`StepDebugger` that can go to every
        recorded state.

    Raises:
        ValueError: If the file is not a valid recording, or if the model or the data do not match it.

    Example:
        >>> import tempfile
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, name="out")])
        >>> model.compile("sgd", "mse")
        >>> dbg = model.debug(np.ones((64, 2), "float32"), np.zeros((64, 1), "float32"), batch_size=8)
        >>> logs = dbg.step(6)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     dbg.record(f"{folder}/run.kkrec", layers=["out"])
        ...     lesson = replay(f"{folder}/run.kkrec")
        >>> lesson.goto(6) == logs, lesson.activations("out").shape
        (True, (8, 1))
    """
    with Archive(path, "a recording") as archive:
        manifest = read_manifest(archive)
        records = _records(archive, manifest)
        indices = _rows(archive, manifest)
        if x is None:
            arrays = {n: read_array(archive, n) for n in archive.names if n.startswith("pages/")}
            lacking = [s for s in manifest["pages"] if f"pages/{s}/losses.npy" not in arrays]
            if lacking:
                raise ValueError(f"{archive.who}: the losses of step {lacking[0]} are missing.")
            return Replay(manifest, records, indices, arrays)
        return _debugger(archive, manifest, records, indices, x, y, batch_size, model, options)


def _page(dbg: StepDebugger, archive: Any, step: int, layers: list[str], batches: bool) -> dict[str, Any]:
    """Write the arrays of a look into one step. Return the rest, which JSON can hold."""
    timeline = dbg.timeline
    place = timeline.place(step)
    assert place is not None
    before, batch = timeline.state_at(step), timeline.batch(step)
    look = dbg.taps.look(timeline.entered(before, place), batch)
    losses = looking.sample_losses(look, timeline.steps, dbg.taps, before, batch)
    write_array(archive, f"pages/{step}/losses.npy", losses)
    for name in layers:
        value = looking.activations(look, name)
        for i, one in enumerate(value if isinstance(value, list) else [value]):
            write_array(archive, f"pages/{step}/layers/{name}/{i}.npy", one)
    if batches:
        for i, leaf in enumerate(jtu.tree_leaves(batch)):
            write_array(archive, f"pages/{step}/batch/{i}.npy", np.asarray(leaf))
    return {"table": looking.table(look, timeline.steps, before).rows}


def _config(model: Any) -> Any:
    try:
        return {"model": model.to_json(), "compile": json.dumps(model.get_compile_config())}
    except (TypeError, ValueError, NotImplementedError):
        return None  # a custom model: whoever opens the file passes it


def _indices(timeline: Timeline) -> np.ndarray | None:
    """Return the row numbers of each step's batch, padded with -1, or ``None`` if the source does not give them."""
    found = []
    for step in range(timeline.begin, timeline.head):
        place = timeline.place(step)
        assert place is not None
        rows = timeline.source.indices(*place)
        if rows is None:
            return None
        found.append(rows)
    width = max((len(rows) for rows in found), default=0)
    return np.array([np.pad(rows, (0, width - len(rows)), constant_values=-1) for rows in found], "int32").reshape(
        -1, width
    )


def _records(archive: Archive, manifest: dict) -> Records:
    names = ["epoch", "step", "rows", *map(str, manifest["logs"])]
    count = manifest["head"] - manifest["begin"]
    columns = {n: _column(archive, f"records/{n}.npy", count) for n in names} if count else {}
    return Records.of(manifest["begin"], bool(manifest["means"]), columns)


def _column(archive: Archive, name: str, count: int) -> np.ndarray:
    values = read_array(archive, name, (count,))
    if values.dtype.kind not in "fiu":
        raise ValueError(f"{archive.who}: {name!r} holds {values.dtype}, not numbers.")
    return values


def _rows(archive: Archive, manifest: dict) -> np.ndarray | None:
    """Return the row numbers of each step's batch, if the recording holds them."""
    if "indices.npy" not in archive:
        return None
    rows = read_array(archive, "indices.npy")
    steps = manifest["head"] - manifest["begin"]
    if rows.dtype.kind not in "iu" or rows.ndim != 2 or len(rows) != steps:
        raise ValueError(f"{archive.who}: 'indices.npy' must hold rows of whole numbers for {steps} steps.")
    return rows


def _debugger(
    archive: Archive,
    manifest: dict,
    records: Records,
    indices: np.ndarray | None,
    x: Any,
    y: Any,
    batch_size: int | None,
    model: Any,
    options: dict,
) -> StepDebugger:
    from kernelkit.viz.debugger.debugger import StepDebugger

    dbg = StepDebugger(_made(archive, manifest) if model is None else model, x, y, batch_size, **options)
    old = dbg.timeline
    if isinstance(old.source, ArraySource) and manifest["seed"] is not None:
        old.source.feed.seed = manifest["seed"]
        old.source = ArraySource(old.source.feed)
    states = {step: _snapshot(archive, step, old) for step in manifest["snapshots"]}
    begin = manifest["begin"]
    old.snapshots.forget(old.name)
    timeline = Timeline(
        old.name,
        old.steps,
        old.source,
        old.snapshots,
        begin,
        manifest["starts"],
        manifest["first_epoch"],
        states[begin],
        records,
        old.every,
    )
    for step, state in states.items():
        timeline.snapshots.put(timeline.name, step, state, here=begin)
    _check_rows(timeline, indices)
    return StepDebugger.of(timeline)


def _made(archive: Archive, manifest: dict) -> Any:
    described = manifest["model"]
    if described is None:
        raise ValueError(f"{archive.who} holds no config of its model: pass replay(..., model=...), compiled.")
    size = archive.unfolded
    with reading(archive.who), serialize.sharing(), serialize.loading(memory=memory_for(size)):
        model = serialize.deserialize_keras_object(serialize.parse_config(described["model"], archive.who, size))
        if not isinstance(model, Model):
            raise ValueError(f"{archive.who}: its 'model' is a {type(model).__name__}, not a model.")
        model.compile_from_config(serialize.parse_config(described["compile"], archive.who, size))
    return model


def _snapshot(archive: Archive, step: int, timeline: Timeline) -> TrainState:
    spec = timeline.steps.variables.peek()
    return TrainState(
        *(
            tuple(
                read_array(archive, f"snapshots/{step}/{group}/{i}.npy", v.shape, v.dtype) for i, v in enumerate(values)
            )
            for group, values in spec._asdict().items()
        )
    )


def _check_rows(timeline: Timeline, indices: np.ndarray | None) -> None:
    place = timeline.place(timeline.begin)
    if indices is None or place is None or not len(indices):
        return
    rows = timeline.source.indices(*place)
    if rows is not None and not np.array_equal(rows, indices[0][indices[0] >= 0]):
        raise ValueError(
            "replay(): these data give other batches than the recording. Pass the same data, batch_size and shuffle."
        )
