"""Finder for targets that teach nothing: one class, classes in a row, a target among the inputs, shuffled labels."""

from __future__ import annotations

import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finders.labels import nearest
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

BATCHES = 5
STEPS = 40
"""Minimum number of steps before labels are said to be shuffled."""
MOST_COLUMNS = 4096
"""Inputs with more values for each sample are not searched for the target."""


def find(view: View) -> Finding | None:
    """Return the first fault of the targets, output by output."""
    x, targets = facts.data_of(view)
    for one in targets:
        found = _find(view, x, one) if len(one.y) >= 4 else None
        if found is not None:
            return found
    return None


def _find(view: View, x: list[np.ndarray], one: facts.Wanted) -> Finding | None:
    labels = one.labels
    if labels is not None:
        return _few_classes(view, one, labels) or _leak(view, x, labels, one) or _shuffled(view, x, labels, one)
    y = one.y
    return _leak(view, x, y.reshape(len(y), -1)[:, 0], one) if y.dtype.kind in "fiu" and y[0].size == 1 else None


def _of(one: facts.Wanted) -> str:
    return f" of output {one.name!r}" if one.name else ""


def _few_classes(view: View, one: facts.Wanted, labels: np.ndarray) -> Finding | None:
    """Return that there is one class only, in all data or in each of the last batches."""
    if view.arrays is not None and len(np.unique(labels)) == 1:
        title = f"All labels{_of(one)} are {int(labels[0])}: there is only one class to learn."
        return _found(view, "one class", title, [f"{len(labels)} labels were read"], advice.ONE_CLASS)
    steps = range(max(view.begin, view.shown - BATCHES + 1), view.shown + 1)
    found = []
    for step in steps:
        _, y, _ = unpack(view.batch(step))
        own = next((other.labels for other in facts.wanted(view, y) if other.name == one.name), None)
        found += [] if own is None or len(own) < 4 or len(np.unique(own)) > 1 else [int(own[0])]
    if len(found) < BATCHES:
        return None
    if view.arrays is None and len(set(found)) == 1:
        title = f"All labels{_of(one)} of the last {BATCHES} batches are {found[0]}: there is only one class to learn."
        return _found(view, "one class", title, [f"class {found[0]} is all that was read"], advice.ONE_CLASS)
    title = f"Each of the last {BATCHES} batches holds one class only: the data are sorted and not shuffled."
    told = [f"the batch of step {nth(view.shown)} holds class {found[-1]}"]
    return _found(view, "sorted labels", title, told, advice.SORTED)


def _leak(view: View, x: list[np.ndarray], y: np.ndarray, one: facts.Wanted) -> Finding | None:
    y = y.astype("float64")
    for number, values in enumerate(x):
        if values.ndim < 2 or values.dtype.kind not in "fiu" or y.std() == 0 or len(y) < 10 or len(values) != len(y):
            continue
        if not 3 <= values[0].size <= MOST_COLUMNS:
            continue
        columns = values.reshape(len(values), -1).astype("float64")
        spread = columns.std(0)
        varied = np.where(spread > 0, spread, np.inf)
        alike = np.abs(((columns - columns.mean(0)) / varied * ((y - y.mean()) / y.std())[:, None]).mean(0))
        column = int(np.argmax(np.where(np.isfinite(alike), alike, 0)))
        if alike[column] > 1 - 1e-5:
            place = column if values.ndim == 2 else tuple(int(i) for i in np.unravel_index(column, values.shape[1:]))
            name = f"column {place} of the inputs" if len(x) == 1 else f"column {place} of input {number}"
            title = f"The target{_of(one)} is among the inputs: {name} is the target, up to its scale."
            told = [f"the correlation over {len(y)} rows is {alike[column]:.6f}"]
            return _found(view, "leaking target", title, told, advice.LEAK, "x")
    return None


def _shuffled(view: View, x: list[np.ndarray], labels: np.ndarray, one: facts.Wanted) -> Finding | None:
    """Similar inputs have the same label no more often than chance, and the loss is that of guessing."""
    shares = np.bincount(labels - labels.min()) / len(labels)
    shares = shares[shares > 0]
    guessing = -float(np.sum(shares * np.log(shares)))
    losses = view.losses
    if one.log != "loss":  # a share of the loss: running means
        records = view.records
        losses = records.column(one.log)[: len(losses)] if one.log in records.names else losses[:0]
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
    return _found(
        view, "shuffled labels", f"The labels{_of(one)} have nothing to do with the inputs.", told, advice.SHUFFLED
    )


def _found(view: View, kind: str, title: str, told: list[str], cure: list[str], layer: str = "y") -> Finding:
    return Finding(
        kind, title, view.shown, view.epoch(view.shown), layer, direction="forward", evidence=told, advice=cure
    )
