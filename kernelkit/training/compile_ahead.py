"""Compile programs in a thread before they are needed.

A fit needs up to four programs: for full batches and for a smaller last batch, in training and in validation. The first
is needed at once. The others are traced before the first step, and compiled while the first epoch runs. Tracing runs
the user's Python code, so it stays in the thread of the fit.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from kernelkit.feeds.feed import Chunk
from kernelkit.training.training import Training

Job: TypeAlias = Callable[[], Any]
"""Compiles one program."""


def jobs_of(training: Training, kind: str, chunks: Iterable[Chunk]) -> list[Job]:
    """Trace the programs of chunks, and return what compiles those that are not compiled yet.

    Args:
        training: The model's training.
        kind: ``"train"`` or ``"test"``.
        chunks: A chunk of each shape. Their numbers are not read.
    """
    program, state = training.program(kind), training.variables(kind).peek()
    jobs = [program.ahead(state, chunk.data, chunk.order, chunk.batch_size) for chunk in chunks]
    return [job for job in jobs if job is not None]


def compile_in_thread(traces: Iterable[Callable[[], list[Job]]], ended: threading.Event) -> None:
    """Trace programs now, and compile them one after the other in a thread.

    No error is raised here. The step that needs the program raises it.

    Args:
        traces: Functions that trace some programs and return the jobs.
        ended: Set when the fit has ended: no further compilation begins.
    """
    jobs: list[Job] = []
    for trace in traces:
        with contextlib.suppress(Exception):
            jobs += trace()
    if jobs:
        threading.Thread(target=_run, args=(jobs, ended), name="kernelkit: compile ahead").start()


def _run(jobs: list[Job], ended: threading.Event) -> None:
    for job in jobs:
        if ended.is_set():
            return
        with contextlib.suppress(Exception):
            job()
