"""The manifest of a recording: each field is checked before use."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from kernelkit import serialize
from kernelkit.saving.archive import Archive

FORMAT = 1
_MOST_STEPS = 1_000_000_000
_MOST_BRACKETS = 4_000_000
_NUMBERS = ("mean", "std", "min", "max", "zeros", "nan", "inf", "dead", "activation_grad", "grad", "update_ratio")


def read_manifest(archive: Archive) -> dict[str, Any]:
    """Return the manifest of a recording.

    Raises:
        ValueError: If the manifest is broken. The message names the file and the field.
    """
    text = archive.read("manifest.json")
    try:
        manifest = serialize.parse_config(text, "its manifest", archive.size, most_brackets=_MOST_BRACKETS)
    except ValueError as error:
        raise ValueError(f"{archive.who} is not a readable recording: {error}") from error
    problem = problem_of(manifest)
    if problem is not None:
        raise ValueError(f"{archive.who} is not a readable recording: {problem}.")
    return manifest


def problem_of(manifest: Any) -> str | None:
    """Return the problem of a manifest in words that name the field, or ``None`` if it is valid.

    Example:
        >>> problem_of({"format": 2})
        'its format is 2, this version reads 1'
        >>> problem_of({"format": 1, "begin": 5})
        "its 'head' is missing"
    """
    if not isinstance(manifest, dict):
        return "its manifest is not a dict"
    if manifest.get("format") != FORMAT:
        return f"its format is {_short(manifest.get('format'))}, this version reads {FORMAT}"
    for name, (expected, fits) in _FIELDS.items():
        if name not in manifest:
            return f"its {name!r} is missing"
        if not fits(manifest[name]):
            return f"its {name!r} must be {expected}, got {_short(manifest[name])}"
    begin, head = manifest["begin"], manifest["head"]
    if begin > head:
        return f"it ends at step 'head' = {head}, before it begins at step 'begin' = {begin}"
    if manifest["starts"][0] > begin or manifest["starts"][-1] > head:
        return f"its 'starts' don't lie between 'begin' = {begin} and 'head' = {head}"
    if begin not in manifest["snapshots"]:
        return f"its 'snapshots' lack the state of step 'begin' = {begin}"
    if not all(begin <= step <= head for step in manifest["snapshots"]):
        return f"its 'snapshots' don't lie between 'begin' = {begin} and 'head' = {head}"
    if not all(begin <= int(step) < head for step in manifest["pages"]):
        return f"its 'pages' don't lie between 'begin' = {begin} and 'head' = {head}"
    return None


def _is_int(value: Any, least: int = 0, most: int = _MOST_STEPS) -> bool:
    return type(value) is int and least <= value <= most


def _is_ascending(value: Any) -> bool:
    ints = isinstance(value, list) and bool(value) and all(map(_is_int, value))
    return ints and all(a < b for a, b in itertools.pairwise(value))


def _is_steps(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_int, value)) and len(set(value)) == len(value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value) and len(set(value)) == len(value)


def _is_model(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(value.get(k), str) for k in _TEXTS))


def _is_pages(value: Any) -> bool:
    return isinstance(value, dict) and all(k.isascii() and k.isdecimal() and _is_page(v) for k, v in value.items())


def _is_page(value: Any) -> bool:
    rows = value.get("table") if isinstance(value, dict) else None
    return isinstance(rows, list) and all(map(_is_row, rows))


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("layer"), str) or not isinstance(row.get("type"), str):
        return False
    shape = row.get("shape")
    if shape is not None and not (isinstance(shape, list) and all(map(_is_int, shape))):
        return False
    if any(row.get(name) is not None and (type(row[name]) is not int or row[name] < 0) for name in ("nan", "inf")):
        return False
    return all(row.get(name) is None or type(row[name]) in (int, float) for name in _NUMBERS)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


_TEXTS = ("model", "compile")
_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "begin": ("a number of steps", _is_int),
    "head": ("a number of steps", _is_int),
    "first_epoch": ("a number of epochs", _is_int),
    "starts": ("the first steps of the epochs, ascending", _is_ascending),
    "seed": ("a whole number below 2**63, or null", lambda v: v is None or _is_int(v, 0, 2**63 - 1)),
    "means": ("true or false", lambda v: isinstance(v, bool)),
    "layers": ("a list of different names", _is_names),
    "logs": ("a list of different names", _is_names),
    "snapshots": ("a list of different steps", _is_steps),
    "pages": ("a dict from steps to tables of layers", _is_pages),
    "model": ("null, or a dict with the texts 'model' and 'compile'", _is_model),
}
