"""Reading facts from a description."""

from __future__ import annotations

from typing import Any


def sources(description: dict[str, Any]) -> dict[int, list[int]]:
    """Return the rows that feed each row, within its group."""
    parents, edges = description["nodes"]["parent"], description["edges"]
    found: dict[int, list[int]] = {}
    for source, target in zip(edges["source"], edges["target"], strict=True):
        a, b = _way(parents, source), _way(parents, target)
        common = 0
        while common < min(len(a), len(b)) and a[common] == b[common]:
            common += 1
        if common < min(len(a), len(b)):
            into = found.setdefault(b[common], [])
            if a[common] not in into:
                into.append(a[common])
    return found


def _way(parents: list[int], row: int) -> list[int]:
    way = [row]
    while parents[way[-1]] >= 0:
        way.append(parents[way[-1]])
    return way[::-1]
