"""Elements of datasets: joining, splitting and padding them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.typing import Shapes, SizeList, Tensor, Tree

Element: TypeAlias = Any
"""An array, or a tuple or dict of them."""


class HostArray(np.ndarray):
    """A NumPy array that also has TensorFlow's method ``numpy()``, as loops over datasets call it.

    Example:
        >>> batch = np.arange(3).view(HostArray)
        >>> type(batch.numpy()).__name__, int(batch[1].numpy())
        ('ndarray', 1)
    """

    def numpy(self) -> np.ndarray:
        """Return the plain array."""
        return self.view(np.ndarray)

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return np.asarray(found).view(HostArray) if isinstance(found, (np.number, np.bool_)) else found

    def __hash__(self) -> int:
        if self.ndim:
            raise TypeError("unhashable type: an array of several numbers")
        return hash(self.item())

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()


class TensorSpec(NamedTuple):
    """Shape and dtype of the arrays in the elements of a dataset.

    Attributes:
        shape: Sizes; ``None`` for the size of a batch.
        dtype: Name of the dtype.
    """

    shape: tuple[int | None, ...]
    dtype: str


def to_user(element: Element) -> Element:
    """Return an element with its arrays as :class:`HostArray`."""

    def one(value: Any) -> Any:
        if isinstance(value, jax.Array):
            value = np.asarray(value)
        return value.view(HostArray) if type(value) is np.ndarray and value.dtype.kind in "biufc" else value

    return jtu.tree_map(one, element)


def call(function: Callable, element: Element) -> Tree:
    """Call a function with an element; the parts of a tuple are its arguments."""
    return function(*element) if isinstance(element, tuple) else function(element)


def spec_of(element: Element, is_batch: bool) -> Any:
    """Return the shapes and dtypes of an element."""

    def one(value: Any) -> TensorSpec:
        array = np.asarray(value)
        shape = (None, *array.shape[1:]) if is_batch and array.ndim else array.shape
        return TensorSpec(shape, "string" if array.dtype.kind in "OUS" else str(array.dtype))

    return jtu.tree_map(one, element)


def rows_of(batches: Iterable[Element]) -> Iterator[Element]:
    """Yield the samples of batches."""
    for batch in batches:
        leaves, treedef = jtu.tree_flatten(batch)
        for row in zip(*leaves, strict=True):
            yield jtu.tree_unflatten(treedef, row)


def chunks(elements: Iterable[Element], size: int) -> Iterator[list[Element]]:
    """Yield lists of ``size`` elements; the last one may be shorter."""
    iterator = iter(elements)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def stack(elements: list[Element]) -> Element:
    """Return elements as one batch with stacked arrays; texts become an array of objects."""
    return jtu.tree_map(lambda *v: _as_objects(v) if isinstance(v[0], str) else np.stack(v), *elements)


def _as_objects(texts: tuple) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def padded(elements: list[Element], shapes: Shapes = None, values: Tensor = None) -> Element:
    """Return elements as one batch, with their arrays padded at the end to the same shape.

    Args:
        elements: The elements.
        shapes: A shape, or shapes nested as the elements, ``None`` (or -1) for the longest of the batch.
        values: A number or string, or several nested as the elements; 0 or ``""`` by default.

    Raises:
        ValueError: If an array is longer than its shape.

    Example:
        >>> padded([np.array([1, 2, 3]), np.array([4])]).tolist()
        [[1, 2, 3], [4, 0, 0]]
    """
    leaves, treedef = jtu.tree_flatten(elements[0])
    columns = columns_of(elements)
    wanted = [None] * len(leaves) if shapes is None else _spread(shapes, treedef, len(leaves), _is_shape)
    fill = [None] * len(leaves) if values is None else _spread(values, treedef, len(leaves), np.isscalar)
    return jtu.tree_unflatten(treedef, [_padded(*one) for one in zip(columns, wanted, fill, strict=True)])


def columns_of(elements: list[Element]) -> list[tuple]:
    """Return, for each array of an element, the tuple of this array in all elements."""
    return list(zip(*(jtu.tree_leaves(element) for element in elements), strict=True))


def _padded(arrays: tuple, shape: SizeList | None, value: Any) -> np.ndarray:
    found = [np.asarray(v, dtype=object) if isinstance(v, str) else np.asarray(v) for v in arrays]
    longest = np.max([v.shape for v in found], axis=0).astype(int).tolist()
    if shape is not None:
        longest = [most if size in (None, -1) else size for size, most in zip(shape, longest, strict=True)]
    if value is None:
        value = "" if found[0].dtype.kind in "OUS" else 0
    target = np.full((len(found), *longest), value, dtype=found[0].dtype)
    for i, array in enumerate(found):
        if any(size > room for size, room in zip(array.shape, longest, strict=True)):
            raise ValueError(f"padded_batch(): an array of shape {array.shape} is larger than {tuple(longest)}.")
        place: Any = (i, *map(slice, array.shape))
        target[place] = array
    return target


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(v is None or isinstance(v, int) for v in value)


def _spread(value: Any, treedef: Any, count: int, is_one: Callable[[Any], bool]) -> list:
    """Return one entry for each array; a single entry is used for all arrays."""
    if is_one(value):
        return [value] * count
    return jtu.tree_leaves(value, is_leaf=lambda v: v is None or is_one(v))


def windows(
    elements: Iterable[Element], size: int, shift: int, stride: int, drop_remainder: bool
) -> Iterator[list[Element]]:
    """Yield sliding windows over elements, as lists.

    Args:
        elements: The elements.
        size: Elements in a window.
        shift: Elements from the start of a window to the start of the next one.
        stride: Elements from one entry of a window to the next.
        drop_remainder: Whether short windows at the end are left out.

    Example:
        >>> list(windows(range(5), size=2, shift=2, stride=1, drop_remainder=False))
        [[0, 1], [2, 3], [4]]
    """
    iterator = iter(elements)
    held: list[Element] = []
    span = (size - 1) * stride + 1
    while True:
        held += itertools.islice(iterator, span - len(held))
        window = held[:span:stride]
        if not window or (drop_remainder and len(window) < size):
            return
        yield window
        skip = shift - len(held)
        held = held[shift:]
        if skip > 0:
            next(itertools.islice(iterator, skip - 1, skip), None)


def interleaved(sources: Iterator[Iterable[Element]], cycle: int, block: int) -> Iterator[Element]:
    """Yield elements of several sources in turn.

    Args:
        sources: The sources; the next source replaces one that ends.
        cycle: Number of sources that are read in turn.
        block: Number of consecutive elements from one source.

    Example:
        >>> list(interleaved(iter(["aaa", "bb", "c"]), cycle=2, block=1))
        ['a', 'b', 'a', 'b', 'a', 'c']
    """
    slots: list[Iterator[Element] | None] = [iter(source) for source in itertools.islice(sources, cycle)]
    while any(slot is not None for slot in slots):
        for place, slot in enumerate(slots):
            if slot is None:
                continue
            taken = list(itertools.islice(slot, block))
            yield from taken
            if len(taken) < block:
                following = next(sources, None)
                slots[place] = None if following is None else iter(following)
