"""Finder for targets that teach nothing: one class, classes in a row, a target among the inputs, shuffled labels."""

from __future__ import annotations

import numpy as np

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finders.labels import nearest
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

BATCHES = 5
STEPS = 40
"""Minimum number of steps before labels are said to be shuffled."""


def find(view: View) -> Finding | None:
    """Return the first fault of the targets."""
    x, y = facts.data_of(view)
    if len(y) != 1 or len(y[0]) < 4:
        return None
    used = facts.used_losses(view, view.shown)
    labels = facts.classes_of(y[0]) if used and used[0].kind in facts.CLASSES else None
    if labels is not None:
        return _one_class(view, labels) or _in_a_row(view) or _leak(view, x, labels) or _shuffled(view, x, labels)
    return _leak(view, x, y[0].reshape(len(y[0]), -1)[:, 0]) if y[0].dtype.kind in "fiu" and y[0][0].size == 1 else None


def _one_class(view: View, labels: np.ndarray) -> Finding | None:
    if view.arrays is None or len(np.unique(labels)) > 1:
        return None
    title = f"All labels are {int(labels[0])}: there is only one class to learn."
    return _found(view, "one class", title, [f"{len(labels)} labels were read"], advice.ONE_CLASS)


def _in_a_row(view: View) -> Finding | None:
    steps = range(max(view.begin, view.shown - BATCHES + 1), view.shown + 1)
    found = [facts.classes_of(facts.arrays_of(view, step)[1][0]) for step in steps]
    batches = [labels for labels in found if labels is not None and len(labels) >= 4 and len(np.unique(labels)) == 1]
    if len(batches) < BATCHES:
        return None
    title = f"Each of the last {BATCHES} batches holds one class only: the data are sorted and not shuffled."
    told = [f"the batch of step {nth(view.shown)} holds class {int(batches[-1][0])}"]
    return _found(view, "sorted labels", title, told, advice.SORTED)


def _leak(view: View, x: list[np.ndarray], y: np.ndarray) -> Finding | None:
    y = y.astype("float64")
    for number, values in enumerate(x):
        if values.ndim != 2 or values.shape[1] < 3 or values.dtype.kind not in "fiu" or y.std() == 0:
            continue
        columns = values.astype("float64")
        spread = columns.std(0)
        varied = np.where(spread > 0, spread, np.inf)
        alike = np.abs(((columns - columns.mean(0)) / varied * ((y - y.mean()) / y.std())[:, None]).mean(0))
        column = int(np.argmax(np.where(np.isfinite(alike), alike, 0)))
        if alike[column] > 1 - 1e-5:
            name = f"column {column} of the inputs" if len(x) == 1 else f"column {column} of input {number}"
            title = f"The target is among the inputs: {name} is the target, up to its scale."
            told = [f"the correlation over {len(y)} rows is {alike[column]:.6f}"]
            return _found(view, "leaking target", title, told, advice.LEAK, "x")
    return None


def _shuffled(view: View, x: list[np.ndarray], labels: np.ndarray) -> Finding | None:
    """Similar inputs have the same label no more often than chance, and the loss is that of guessing."""
    shares = np.bincount(labels - labels.min()) / len(labels)
    shares = shares[shares > 0]
    guessing = -float(np.sum(shares * np.log(shares)))
    losses = view.losses
    if len(x) != 1 or len(labels) < 200 or len(losses) < STEPS or np.mean(losses[-10:]) < 0.97 * guessing:
        return None
    if x[0].dtype.kind not in "fiu" or x[0][0].size > 20_000:
        return None
    same = float(np.mean(labels == labels[nearest(x[0].reshape(len(labels), -1).astype("float32"))]))
    chance = float(np.sum(shares**2))
    if same > chance + 3 * np.sqrt(chance * (1 - chance) / len(labels)):
        return None
    told = [
        f"samples most like each other have the same label in {same:.0%} of the cases, by chance in {chance:.0%}",
        f"the loss is {np.mean(losses[-10:]):.4g}, that of guessing {guessing:.4g}",
    ]
    return _found(view, "shuffled labels", "The labels have nothing to do with the inputs.", told, advice.SHUFFLED)


def _found(view: View, kind: str, title: str, told: list[str], cure: list[str], layer: str = "y") -> Finding:
    return Finding(
        kind, title, view.shown, view.epoch(view.shown), layer, direction="forward", evidence=told, advice=cure
    )
