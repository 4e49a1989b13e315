"""Open a recording that `kernelkit.viz.debugger.record` wrote, with or without its data."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit import serialize
from kernelkit.models.model import Model
from kernelkit.saving.archive import Archive
from kernelkit.saving.model_config import memory_for
from kernelkit.saving.reading import reading
from kernelkit.training.state import TrainState
from kernelkit.typing import PathLike, Tree
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.debugger import StepDebugger
from kernelkit.viz.debugger.manifest import read_manifest
from kernelkit.viz.debugger.npy import read_array
from kernelkit.viz.debugger.records import Records
from kernelkit.viz.debugger.replay import Replay
from kernelkit.viz.debugger.source import ArraySource
from kernelkit.viz.debugger.timeline import Timeline


def replay(
    path: PathLike,
    x: Tree = None,
    y: Tree = None,
    batch_size: int | None = None,
    model: Model | None = None,
    **options: Any,
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
                raise ValueError(f"{archive.who}: the losses of step {nth(lacking[0])} are missing.")
            return Replay(manifest, records, indices, arrays)
        return _debugger(archive, manifest, records, indices, x, y, batch_size, model, options)


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
    x: Tree,
    y: Tree,
    batch_size: int | None,
    model: Model | None,
    options: dict,
) -> StepDebugger:
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
    return TrainState(
        *(
            tuple(
                read_array(archive, f"snapshots/{step}/{group}/{i}.npy", v.shape, v.dtype)
                for i, v in enumerate(variables)
            )
            for group, variables in timeline.steps.variables._asdict().items()
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
