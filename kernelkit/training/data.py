"""What `fit(x, y, sample_weight)` and its kin accept, made into a feed; with errors that say what doesn't fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.layers.preprocessing.strings import holds_strings
from kernelkit.sparse import is_sparse
from kernelkit.training.feed import CONVERTED_BYTES, ArrayFeed, Feed, StreamFeed, as_array, to_host
from kernelkit.training.py_dataset import PyDataset, PyDatasetFeed
from kernelkit.training.row_batches import RowBatches, prepared_size
from kernelkit.training.sparse_rows import is_sparse_data, sparse_rows


def pack(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return the batch that steps take: ``(x, y)``, ``(x, y, sample_weight)``, or ``x`` alone.

    An ``x`` of several inputs is ``(x,)`` when it is alone, so that it isn't taken for inputs and targets.
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """Return ``(x, y, sample_weight)`` of a batch, ``None`` for what it lacks.

    Example:
        >>> unpack((1, 2))
        (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"A batch is x, (x,), (x, y) or (x, y, sample_weight); got a tuple of {len(data)}.")
    return (*data, None, None)[:3]


def make_feed(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    seed: int = 0,
    epochs: int = 1,
    class_weight: dict | None = None,
    what: str = "fit",
    on_host: Callable[[Any], Any] | None = None,
) -> Feed:
    """Return a feed of arrays, or of anything that yields batches.

    Args:
        x: Arrays (nested), a DataFrame, a `PyDataset`, or an iterable of batches: generator, `tf.data.Dataset`, torch
            `DataLoader`. Sparse arrays, of SciPy or jax, are made dense a batch at a time.
        y: Targets, for arrays.
        sample_weight: Weights of the samples, for arrays.
        batch_size: Samples in a step, 32 by default; for arrays.
        steps: Steps in an epoch.
        shuffle: Whether each epoch has an order of its own.
        seed: Seed of the order.
        epochs: How many epochs will be asked for.
        class_weight: Dict from class index to weight.
        what: Name of the method, for errors.
        on_host: What the model does with inputs before its compiled step: turn strings into numbers.

    Raises:
        ValueError: If the parts have unequal lengths, or arguments come that the source cannot take.
    """
    if x is None:
        raise ValueError(f"{what}() needs data: x=... was not given.")
    if is_stream(x):
        extra = [n for n, v in (("y", y), ("sample_weight", sample_weight)) if v is not None]
        if extra:
            raise ValueError(
                f"{what}(): x is a {type(x).__name__} that yields whole batches, so {extra[0]}=... must "
                "not be given: let it "
                "yield (x, y) or (x, y, sample_weight)."
            )
        if batch_size is not None:
            raise ValueError(
                f"{what}(): x is a {type(x).__name__} that yields whole batches; batch_size=... has no effect on it."
            )
        prepare = _preparation(class_weight, on_host)
        if isinstance(x, PyDataset):
            return PyDatasetFeed(x, steps, shuffle, seed, prepare)
        return StreamFeed(_iterable(x), steps, prepare)
    arrays = [to_arrays(v) for v in (x, y, sample_weight)]
    check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)), what)
    if holds_strings(arrays[1]):
        raise TypeError(
            f"{what}(): y holds strings. Turn labels into numbers first: with kernelkit.layers.StringLookup, say."
        )
    if class_weight:
        arrays[2] = weights_of_classes(arrays[1], class_weight, arrays[2])
    if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
        raise ValueError(f"{what}(): batch_size must be an int of at least 1, got {batch_size!r}.")
    size = int(batch_size or _size_for(arrays[0], steps))
    if on_host is not None:
        first = jtu.tree_map(lambda v: v[:size], arrays[0])
        prepared = on_host(first)
        if prepared is not first:
            prepared = _sparse_as_rows(prepared)
            if prepared_size(len(jtu.tree_leaves(arrays[0])[0]), prepared) > CONVERTED_BYTES:
                rows = RowBatches(pack(*arrays), size, shuffle, seed)
                return StreamFeed(rows, steps, _preparation(None, on_host))
            arrays[0] = _sparse_as_rows(on_host(arrays[0]))
    return ArrayFeed(pack(*arrays), size, shuffle, seed, steps, epochs)


