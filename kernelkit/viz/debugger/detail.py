"""Details of one layer for the page: histograms, and its output for one sample as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz import bins
from kernelkit.viz.debugger.filters import filters_of
from kernelkit.viz.debugger.message import Message, clipped, json_value
from kernelkit.viz.debugger.samples import thinned, to_bytes
from kernelkit.viz.debugger.tokens import tokens_of

BINS = 40
MAPS = 32
MAP_SIDE = 32
FEW_HEADS = 8
"""Largest number of attention maps that are drawn at double size."""
WEIGHTS = 8
"""Maximum number of weights per layer whose gradients and updates are drawn."""


def layer_message(dbg: Any, name: str, sample: int) -> Message:
    """Return a layer's histograms (activations, weights, gradients, updates), filters, and maps of one sample.

    Args:
        dbg: The debugger.
        name: The layer's name, ``name#2`` for its second call.
        sample: Place of the sample in the batch.
    """
    found: list[dict[str, Any]] = []
    value = _asked(dbg.activations, name)
    arrays = value if isinstance(value, list) else [value]
    if len(first := np.atleast_1d(arrays[0])) and not isinstance(value, str):
        sample = min(sample, len(first) - 1)  # the last batch of an epoch may be a short one
    if isinstance(value, (list, np.ndarray)):
        found.append(histogram("activations", arrays[0]))
    kernels: dict[str, np.ndarray] = {}
    if hasattr(dbg, "gradients"):
        cotangent = _asked(dbg.activation_gradients, name)
        if isinstance(cotangent, np.ndarray):
            found.append(histogram("gradient of the loss, by activation", cotangent))
        own = name.split("#")[0]
        for what, look in (("", dbg.weights), ("gradient of ", dbg.gradients), ("update of ", dbg.updates)):
            if isinstance(weights := _asked(look, own), dict):
                kernels = kernels or weights
                titles = list(zip(_short_names(list(weights)), weights.values(), strict=True))
                found += [histogram(what + title, v) for title, v in titles[:WEIGHTS]]
        if len(kernels) > WEIGHTS:
            found[-1]["left_out"] = len(kernels) - WEIGHTS
    content = {"kind": "layer", "layer": clipped(name), "sample": sample, "histograms": found}
    content["missing"] = value if isinstance(value, str) else ""
    scores = _asked(dbg.attention, name) if hasattr(dbg, "attention") else ""
    drawn = None
    if isinstance(value, (list, np.ndarray)):
        drawn = maps_of([*arrays, *([scores] if isinstance(scores, np.ndarray) else [])], sample)
    buffer = b""
    if drawn is not None:
        what, pictures, count, low, high = drawn
        told = {"what": what, "count": count, "low": low, "high": high, "image": list(pictures.shape)}
        if what == "attention":
            size = next(a.shape[-2:] for a in (*arrays[1:], scores) if isinstance(a, np.ndarray) and a.ndim == 4)
            every = -(-max(size) // _side(count, what))
            if tokens := tokens_of(dbg, sample, size, every):
                told |= {"tokens": tokens, "every": every, "length": size[0]}
        content["maps"] = told
        buffer = pictures.tobytes()
    if (patterns := filters_of(kernels)) is not None:
        content["filters"] = patterns[0] | {"start": len(buffer)}
        buffer += patterns[1].tobytes()
    return content, buffer


def _short_names(paths: list[str]) -> list[str]:
    """Return the last parts of weights' paths, with the part before it for equal ones.

    Example:
        >>> _short_names(["m/mha/query/kernel", "m/mha/key/kernel", "m/mha/scale"])
        ['query/kernel', 'key/kernel', 'scale']
    """
    ends = [path.split("/")[-1] for path in paths]
    return [
        end if ends.count(end) == 1 else "/".join(path.split("/")[-2:]) for path, end in zip(paths, ends, strict=True)
    ]


def histogram(what: str, values: Any) -> dict[str, Any]:
    """Return the counts of values in bins of equal width.

    Example:
        >>> histogram("x", np.array([0.0, 1.0, np.nan]))["odd"]
        1
    """
    values = np.asarray(values, "float32").reshape(-1)
    finite = values[np.isfinite(values)]
    counts, edges = bins.histogram(finite, BINS)
    return {
        "what": clipped(what, 60),
        "low": json_value(float(edges[0])),
        "high": json_value(float(edges[-1])),
        "counts": counts.tolist() if len(finite) else [],
        "size": len(values),
        "zeros": int((values == 0).sum()),
        "odd": len(values) - len(finite),
    }


def maps_of(arrays: list[np.ndarray], sample: int) -> tuple[str, np.ndarray, int, float, float] | None:
    """Return a layer's output for one sample as pictures (maps, height, width) of bytes, each with its own contrast.

    Attention scores (samples, heads, targets, sources) are found among several outputs; their contrast begins at 0.
    An output with two spatial axes gives one feature map per channel. A sequence gives one picture of steps and
    features.
    """
    scores = [a for a in arrays[1:] if a.ndim == 4 and a.shape[-1] > 1 and sample < len(a)]
    first = arrays[0]
    if scores:
        maps, what = scores[0][sample], "attention"
    elif first.ndim == 4 and sample < len(first) and min(first.shape[1:3]) > 1:
        maps, what = np.moveaxis(first[sample], -1, 0), "feature maps"
    elif first.ndim == 3 and sample < len(first) and min(first.shape[1:]) > 1:
        maps, what = first[sample].T[None], "steps across, features down"
    else:
        return None
    shown = thinned(maps[:MAPS].astype("float32"), _side(len(maps), what))
    finite = shown[np.isfinite(shown)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if what == "attention":  # from 0: scores that are nearly equal must not look like a pattern
        top = np.where(np.isfinite(shown), shown, 0).max((1, 2), keepdims=True)
        return what, to_bytes(np.clip(shown / np.where(top > 0, top, 1), 0, 1)), len(maps), 0.0, high
    return what, to_bytes(shown, each=True), len(maps), low, high


def _side(count: int, what: str) -> int:
    """Return the most rows and columns of each of several maps. Larger maps are thinned."""
    if what == "attention" and count <= FEW_HEADS:
        return 2 * MAP_SIDE
    return MAP_SIDE if count > 1 else 4 * MAP_SIDE


def _asked(look: Any, name: str) -> Any:
    """Return an array of the look, or the text of the error if this layer has no such array."""
    try:
        return look(name)
    except ValueError as error:
        return str(error)
