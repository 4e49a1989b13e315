"""Every source of data, as chunks of batches on the device.

A :class:`Chunk` is what a program runs over: arrays with a leading sample axis that hold several batches, and how many.
Arrays come in two ways. On an accelerator they are put there whole, once, and a batch is gathered by index; on the CPU
this is done with small arrays that are shuffled. Of larger ones the next batches are gathered on the host while the
current ones are computed.
Anything iterable (generators, `tf.data`, torch's `DataLoader`) gives one batch at a time, fetched ahead.
"""

from __future__ import annotations

import functools
import math
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit import config, dtypes
from kernelkit.layers.preprocessing.strings import is_strings, to_strings
from kernelkit.training.file_rows import FileRows, can_read
from kernelkit.training.sparse_rows import SparseRows, is_sparse_data, sparse_rows

CHUNK_BYTES = 8 * 2**20
"""A chunk gathered on the host stays in the processor's cache, and its copying hides behind the computing."""

RESIDENT_BYTES = 64 * 2**20
"""On the CPU, arrays up to this size are copied once for a fit of several epochs, and each step takes its own rows from
there: collecting them beside the steps costs small steps a tenth of their speed. Larger copies take too much memory."""

CONVERTED_BYTES = 2**30
"""Arrays of another dtype (float64, say) are converted once if that takes no more memory, and else chunk by chunk."""


class Chunk(NamedTuple):
    """Batches on the device.

    Attributes:
        data: Arrays with a leading sample axis, nested as a batch is.
        order: Sample indices, or ``None`` if batches lie one after the other.
        batch_size: Samples in a batch.
        first: Number of the first batch to run, counted inside the chunk.
        count: How many batches to run.
    """

    data: Any
    order: Any
    batch_size: int
    first: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which no one needs here


class Feed:
    """A source of data.

    Attributes:
        steps: Steps in an epoch, or ``None`` if only the end of the data will tell.
        batch_size: Samples in a full batch, or ``None`` if unknown.
        samples: Samples in an epoch, or ``None`` if unknown.
    """

    steps: int | None = None
    batch_size: int | None = None
    samples: int | None = None

    def sample(self) -> Any:
        """Return one batch (of shapes and dtypes that can be relied on) without using it up."""
        raise NotImplementedError

    def epoch(self, number: int, start: int = 0) -> Iterator[Chunk]:
        """Yield the chunks of an epoch, from a given step on."""
        raise NotImplementedError

    def epoch_end(self) -> None:
        """Tell the source that an epoch has ended."""


