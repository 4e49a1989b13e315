"""Recordings: write a training to a file, which `kernelkit.viz.debugger.reopen` opens elsewhere."""

from __future__ import annotations

import json
import os
import zipfile
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.models.model import Model
from kernelkit.saving.atomic import replacing
from kernelkit.typing import PathLike
from kernelkit.viz.debugger import looking
from kernelkit.viz.debugger.manifest import FORMAT
from kernelkit.viz.debugger.npy import write_array
from kernelkit.viz.debugger.source import ArraySource
from kernelkit.viz.debugger.timeline import Timeline
from kernelkit.viz.debugger.view import View


def record(view: View, path: PathLike, layers: Any = (), every: int = 1, batches: bool = False) -> None:
    """Write a recording of all steps of a view's timeline. The other arguments are those of `StepDebugger.record`.

    Raises:
        ValueError: If the file has another ending, or no step was done.
    """
    path = os.fspath(path)
    if not path.endswith(".kkrec"):
        raise ValueError(f"record(): the file's name must end with '.kkrec', got {path!r}.")
    if view.timeline.head == view.timeline.begin:
        raise ValueError("record() writes the completed steps, but there is none. Run some first: dbg.run(epochs=1).")
    layers = [layers] if isinstance(layers, str) else list(layers)
    timeline = view.timeline
    looked = list(range(timeline.begin, timeline.head, max(1, every))) if layers or batches else []
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        pages = {str(step): _page(view, archive, step, layers, batches) for step in looked}
        manifest = {
            "format": FORMAT,
            "model": _config(timeline.steps.model),
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


def _page(view: View, archive: Any, step: int, layers: list[str], batches: bool) -> dict[str, Any]:
    """Write the arrays of a look into one step. Return the rest, which JSON can hold."""
    timeline = view.timeline
    place = timeline.place(step)
    assert place is not None
    before, batch = timeline.state_at(step), timeline.batch(step)
    look = view.taps.look(timeline.entered(before, place), batch)
    losses = looking.sample_losses(look, timeline.steps, view.taps, before, batch)
    write_array(archive, f"pages/{step}/losses.npy", losses)
    for name in layers:
        value = looking.activations(look, name)
        for i, one in enumerate(value if isinstance(value, list) else [value]):
            write_array(archive, f"pages/{step}/layers/{name}/{i}.npy", one)
    if batches:
        for i, leaf in enumerate(jtu.tree_leaves(batch)):
            write_array(archive, f"pages/{step}/batch/{i}.npy", np.asarray(leaf))
    return {"table": looking.table(look, timeline.steps, before).rows}


def _config(model: Model) -> Any:
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
