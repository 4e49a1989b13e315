"""Finder for targets that teach nothing: one class, classes in a row, a target among the inputs, shuffled labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finders.labels import nearest
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

BATCHES = 5
MOST_BATCHES = 25
"""Number of batches of a stream that are read before a report of a single class."""
BY_CHANCE = 1e-3
"""Largest probability of a pattern in shuffled data that is still reported."""
STEPS = 40
"""Minimum number of steps before labels are said to be shuffled."""
MANY_STEPS = 200
"""Minimum number of steps within the first epoch, whose later batches may yet teach something."""
SQUARES = ("MeanSquaredError", "mean_squared_error")
MOST_CLASSES = 50
"""Largest number of classes that are searched for among the inputs as one-hot columns."""
FEW = 10
"""Classes of fewer samples are not asked whether they go with the inputs."""
CLEARLY = 2.0
"""Number of standard deviations above chance for a relation between targets and inputs."""
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
    labels, y = one.labels, one.y
    if labels is not None:
        wanted = (
            [labels] if len(np.unique(labels)) > MOST_CLASSES else [labels, *(labels == k for k in np.unique(labels))]
        )
        return _few_classes(view, one, labels) or _leak(view, x, wanted, one) or _shuffled(view, x, labels, one)
    if y.dtype.kind not in "fiub" or not np.isfinite(y).all():
        return None
    if (found := _one_target(view, one)) is not None:
        return found
    if y[0].size == 1:
        y = y.reshape(len(y))
        return _leak(view, x, [y], one) or _shuffled(view, x, y, one)
    return _shuffled(view, x, y, one) if one.kind in facts.CLASSES and y.dtype.kind in "iu" else None


def _one_target(view: View, one: facts.Wanted) -> Finding | None:
    """Return a finding if all samples have the same target, a number or an array."""
    if view.arrays is None or not np.all(one.y == one.y[:1]):
        return None
    what = f"{one.y.reshape(-1)[0]:.4g}" if np.all(one.y == one.y.reshape(-1)[0]) else "the same array"
    title = f"All targets{_of(one)} are {what}: there is nothing to learn from the inputs."
    return _found(view, "one class", title, [f"{len(one.y)} targets were read"], advice.ONE_CLASS)


def _of(one: facts.Wanted) -> str:
    return f" of output {one.name!r}" if one.name else ""


def _few_classes(view: View, one: facts.Wanted, labels: np.ndarray) -> Finding | None:
    """Return a finding if there is only one class, in all data or in each of the last batches."""
    if view.arrays is not None and len(np.unique(labels)) == 1:
        title = f"All labels{_of(one)} are {int(labels[0])}: there is only one class to learn."
        return _found(view, "one class", title, [f"{len(labels)} labels were read"], advice.ONE_CLASS)
    found: list[np.ndarray] = []
    for step in range(view.shown, view.begin - 1, -1):
        _, y, _ = unpack(view.batch(step))
        own = next((other.labels for other in facts.wanted(view, y) if other.name == one.name), None)
        if own is None or len(own) < 4 or len(np.unique(own)) > 1:
            break
        found.append(own)
        if len(found) >= (MOST_BATCHES if view.arrays is None else BATCHES):
            break
    if len(found) < BATCHES:
        return None
    classes = {int(own[0]) for own in found}
    if view.arrays is None and len(classes) == 1:
        if len(found) < min(MOST_BATCHES, view.shown - view.begin + 1):
            return None  # an earlier batch holds another class
        (only,) = classes
        title = f"All labels{_of(one)} of the last {len(found)} batches are {only}: there is only one class to learn."
        return _found(view, "one class", title, [f"only class {only} was read"], advice.ONE_CLASS)
    known = labels if view.arrays is not None else np.concatenate(found)
    shares = np.unique(known, return_counts=True)[1] / len(known)
    if np.prod([np.sum(shares ** len(own)) for own in found]) > BY_CHANCE:
        return None  # a rare class is missing from many batches
    title = f"Each of the last {BATCHES} batches holds one class only: the data are sorted and not shuffled."
    evidence = [f"the batch of step {nth(view.shown)} holds class {int(found[0][0])}"]
    return _found(view, "sorted labels", title, evidence, advice.SORTED)


def _leak(view: View, x: list[np.ndarray], targets: list[np.ndarray], one: facts.Wanted) -> Finding | None:
    """Return a finding if a column of the inputs is the target up to its scale, or columns are its classes.

    Args:
        view: The training.
        x: The inputs.
        targets: The target (samples,), then an indicator (samples,) for each of its classes.
        one: The targets' output.
    """
    for number, values in enumerate(x):
        y = np.stack([np.asarray(target, "float64") for target in targets])
        if values.ndim < 2 or values.dtype.kind not in "fiu" or y[0].std() == 0 or y.shape[1] < 10:
            continue
        if len(values) != y.shape[1] or not 3 <= values[0].size <= MOST_COLUMNS:
            continue
        columns = values.reshape(len(values), -1).astype("float64")
        spread = columns.std(0)
        columns = (columns - columns.mean(0)) / np.where(spread > 0, spread, np.inf)
        y = (y - y.mean(1, keepdims=True)) / y.std(1, keepdims=True)
        alike = np.abs(np.nan_to_num(y @ columns / len(columns)))
        found = [int(row.argmax()) for row in alike if row.max() > 1 - 1e-5]
        of = "the inputs" if len(x) == 1 else f"input {number}"
        if alike[0].max() > 1 - 1e-5:
            place = f"column {_place(values, found[0])} of {of} is the target, up to its scale"
        elif len(targets) > 1 and len(found) == len(targets) - 1:
            place = f"columns {', '.join(str(_place(values, at)) for at in found[:5])} of {of} are its classes"
        else:
            continue
        evidence = [f"the correlation over {len(values)} rows is {alike.max():.6f}"]
        return _found(
            view, "leaking target", f"The target{_of(one)} is among the inputs: {place}.", evidence, advice.LEAK, "x"
        )
    return None


def _place(values: np.ndarray, column: int) -> Any:
    return column if values.ndim == 2 else tuple(int(i) for i in np.unravel_index(column, values.shape[1:]))


def _shuffled(view: View, x: list[np.ndarray], y: np.ndarray, one: facts.Wanted) -> Finding | None:
    """Return a finding if similar inputs have no more similar targets than any two, and the loss is that of guessing.

    Args:
        view: The training.
        x: The inputs.
        y: Classes (samples,) or (samples, ...), or the numbers of a regression (samples,).
        one: The targets' output.
    """
    guessing = _guessing(y, one)
    losses = view.losses
    if one.log != "loss":  # a share of the loss: running means
        records = view.records
        losses = records.column(one.log)[: len(losses)] if one.log in records.names else losses[:0]
    if guessing is None or len(y) < 200 or len(losses) < STEPS or not np.mean(losses[-10:]) >= 0.97 * guessing:
        return None
    if view.epoch(view.shown) == 0 and len(losses) < MANY_STEPS:
        return None
    rows = facts.flattened(x)
    if rows is None:
        return None
    y = y.reshape(len(y), -1)
    if y.shape[1] == 1 and follows(rows, y[:, 0], one.labels is not None):
        return None
    other = np.roll(np.arange(len(y)), len(y) // 2)
    near, far = _alike(y, y[nearest(rows)], one), _alike(y, y[other], one)
    chance = float(far.mean())
    spread = float(np.std(near - far)) if one.labels is None else np.sqrt(chance * (1 - chance))
    if one.labels is not None:  # by the shares of the classes, rather than by one draw
        shares = np.unique(y, return_counts=True)[1] / len(y)
        chance = float(np.sum(shares**2))
        spread = np.sqrt(chance * (1 - chance))
    if near.mean() > chance + 3 * spread / np.sqrt(len(y)):
        return None
    if one.kind in facts.DISTANCES:
        evidence = [
            f"targets of the most similar samples differ by {-near.mean():.3g}, those of others by {-chance:.3g}"
        ]
    else:
        evidence = [
            f"the most similar samples have the same label in {near.mean():.0%} of the cases, by chance in {chance:.0%}"
        ]
    evidence.append(f"the loss is {np.mean(losses[-10:]):.4g}, that of guessing {guessing:.4g}")
    what = "targets" if one.kind in facts.DISTANCES else "labels"
    title = f"The {what}{_of(one)} are not related to the inputs."
    return _found(view, "shuffled labels", title, evidence, advice.SHUFFLED)


def follows(rows: np.ndarray, y: np.ndarray, classes: bool) -> bool:
    """Return whether a target is correlated with a column of the inputs, or a class with the classes of similar inputs.

    If one class is far more frequent than the others, most inputs have the label of the most similar input,
    even without any relation, so each class is compared with its own share.

    Args:
        rows: Inputs (samples, values).
        y: Classes or numbers (samples,).
        classes: Whether these are classes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rare = (rng.random(1000) < 0.05).astype(int)
        >>> x = rng.normal(size=(1000, 8)) + 1.0 * rare[:, None]
        >>> follows(x, rare, True), follows(x, rng.permutation(rare), True)
        (True, False)
    """
    kinds, counts = np.unique(y, return_counts=True)
    wanted = [y == k for k in kinds[counts >= FEW][:MOST_CLASSES]] if classes else [y]
    columns = _even(np.where(np.isfinite(rows), rows, 0.0))
    if not wanted or not columns.size:
        return False
    targets = _even(np.stack([np.asarray(w, "float64") for w in wanted], 1))
    strength = np.abs(targets.T @ columns)
    # A rare class and a rare value coincide by chance: count them only if several coincidences are expected.
    rarity = np.outer(np.mean(targets**4, 0), np.mean(columns**4, 0))
    strength = np.where(rarity <= len(y) / 4, strength, 0.0)
    # The expected maximum of this many random numbers (Gumbel, 1958).
    if strength.max() / np.sqrt(len(y)) > np.sqrt(2 * np.log(strength.size + 1)) + CLEARLY:
        return True
    if not classes:
        return False
    like = y[nearest(rows)]
    for k in kinds[counts >= FEW]:
        own, share = like[y == k] == k, float(np.mean(y == k))
        if own.mean() > share + (2 + CLEARLY) * np.sqrt(share * (1 - share) / len(own)):
            return True
    return False


def _even(columns: np.ndarray) -> np.ndarray:
    """Return columns (samples, values) with mean 0 and deviation 1, rare large values clipped to 3 deviations."""
    for limit in (3.0, np.inf):
        spread = columns.std(0)
        columns = np.clip((columns - columns.mean(0)) / np.where(spread > 0, spread, np.inf), -limit, limit)
    return columns


def _guessing(y: np.ndarray, one: facts.Wanted) -> float | None:
    """Return the loss of the best guess without inputs, None if it is not known for this loss."""
    if one.kind in SQUARES:
        return float(np.var(y)) or None
    if one.kind not in facts.CLASSES or y.dtype.kind not in "iub":
        return None
    flat = y.reshape(len(y), -1)
    if flat.shape[1] > MOST_COLUMNS:
        return None
    entropy = 0.0
    for k in np.unique(flat)[: MOST_CLASSES + 1]:
        share = (flat == k).mean(0)
        entropy -= float(np.mean(share * np.log(np.maximum(share, 1e-30))))
    return entropy or None


def _alike(a: np.ndarray, b: np.ndarray, one: facts.Wanted) -> np.ndarray:
    """Return the similarity of targets (samples,): the share of equal classes, or minus the distance."""
    return -np.abs(a - b).mean(1) if one.kind in facts.DISTANCES else (a == b).mean(1)


def _found(view: View, kind: str, title: str, evidence: list[str], cure: list[str], layer: str = "y") -> Finding:
    return Finding(
        kind, title, view.shown, view.epoch(view.shown), layer, direction="forward", evidence=evidence, advice=cure
    )
