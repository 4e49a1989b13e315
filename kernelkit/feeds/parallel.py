"""A function applied to many elements by several threads or processes, with the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any


def parallel_map(function: Callable, elements: Any, workers: int, ahead: int | None = None) -> Iterator:
    """Yield the results of a function in the order of the elements, computed by threads a little ahead.

    Args:
        function: Called with one element.
        elements: Iterable.
        workers: Number of threads.
        ahead: Largest number of results that wait; two for each thread by default.

    Example:
        >>> list(parallel_map(lambda n: n * n, [1, 2, 3], workers=2))
        [1, 4, 9]
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="kernelkit-map")
    try:
        yield from submit_in_order(pool, function, elements, ahead or 2 * workers)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def submit_in_order(pool: Executor, function: Callable, elements: Any, ahead: int) -> Iterator:
    """Yield the results of a function in order. At most ``ahead`` results are in progress or wait to be yielded."""
    waiting: deque = deque()
    try:
        for element in elements:
            waiting.append(pool.submit(function, element))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
