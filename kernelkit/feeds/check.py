"""A check that the parts of a data set have the same length."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu
import numpy as np


def check_lengths(parts: dict[str, Any], what: str) -> None:
    """Raise an error unless all arrays have the same number of samples."""
    sizes = {v.shape[:1] for v in jtu.tree_leaves(parts) if hasattr(v, "shape")}
    if len(sizes) == 1 and next(iter(sizes))[:1] > (0,):
        return
    call = called(what)
    lengths: dict[str, int] = {}
    for name, part in parts.items():
        for path, leaf in jtu.tree_flatten_with_path(part)[0]:
            label = name + jtu.keystr(path)
            if np.ndim(leaf) == 0:
                is_text = isinstance(leaf, (str, bytes)) or np.asarray(leaf).dtype.kind == "O"
                kind = "string" if is_text else "number"
                raise ValueError(f"{call}: {label} is a single {kind}; data need a leading axis of samples. [K05]")
            lengths[label] = len(leaf)
    if not lengths:
        raise ValueError(f"{call}: x holds no arrays.")
    if len(set(lengths.values())) > 1:
        details = ", ".join(f"{k} has {v}" for k, v in lengths.items())
        raise ValueError(f"{call}: all data must have the same number of samples, but {details}. [K07]")
    if 0 in lengths.values():
        raise ValueError(f"{call}: the data have no samples.")


def called(what: str) -> str:
    """Return the name of a call for errors, from the name of a method or of its argument.

    Example:
        >>> called("fit"), called("fit(validation_data)")
        ('fit()', 'fit(validation_data)')
    """
    return what if what.endswith(")") else f"{what}()"
