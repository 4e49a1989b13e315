"""Shapes, counts and bytes in a few letters."""

from __future__ import annotations

from typing import Any


def shape_text(sizes: list) -> str:
    """Return a shape as `32×32×16`, its batch axis left out; a scalar for each sample is `scalar`.

    Example:
        >>> shape_text([None, 32, 32, 3]), shape_text([None]), shape_text([8, None])
        ('32×32×3', 'scalar', '?')
    """
    inner = sizes[1:]
    return "×".join("?" if d is None else str(d) for d in inner) if inner else "scalar"


def number_text(number: float) -> str:
    """Return a count in a few letters.

    Example:
        >>> number_text(950), number_text(25400), number_text(2.5e9)
        ('950', '25.4 k', '2.5 G')
    """
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.3g} {unit}"
    return f"{number:.0f}"


def bytes_text(count: int) -> str:
    """Return bytes in a few letters.

    Example:
        >>> bytes_text(950), bytes_text(25450)
        ('950 B', '24.9 KB')
    """
    size = float(count)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            return f"{size:.0f} B" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1024
    raise AssertionError


def totals_text(description: dict[str, Any]) -> str:
    """Return the totals in one line: parameters, memory, work.

    Example:
        >>> totals_text({"totals": {"params": 58, "trainable_params": 40, "weight_bytes": 232, "flops": 114}})
        '58 parameters (18 frozen) · 232 B · 114 FLOPs a sample'
    """
    totals = description["totals"]
    parameters = f"{totals['params']:,} parameters"
    frozen = totals["params"] - totals["trainable_params"]
    parameters += f" ({frozen:,} frozen)" if frozen else ""
    work = f"{number_text(totals['flops'])}FLOPs a sample" if (totals["flops"] or 0) >= 1000 else ""
    if totals["flops"] and not work:
        work = f"{totals['flops']} FLOPs a sample"
    return " · ".join(t for t in (parameters, bytes_text(totals["weight_bytes"]), work) if t)
