"""The panel's messages: the changes since the last message, as a small header and one float32 buffer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kernelkit.viz.curves.series import Series
from kernelkit.viz.curves.store import LEARNING_RATE, CurveStore

Message = tuple[dict[str, Any], bytes]
"""A header and its buffer of float32 values."""
BUFFER_LIMIT = 40 << 10
"""Maximum bytes of curve data in one message. The header takes the rest of the 64 KB."""
MAX_BUCKETS = 2048
MAX_SERIES = 128
"""Maximum number of curves: more would fit neither one message nor one screen."""


@dataclass
class Cursor:
    """The data that the frontend has: for each axis, the number of values sent and their stride."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    strides: dict[str, int] = field(default_factory=dict)


def encode_curves(store: CurveStore, cursor: Cursor | None) -> tuple[list[dict[str, Any]], bytes, Cursor]:
    """Encode the new values of a store since a cursor, in at most `BUFFER_LIMIT` bytes.

    Curves are sent as buckets of `stride` values. The stride doubles as the curves grow. The frontend then merges its
    buckets in pairs, so only new buckets are sent.

    Args:
        store: The curves.
        cursor: The cursor of the previous message, or None to encode all values.

    Returns:
        Three values. First, a list with a dict for each changed curve: `axis`, `name`, first bucket `start`, `stride`,
        `count` of values. Second, the float32 buffer with the buckets from `start` on, curve after curve: the means,
        then (if the stride is not 1) the lows and the highs. Third, the new cursor.
    """
    curves = _curves(store)
    sent = Cursor() if cursor is None else cursor
    strides = _strides(curves, sent)
    entries: list[dict[str, Any]] = []
    chunks: list[bytes] = []
    counts: dict[tuple[str, str], int] = {}
    for (axis, name), series in curves.items():
        known = sent.counts.get((axis, name), 0)
        counts[axis, name] = series.count
        if known == series.count:
            continue
        buckets = series.read(known, strides[axis])
        start = buckets.start // buckets.stride
        entries.append({"axis": axis, "name": name, "start": start, "stride": buckets.stride, "count": series.count})
        columns = [buckets.mean] if buckets.stride == 1 else [buckets.mean, buckets.low, buckets.high]
        chunks.extend(column.astype("<f4", copy=False).tobytes() for column in columns)
    return entries, b"".join(chunks), Cursor(counts, strides)


def history_message(
    index: int, runs: int, label: str, epochs: Sequence[int], logs: Mapping[str, Sequence[float]]
) -> tuple[dict[str, Any], bytes]:
    """Return one finished training as a complete message: run `index` of `runs`, with a value of each log per epoch."""
    store = CurveStore()
    for i, epoch in enumerate(epochs):
        values = {name: column[i - len(epochs)] for name, column in logs.items() if len(column) > i}
        store.add_epoch(epoch + 1, values, i + 1)
    curves, buffer, _ = encode_curves(store, None)
    facts = {"name": label, "state": "history", "first_epoch": epochs[0] if epochs else 0, "steps": 1}
    facts |= {
        "best": {name: [epoch, json_number(value)] for name, (epoch, value) in store.best.items()},
        "rate_changes": store.rate_changes(),
    }
    content = {"kind": "update", "run": index, "runs": runs, "sequence": 1, "full": True}
    return content | {"curves": curves, "facts": facts}, buffer


def json_number(value: float | None) -> float | str | None:
    """Return a number that JSON can hold: NaN and infinities become the strings 'nan', 'inf' and '-inf'.

    Example:
        >>> json_number(0.5), json_number(float("nan"))
        (0.5, 'nan')
    """
    return value if value is None or math.isfinite(value) else str(float(value))


def json_numbers(values: Mapping[str, float]) -> dict[str, float | str | None]:
    """Apply `json_number` to each value of a dict."""
    return {name: json_number(value) for name, value in values.items()}


def _curves(store: CurveStore) -> dict[tuple[str, str], Series]:
    curves = {("epoch", ""): store.ends}
    curves |= {("step", n): series for n, series in store.steps.items() if n != LEARNING_RATE or store.rate_changes()}
    curves |= {("epoch", name): series for name, series in store.epochs.items()}
    return dict(list(curves.items())[:MAX_SERIES])


def _strides(curves: Mapping[tuple[str, str], Series], sent: Cursor) -> dict[str, int]:
    """Return the stride of each axis. Epochs may take a third of a message, or more if there are no steps."""
    steps = [series for (axis, _), series in curves.items() if axis == "step"]
    epochs = [series for (axis, _), series in curves.items() if axis == "epoch"]
    stride, size = _fit(epochs, BUFFER_LIMIT // 3 if steps else BUFFER_LIMIT, sent.strides.get("epoch", 1))
    return {"epoch": stride, "step": _fit(steps, BUFFER_LIMIT - size, sent.strides.get("step", 1))[0]}


def _fit(group: list[Series], limit: int, stride: int) -> tuple[int, int]:
    """Return the smallest power-of-two stride of at least `stride` with which the curves fit into `limit` bytes."""
    count = max((series.count for series in group), default=0)
    stride = max([stride, *(series.stride for series in group)])
    while True:
        buckets = math.ceil(count / stride)
        size = buckets * len(group) * (4 if stride == 1 else 12)
        if buckets <= MAX_BUCKETS and size <= limit:
            return stride, size
        stride *= 2