class ArrayFeed(Feed):
    """Arrays in memory.

    Args:
        data: NumPy or jax arrays with a leading sample axis, nested as a batch is.
        batch_size: Samples in a step; the last step of an epoch may have fewer.
        shuffle: ``True``, ``False`` or ``"batch"`` (shuffle within blocks of a batch's size).
        seed: Seed of the order; epochs differ.
        steps: Steps in an epoch, if not all data are used in each: the next epoch goes on from there, up to the end of
            the data, which ends it early.
        epochs: How many epochs will be asked for, if that is known.
    """

    steps: int
    batch_size: int
    samples: int

    def __init__(
        self,
        data: Any,
        batch_size: int,
        shuffle: bool | str = False,
        seed: int = 0,
        steps: int | None = None,
        epochs: int = 1,
    ) -> None:
        leaves, self._treedef = jtu.tree_flatten(data)
        self.samples = len(leaves[0])
        self.batch_size = min(batch_size, self.samples)
        available = -(-self.samples // self.batch_size)
        self.steps = available if steps is None else min(steps, available)
        self._epochs_in_pass = -(-available // self.steps)
        self._shuffle = shuffle
        self.seed = seed
        self._leaves = [FileRows(v) if can_read(v) else v for v in leaves]
        self._resident: list | None = None
        self._on_device = _fits_on_accelerator(self._leaves)
        # A single epoch of more than a chunk is sooner done than a copy is made.
        self._is_copied = bool(shuffle) and _is_small(self._leaves, RESIDENT_BYTES if epochs > 1 else CHUNK_BYTES)

    def order(self, number: int) -> np.ndarray | None:
        """Return the order of the samples in an epoch, ``None`` for the order of the arrays from the beginning."""
        number, part = divmod(number, self._epochs_in_pass)
        order = self._order_of_pass(number)
        if not part:
            return order
        order = np.arange(self.samples, dtype="int32") if order is None else order
        return order[part * self.steps * self.batch_size :]

    def _order_of_pass(self, number: int) -> np.ndarray | None:
        if not self._shuffle:
            return None
        rng = np.random.Generator(np.random.Philox(key=[self.seed, number]))
        if self._shuffle == "batch":
            full = self.samples // self.batch_size * self.batch_size
            blocks = np.arange(full, dtype="int32").reshape(-1, self.batch_size)
            rest = np.arange(full, self.samples, dtype="int32")
            return np.concatenate([blocks[rng.permutation(len(blocks))].reshape(-1), rest])
        return rng.permutation(self.samples).astype("int32")

    def whole(self) -> Any:
        """Return all data, nested as a batch is, in the order of the arrays."""
        return jtu.tree_unflatten(self._treedef, self._leaves)

    def sample(self) -> Any:
        return jtu.tree_unflatten(self._treedef, [_host_rows(v, slice(0, self.batch_size)) for v in self._leaves])

    def epoch(self, number: int, start: int = 0) -> Iterator[Chunk]:
        order = self.order(number)
        full = min((self.samples if order is None else len(order)) // self.batch_size, self.steps)
        if self._on_device:
            yield from self._resident_chunks(order, start, full)
        elif self._is_copied and order is not None and full > 1:
            yield from self._copied_chunks(order, start, full)
        elif jax.default_backend() == "cpu" and not any(isinstance(v, FileRows) for v in self._leaves):
            # The loop asks for the next rows while the steps before run. A thread that copied beside them, in its own
            # time, would push the threads of a step off their cores.
            yield from self._host_chunks(order, start, full)
        else:
            yield from ahead(self._host_chunks(order, start, full))

    def _resident_chunks(self, order: np.ndarray | None, start: int, full: int) -> Iterator[Chunk]:
        if self._resident is None:
            self._resident = [jax.device_put(_host(v)) for v in self._leaves]
        data = jtu.tree_unflatten(self._treedef, self._resident)
        places = jax.device_put(np.arange(self.samples, dtype="int32") if order is None else order)
        if start < full:
            yield Chunk(data, places, self.batch_size, start, full - start)
        rest = len(places) - full * self.batch_size
        if full < self.steps and rest:
            rows = places[full * self.batch_size :]
            yield Chunk(jtu.tree_map(lambda v: v[rows], data), None, rest, 0, 1)

    def _copied_chunks(self, order: np.ndarray, start: int, full: int) -> Iterator[Chunk]:
        # Room for a chunk, or else a power of two, so that fits of different lengths share executables. The pages
        # behind the last row are never touched: they take no memory.
        room = self._capacity() * self.batch_size
        if self.samples > room:
            room = 1 << (self.samples - 1).bit_length()
        if self._resident is None:
            rows = slice(0, self.samples)
            filled = [_fill(v, rows, self.samples, room) for v in self._leaves]
            self._resident = [jax.device_put(v, may_alias=True) for v in filled]
        places = np.zeros(room, "int32")
        places[: len(order)] = order
        if start < full:
            data = jtu.tree_unflatten(self._treedef, self._resident)
            yield Chunk(data, jax.device_put(places), self.batch_size, start, full - start)
        yield from self._last_chunk(order, full)

    def _capacity(self) -> int:
        row = sum(math.prod(v.shape[1:]) * v.dtype.itemsize for v in self._leaves)
        batches = max(1, CHUNK_BYTES // max(1, row * self.batch_size))
        # A power of two, whatever the number of samples, so that fits of different lengths share one executable.
        return min(512, 1 << (batches.bit_length() - 1))

    def _host_chunks(self, order: np.ndarray | None, start: int, full: int) -> Iterator[Chunk]:
        size, capacity = self.batch_size, self._capacity() if full > 1 else 1
        if full > capacity:
            self._leaves = [_converted(v) for v in self._leaves]
        for first in range(start, full, capacity):
            count = min(capacity, full - first)
            places = (
                slice(first * size, (first + count) * size)
                if order is None
                else order[first * size : (first + count) * size]
            )
            yield Chunk(self._gather(places, count * size, capacity * size), None, size, 0, count)
        yield from self._last_chunk(order, full)

    def _last_chunk(self, order: np.ndarray | None, full: int) -> Iterator[Chunk]:
        first = full * self.batch_size
        rest = (self.samples if order is None else len(order)) - first
        if full < self.steps and rest:
            places = slice(first, None) if order is None else order[first:]
            yield Chunk(self._gather(places, rest, rest), None, rest, 0, 1)

    def _gather(self, places: Any, count: int, room: int) -> Any:
        if count == room and isinstance(places, slice) and all(type(v) is np.ndarray for v in self._leaves):
            rows: list = [_host(v[places]) for v in self._leaves]  # as they lie: a dispatch takes NumPy's arrays too
        else:
            rows = [jax.device_put(_fill(v, places, count, room), may_alias=True) for v in self._leaves]
        return jtu.tree_unflatten(self._treedef, rows)


class StreamFeed(Feed):
    """Anything that yields batches.

    Args:
        source: An iterable of batches; asked for a new iterator when an epoch begins, if it can give one.
        steps: Steps in an epoch; by default an epoch is one pass over the source.
        prepare: Function applied to each batch (weights by class, say).
    """

    def __init__(self, source: Iterable, steps: int | None = None, prepare: Callable[[Any], Any] | None = None) -> None:
        self._source = source
        self._prepare = prepare or (lambda batch: batch)
        self._iterator: Iterator | None = None
        self._first: list = []
        self._limited = steps is not None
        self.steps = steps if steps is not None else _length(source)

    @property
    def restarts(self) -> bool:
        """Whether an epoch is one pass over a source that can be passed over again."""
        return not self._limited and not hasattr(self._source, "__next__")

    def anew(self) -> StreamFeed:
        """Return a feed of the same source, at the beginning of a pass."""
        return StreamFeed(self._source, None, self._prepare)

    def _next(self) -> Any:
        if self._first:
            return self._first.pop()
        if self._iterator is None:
            self._iterator = iter(self._source)
        return self._prepare(to_host(next(self._iterator)))

    def sample(self) -> Any:
        if not self._first:
            try:
                self._first.append(self._next())
            except StopIteration:
                raise ValueError(
                    "The data source gave no batch at all. A generator can be used only once: make a new "
                    "one for each call."
                ) from None
        return self._first[0]

    def epoch(self, number: int, start: int = 0) -> Iterator[Chunk]:
        yield from ahead(self.batches())

    def batches(self) -> Iterator[Chunk]:
        """Yield the batches of the next epoch, each read when it is asked for."""
        taken = 0
        while not self._limited or taken < (self.steps or 0):
            try:
                batch = self._next()
            except StopIteration:
                self._iterator = None
                if self._limited and taken and not isinstance(self._source, Iterator):
                    continue  # an epoch longer than one pass begins the next one
                return
            data = jtu.tree_map(jax.device_put, batch)
            taken += 1
            yield Chunk(data, None, _rows(batch), 0, 1)

    def epoch_end(self) -> None:
        if not self._limited:
            self._iterator = None
        if hasattr(self._source, "on_epoch_end"):
            self._source.on_epoch_end()


def ahead(chunks: Iterator[Chunk], worthwhile: bool = True, depth: int = 2) -> Iterator[Chunk]:
    """Yield chunks that a thread prepares while earlier ones are computed.

    An error in the thread is raised here; leaving the loop early ends the thread.
    """
    if not worthwhile:
        yield from chunks
        return
    ready: queue.Queue = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def work() -> None:
        try:
            for chunk in chunks:
                if not _put(ready, ("chunk", chunk), stopped):
                    return
            _put(ready, ("end", None), stopped)
        except BaseException as error:
            _put(ready, ("error", error), stopped)

    thread = threading.Thread(target=work, name="kernelkit-feed", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        thread.join(timeout=10)


def _put(ready: queue.Queue, item: Any, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            ready.put(item, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False


# Arrays
# ----------------------------------------------------------------------------------------------------------------


def one_batch(batch: Any) -> Any:
    """Return a batch as arrays that a compiled program takes: NumPy's in a dtype of jax, jax's as they are."""
    return jtu.tree_map(_program_array, batch, is_leaf=_is_leaf)


def to_host(batch: Any) -> Any:
    """Return a batch of tensors of any framework as dense NumPy (or jax) arrays of dtypes that jax takes."""
    return jtu.tree_map(_dense_array, batch, is_leaf=_is_leaf)


def _is_leaf(value: Any) -> bool:
    if value is None or type(value) is np.ndarray:
        return True
    return _is_frame(value) or is_strings(value) or is_sparse_data(value)


def _program_array(value: Any) -> Any:
    value = _dense_array(value)
    return value if value is None or isinstance(value, jax.Array) else _host(value)


def _dense_array(value: Any) -> Any:
    value = as_array(value)
    return np.asarray(value) if isinstance(value, SparseRows) else value


def as_array(value: Any) -> Any:
    """Return an array-like as a NumPy or jax array of a dtype that jax takes, or of strings; ``None`` stays.

    Args:
        value: NumPy, jax, pandas, TensorFlow or torch data, or a number. Sparse data (SciPy's or jax's) stay sparse, as
            :class:`~kernelkit.training.sparse_rows.SparseRows`.

    Raises:
        TypeError: If it holds objects that are no numbers.
    """
    if value is None or isinstance(value, jax.Array) or (type(value) is np.ndarray and value.dtype.kind in "fiub"):
        return value
    if is_sparse_data(value):
        return sparse_rows(value)
    if is_strings(value):
        try:
            strings = to_strings(value)
        except ValueError as error:
            raise TypeError(f"Data of dtype object, which begin with a string, must all be strings: {error}") from None
        return strings[:, None] if _is_frame(value) and strings.ndim == 1 else strings
    if _is_frame(value):
        value = value.to_numpy()
        value = value[:, None] if value.ndim == 1 else value
    elif type(value).__module__.startswith("torch"):
        value = value.detach().cpu().numpy()
    elif not isinstance(value, np.ndarray):
        value = np.asarray(value)
    if value.dtype.kind == "O":
        try:
            value = np.asarray(value.tolist(), dtype="float32")
        except (TypeError, ValueError):
            raise TypeError(
                "Data of dtype object cannot be trained on: the rows may have unequal lengths (pad them with "
                "kernelkit.utils.pad_sequences) or hold something that is no number."
            ) from None
    return value


def _is_frame(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "to_numpy")


def _host(value: Any) -> np.ndarray:
    value = np.asarray(value)
    dtype = _jax_dtype(value.dtype)
    return value if value.dtype == dtype else value.astype(dtype)


def _jax_dtype(dtype: Any) -> Any:
    if dtype.kind in "OUS":
        raise TypeError(
            "Strings cannot be trained on. Turn them into numbers with StringLookup or TextVectorization: labels "
            "before they are given to fit(), inputs in the first layers of a Sequential or functional model."
        )
    return _device_dtype(dtype, config.floatx(), jax.config.jax_enable_x64)  # type: ignore[attr-defined]


@functools.cache
def _device_dtype(dtype: Any, floatx: str, wide: bool) -> Any:
    """The dtype in which data of a dtype are trained on; ``wide`` (jax's 64-bit mode) is part of the cache's key."""
    return jax.numpy.dtype(floatx) if dtype == np.float64 else dtypes.canonical(dtype)


def _converted(value: Any) -> Any:
    """Return an array as the device wants it, converted whole if that costs little memory."""
    if isinstance(value, (np.memmap, FileRows, SparseRows)):
        return value
    value = np.asarray(value)
    fits = value.size * _jax_dtype(value.dtype).itemsize <= CONVERTED_BYTES
    return np.ascontiguousarray(_host(value)) if fits else value


def _host_rows(value: Any, places: Any) -> np.ndarray:
    rows = np.asarray(value[places])
    return rows.astype(_jax_dtype(rows.dtype), copy=False)


def _fill(source: Any, places: Any, count: int, room: int) -> np.ndarray:
    """Copy rows into a new array with room for more, aligned so that jax takes it without another copy."""
    source = source if isinstance(source, (np.ndarray, FileRows, SparseRows)) else np.asarray(source)
    dtype = _jax_dtype(source.dtype)
    target = aligned((room, *source.shape[1:]), dtype)
    if isinstance(source, SparseRows):
        source.write(places, target[:count])
    elif isinstance(places, slice) or isinstance(source, FileRows):
        target[:count] = source[places]
    elif source.dtype == dtype:
        np.take(source, places, axis=0, out=target[:count], mode="clip")
    else:
        target[:count] = source[places]
    return target


def aligned(shape: tuple, dtype: Any, boundary: int = 64) -> np.ndarray:
    """Return an uninitialized array whose memory begins at a multiple of ``boundary`` bytes."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.empty(size + boundary, "uint8")
    offset = -raw.ctypes.data % boundary
    return raw[offset : offset + size].view(dtype).reshape(shape)


def _fits_on_accelerator(leaves: list) -> bool:
    device = jax.devices()[0]
    if device.platform == "cpu" or any(isinstance(v, (np.memmap, FileRows, SparseRows)) for v in leaves):
        return False
    stats = device.memory_stats() or {}
    room = stats.get("bytes_limit", 2**30) - stats.get("bytes_in_use", 0)
    return sum(v.nbytes for v in leaves) < 0.25 * room


def _is_small(leaves: list, limit: int) -> bool:
    """Return whether a copy of arrays on the CPU takes little memory."""
    if jax.default_backend() != "cpu" or any(isinstance(v, (np.memmap, FileRows, SparseRows)) for v in leaves):
        return False
    return sum(v.size * _jax_dtype(v.dtype).itemsize for v in leaves) <= limit


def _rows(batch: Any) -> int:
    leaves = [v for v in jtu.tree_leaves(batch) if getattr(v, "ndim", 0) > 0]
    return int(leaves[0].shape[0]) if leaves else 1


def _length(source: Any) -> int | None:
    if hasattr(source, "cardinality"):
        count = int(source.cardinality())
        return count if count >= 0 else None
    try:
        return len(source)
    except TypeError:
        return None
