"""The two files that are kept: what Keras itself passes, and what does not pass here, with reasons."""

import re
import zlib
from pathlib import Path

FOLDER = Path(__file__).parent
KERAS_PASSES = FOLDER / "keras_passes.txt"
NOT_PASSING = FOLDER / "not_passing.txt"

KINDS = {
    "to do": "a difference that ought to go",
    "own words": "the same error is raised, its text is kernelkit's own",
    "on purpose": "kernelkit does something else, and says so",
    "internals": "looks inside Keras, where kernelkit is built otherwise",
    "quantization": "quantization: what is left of it",
    "other engines": "behaviour of TensorFlow or torch",
}
COUNTED = ("to do", "own words", "on purpose")  # these count against the bar, the others are aside


def folder_of(test: str) -> str:
    """Return the folder below `keras/src` that a test belongs to."""
    return "distribution" if test.startswith("backend/jax/") else test.partition("/")[0]


# What Keras passes ----------------------------------------------------------------------------------------------------


def write_keras_passes(version: str, tests: set[str], path: Path = KERAS_PASSES) -> None:
    """Write the names of the tests that Keras passes: a line for each class, endings that differ in brackets."""
    classes: dict[str, dict[str, list[str]]] = {}
    for test in sorted(tests):
        file, _, rest = test.partition("::")
        group, dot, method = rest.partition(".")
        if not dot:
            group, method = "", rest
        stem, ending = _split(method)
        classes.setdefault(f"{file}::{group}", {}).setdefault(stem, []).append(ending)
    lines = [f"# What Keras {version} passes with its jax backend. Made by `python -m tests.conformance keras`."]
    for group, methods in classes.items():
        lines.append(group)
        for stem, endings in methods.items():
            lines.append(f" {stem}" + ("" if endings == [""] else " " + "|".join(endings)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_keras_passes(path: Path = KERAS_PASSES) -> tuple[str, set[str]]:
    """Return the version of Keras that was measured and the names of the tests that it passes."""
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    version = first.split("Keras ")[1].split()[0]
    tests, group = set(), ""
    for line in lines:
        if not line.startswith(" "):
            group = line
            continue
        stem, _, endings = line[1:].partition(" ")
        prefix = group if group.endswith("::") else group + "."
        tests |= {f"{prefix}{stem}{_unquote(ending)}" for ending in endings.split("|")}
    return version, tests


def _split(method: str) -> tuple[str, str]:
    """Return a test's name without what a parameter added to it, and that."""
    match = re.match(r"(test(?:_[a-z0-9]+)?(?:_[a-z]+)?)(.*)$", method, re.S)
    stem, ending = (match[1], match[2]) if match else ("", method)
    return stem, _quote(ending)


def _quote(text: str) -> str:
    return re.sub(r"[%|\s]", lambda m: f"%{ord(m[0]):02x}", text)


def _unquote(text: str) -> str:
    return re.sub(r"%([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)


# What does not pass here ----------------------------------------------------------------------------------------------


def read_not_passing(path: Path = NOT_PASSING) -> dict[str, tuple[str, str]]:
    """Return the tests that do not pass: name to (kind, reason)."""
    listed: dict[str, tuple[str, str]] = {}
    kind = reason = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("# "):
            continue
        if line.startswith("["):
            kind, _, reason = line[1:].partition("] ")
            if kind not in KINDS or not reason.strip():
                raise ValueError(f"{path.name}:{number}: expected '[kind] reason' with a kind of {list(KINDS)}")
        elif not kind:
            raise ValueError(f"{path.name}:{number}: a test before the first '[kind] reason'")
        elif line in listed:
            raise ValueError(f"{path.name}:{number}: {line} is listed twice")
        else:
            listed[line] = (kind, reason)
    return listed


def write_not_passing(listed: dict[str, tuple[str, str]], path: Path = NOT_PASSING) -> None:
    """Write the tests that do not pass, grouped by reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for test, why in listed.items():
        groups.setdefault(why, []).append(test)
    order = list(KINDS)
    lines = [
        "# Tests that Keras passes and kernelkit does not, under '[kind] reason'. The list can only shrink:",
        "# CI fails when a test that is not here fails, and when one that is here passes.",
        *(f"# {kind}: {meaning}" for kind, meaning in KINDS.items()),
    ]
    for kind, reason in sorted(groups, key=lambda why: (order.index(why[0]), min(groups[why]))):
        lines += ["", f"[{kind}] {reason}", *sorted(groups[kind, reason])]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


# The slice that CI runs -----------------------------------------------------------------------------------------------


def in_slice(test: str, one_in: int) -> bool:
    """Return whether a test belongs to the slice of one in so many; the same ones on every machine."""
    return zlib.crc32(test.encode()) % one_in == 0
