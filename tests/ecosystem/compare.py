"""What both libraries computed, side by side: a table, and the ledger of what does not agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

LEDGER = Path(__file__).with_name("not_passing.txt")
TOLERANCE = 1e-4
TRAINED = 1e-3
"""Largest differences of outputs, as shares of the largest one: of the same weights, and after a step of training."""


def report(keras: Path, ours: Path, families: list[str], scripts: list[str]) -> int:
    """Print a row for each name; return 1 if a failure is not in the ledger."""
    listed = read_ledger()
    new = []
    print(f"\n{'':16}{'checks':>7}{'agree':>7}{'Keras s':>9}{'kernelkit s':>13}{'largest difference':>20}")
    totals = np.zeros(4)
    for name in [*families, *scripts]:
        checks, seconds, largest = (family if name in families else script)(keras, ours, name)
        if not checks:
            checks = {"compared": "nothing could be compared: Keras computed nothing"}
        failed = {check: why for check, why in checks.items() if why}
        counts = len(checks), len(checks) - len(failed)
        totals += (*counts, *seconds)
        print(f"{name:16}{counts[0]:7}{counts[1]:7}{seconds[0]:9.1f}{seconds[1]:13.1f}{largest:20.1e}")
        for check, why in failed.items():
            known = listed.get((name, check))
            print(f"    {check}: {why}" + (f"  [known: {known}]" if known else ""))
            if not known:
                new.append(f"{name} {check}")
        for _, check in [key for key in listed if key[0] == name and key[1] in checks and not checks[key[1]]]:
            new.append(f"{name} {check} (agrees now: take it out of {LEDGER.name})")
    print(f"{'all':16}{totals[0]:7.0f}{totals[1]:7.0f}{totals[2]:9.1f}{totals[3]:13.1f}")
    if new:
        print("\nNot in the ledger:\n  " + "\n  ".join(new))
    return int(bool(new))


def read_ledger() -> dict[tuple[str, str], str]:
    """Return the reason of each known failure by (name, check)."""
    lines = [line for line in LEDGER.read_text().splitlines() if line and not line.startswith("#")]
    rows = [line.split(" | ") for line in lines]
    return {(name.strip(), check.strip()): why.strip() for name, check, why in rows}


def family(keras: Path, ours: Path, name: str) -> tuple[dict[str, str], tuple[float, float], float]:
    """Compare a family: return what failed by check ("" where nothing did), both times, the largest difference."""
    a, b = _read(keras, name), _read(ours, name)
    back = _read(keras, f"{name}.read")
    readable = "cannot read its own file" not in a[0]
    checks: dict[str, str] = {}
    largest = 0.0
    for part in a[0]["errors"]:
        b[0]["errors"].pop(part, None)  # what Keras cannot do is not asked for
    for part, why in b[0]["errors"].items():
        if part != "read" or (readable and "compute" not in a[0]["errors"]):
            checks[part] = why
    for fact in ("weights", "config", "trained with lora"):
        if fact in a[0]:
            checks[fact] = _difference(_plain(a[0][fact]), _plain(b[0].get(fact)))
    for key, wanted in a[1].items():
        if key not in b[1]:
            checks[key] = "missing"
            continue
        tolerance = TRAINED if key.startswith(("loss", "after")) else TOLERANCE
        checks[key], largest = _close(wanted, b[1][key], tolerance, largest)
    outputs = {key.removeprefix("output "): value for key, value in a[1].items() if key.startswith("output ")}
    for what in ("read weights", "read model") if readable else ("read weights",):
        for i, wanted in outputs.items():
            for reader, (facts, arrays) in ("kernelkit", b), ("Keras", back):
                check = f"{what} by {reader} {i}"
                got = arrays.get(f"{what} {i}")
                if got is None:
                    checks[check] = facts["errors"].get("read", "missing")
                else:
                    checks[check], largest = _close(wanted, got, TOLERANCE, largest)
    return checks, (a[0]["seconds"], b[0]["seconds"]), largest


def script(keras: Path, ours: Path, name: str) -> tuple[dict[str, str], tuple[float, float], float]:
    """Compare what an example printed: one JSON object, whose numbers must be close."""
    texts = [(folder / f"{name}.txt").read_text() for folder in (keras, ours)]
    found = [json.loads(text.strip().splitlines()[-1]) if not text.startswith("exit") else None for text in texts]
    if found[1] is None:
        return {"runs": texts[1].strip()}, (0.0, 0.0), 0.0
    if found[0] is None:
        return {"compared": f"Keras: {texts[0].strip()}"}, (0.0, found[1].pop("seconds")), 0.0
    seconds = found[0].pop("seconds"), found[1].pop("seconds")
    largest = 0.0
    checks = {}
    for key, wanted in found[0].items():
        got = found[1].get(key)
        if isinstance(wanted, (int, float, list)) and got is not None:
            checks[key], largest = _close(np.asarray(wanted, float), np.asarray(got, float), TRAINED, largest)
        else:
            checks[key] = _difference(wanted, got)
    return checks, seconds, largest


def _plain(fact: Any) -> Any:
    """Leave out numbers of automatic names, which count what the process made before, and configs that say nothing."""
    if isinstance(fact, dict):
        empty = [("build_config", {"input_shape": None}), ("compile_config", {}), ("compile_config", None)]
        return {key: _plain(value) for key, value in fact.items() if (key, value) not in empty}
    if isinstance(fact, list):
        return [_plain(value) for value in fact]
    return re.sub(r"_\d+(?=/|$)", "", fact) if isinstance(fact, str) else fact


def _read(folder: Path, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with np.load(folder / f"{name}.npz") as arrays:
        return json.loads((folder / f"{name}.json").read_text()), dict(arrays)


def _close(wanted: np.ndarray, got: np.ndarray, tolerance: float, largest: float) -> tuple[str, float]:
    if wanted.shape != got.shape:
        return f"shape {got.shape}, in Keras {wanted.shape}", largest
    scale = max(1.0, float(np.nanmax(np.abs(wanted.astype(float)), initial=0.0)))
    difference = float(np.nanmax(np.abs(wanted.astype(float) - got.astype(float)), initial=0.0)) / scale
    if not np.array_equal(np.isnan(wanted.astype(float)), np.isnan(got.astype(float))):
        return "NaN where Keras has none, or the reverse", largest
    return ("" if difference <= tolerance else f"differs by {difference:.1e}"), max(largest, difference)


def _difference(wanted: Any, got: Any, path: str = "") -> str:
    """Return the first place where two nested values differ."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted({*wanted, *got}):
            if key not in wanted or key not in got:
                return f"{path}/{key} only in {'Keras' if key in wanted else 'kernelkit'}"
            if found := _difference(wanted[key], got[key], f"{path}/{key}"):
                return found
        return ""
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return next(
            (d for i, (w, g) in enumerate(zip(wanted, got, strict=True)) if (d := _difference(w, g, f"{path}/{i}"))), ""
        )
    return "" if wanted == got else f"{path}: {str(got)[:80]}, in Keras {str(wanted)[:80]}"
