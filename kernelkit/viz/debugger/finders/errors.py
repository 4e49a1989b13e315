"""Finder for errors: the step shown raised an exception."""

from __future__ import annotations

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View


def find(view: View) -> Finding | None:
    """Return the error of the step shown, and the layer that raised it."""
    error = view.error
    if error is None:
        return None
    layer: str = getattr(error, "layer_path", None) or ""
    place = view.timeline.place(view.shown)
    return Finding(
        "error",
        f"Step {nth(view.shown)} failed{f' in layer {layer!r}' if layer else ''}: {type(error).__name__}: {error}",
        view.shown,
        view.epoch(view.shown),
        layer.split("/")[-1],
        direction="forward" if layer else "",
        samples=[] if place is None else view.all_rows(view.shown),
        evidence=list(getattr(error, "__notes__", [])),
        advice=advice.ERROR,
    )