def _preparation(class_weight: dict | None, on_host: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Return what is done to each batch of a stream."""
    if class_weight is None and on_host is None:
        return None

    def prepare(batch: Any) -> Any:
        x, y, sample_weight = unpack(batch)
        if class_weight:
            sample_weight = weights_of_classes(y, class_weight, sample_weight)
        prepared = x if on_host is None else on_host(x)
        prepared = prepared if prepared is x else to_host(prepared)
        return batch if prepared is x and not class_weight else pack(prepared, y, sample_weight)

    return prepare


def _sparse_as_rows(x: Any) -> Any:
    return jtu.tree_map(lambda v: sparse_rows(v) if is_sparse(v) else v, x, is_leaf=is_sparse)


def _size_for(x: Any, steps: int | None) -> int:
    """32, or as many as it takes to see all samples in the steps asked for."""
    return 32 if steps is None else max(1, -(-len(jtu.tree_leaves(x)[0]) // steps))


def is_stream(x: Any) -> bool:
    """Return whether data are an iterable of batches rather than arrays."""
    if is_sparse_data(x):
        return False
    if isinstance(x, (list, tuple, dict, np.ndarray, jax.Array, int, float)) or hasattr(x, "__array__"):
        return False
    if type(x).__module__.partition(".")[0] == "pandas":
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")


def _iterable(x: Any) -> Any:
    if hasattr(x, "as_numpy_iterator"):
        return _Numpy(x)
    return x


class _Numpy:
    """A `tf.data.Dataset` as an iterable of NumPy batches."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __iter__(self) -> Any:
        return self.dataset.as_numpy_iterator()

    def cardinality(self) -> int:
        return int(self.dataset.cardinality())


def to_arrays(data: Any) -> Any:
    """Return nested array-likes as arrays. A list of numbers or of rows is one array; a list of arrays is several."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {k: to_arrays(v) for k, v in data.items()}
    if isinstance(data, (list, tuple)) and _is_several(data):
        parts = [to_arrays(v) for v in data]
        return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)
    return as_array(data)


def _is_several(data: Any) -> bool:
    """Return whether a list holds arrays, or nests of them, rather than being rows of one array."""
    return len(data) > 0 and all(
        v is None
        or isinstance(v, dict)
        or (hasattr(v, "shape") and getattr(v, "ndim", 1) > 0)
        or (isinstance(v, (list, tuple)) and _is_several(v))
        for v in data
    )


def check_lengths(parts: dict[str, Any], what: str) -> None:
    """Raise unless all arrays have the same number of samples."""
    sizes = {v.shape[:1] for v in jtu.tree_leaves(parts) if hasattr(v, "shape")}
    if len(sizes) == 1 and next(iter(sizes))[:1] > (0,):
        return
    lengths: dict[str, int] = {}
    for name, part in parts.items():
        for path, leaf in jtu.tree_flatten_with_path(part)[0]:
            label = name + jtu.keystr(path)
            if np.ndim(leaf) == 0:
                raise ValueError(f"{what}(): {label} is a single number; data need a leading axis of samples.")
            lengths[label] = len(leaf)
    if not lengths:
        raise ValueError(f"{what}(): x holds no arrays.")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{k} has {v}" for k, v in lengths.items())
        raise ValueError(f"{what}(): all data must have the same number of samples, but {told}.")
    if 0 in lengths.values():
        raise ValueError(f"{what}(): the data have no samples.")


def weights_of_classes(y: Any, class_weight: dict, sample_weight: Any = None) -> Any:
    """Return each sample's weight by its class, times its own weight.

    Args:
        y: Class indices (n,) or (n, 1), or one-hot rows (n, classes).
        class_weight: Dict from class index to weight; classes that are missing weigh 1.
        sample_weight: Weights (n,) to multiply with.
    """
    if y is None or isinstance(y, (dict, list, tuple)):
        raise ValueError("class_weight works with a single y of class labels; pass sample_weight for several outputs.")
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    labels = np.round(labels).astype("int64")
    table = np.ones(max(int(labels.max(initial=0)), *(int(k) for k in class_weight)) + 1, "float32")
    for index, weight in class_weight.items():
        table[int(index)] = weight
    weights = table[labels]
    return weights if sample_weight is None else weights * np.asarray(sample_weight)


def split(x: Any, y: Any, sample_weight: Any, share: float) -> tuple[tuple, tuple]:
    """Cut the last share of the samples off, for validation.

    Returns:
        ``(x, y, sample_weight)`` of the first part and of the last part.

    Raises:
        ValueError: If the data are no arrays, or a part would be empty.
    """
    if is_stream(x):
        raise ValueError("validation_split works with arrays only. Give the validation data as validation_data=...")
    if not 0 < share < 1:
        raise ValueError(f"validation_split must lie between 0 and 1, got {share!r}.")
    arrays = tuple(to_arrays(v) for v in (x, y, sample_weight))
    check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)), "fit")
    count = len(jtu.tree_leaves(arrays[0])[0])
    at = int(count * (1 - share))
    if at == 0 or at == count:
        raise ValueError(f"validation_split={share} of {count} samples leaves one part empty.")
    first = tuple(jtu.tree_map(lambda v: v[:at], a) for a in arrays)
    last = tuple(jtu.tree_map(lambda v: v[at:], a) for a in arrays)
    return first, last
