"""One workload under one runner, in this process; prints what was measured as a line of JSON.

    python -m benchmarks.runner kernelkit mlp

Runners: kernelkit, keras (Keras on jax), keras-32 (the same with steps_per_execution=32), raw (a step written by hand
and jitted, one dispatch each), scan (the same, an epoch in one lax.scan), torch (eager).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

STARTED = time.perf_counter()


def of_package(runner: str, workload: str) -> dict[str, float]:
    """`fit` epoch by epoch, then `evaluate`, `predict` and single batches."""
    os.environ["KERAS_BACKEND"] = "jax"
    keras = importlib.import_module("kernelkit" if runner == "kernelkit" else "keras")
    from benchmarks.workloads import WORKLOADS, enough

    work = WORKLOADS[workload]
    x, y = work.data()
    steps = work.samples // work.batch_size
    x, y = x[: steps * work.batch_size], y[: steps * work.batch_size]
    model = work.model(keras)
    options = {"steps_per_execution": 32} if runner == "keras-32" else {}
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    seconds = []
    for _ in enough(seconds):
        started = time.perf_counter()
        model.fit(x, y, batch_size=work.batch_size, verbose=0)
        seconds.append(time.perf_counter() - started)
        if len(seconds) == 1:
            since_start = time.perf_counter() - STARTED
    batch = x[: work.batch_size], y[: work.batch_size]
    size = {"batch_size": work.batch_size, "verbose": 0}
    return {
        "steps/s": steps / statistics.median(seconds[1:]),
        "import to first epoch s": since_start,
        "evaluate ms": milliseconds(lambda: model.evaluate(x, y, **size), 5),
        "predict ms": milliseconds(lambda: model.predict(x, **size), 5),
        "train_on_batch ms": milliseconds(lambda: model.train_on_batch(*batch), 50),
        "predict(x[:1]) ms": milliseconds(lambda: model.predict(x[:1], verbose=0), 50),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def milliseconds(function: Callable[[], Any], times: int) -> float:
    """Return the median time of a call, after two that do not count."""
    taken = []
    for _ in range(2 + times):
        started = time.perf_counter()
        function()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken[2:])


def by_hand(runner: str, workload: str) -> dict[str, float]:
    from benchmarks import by_hand
    from benchmarks.workloads import WORKLOADS

    seconds = by_hand.epochs(workload, runner == "scan")
    work = WORKLOADS[workload]
    return {"steps/s": work.samples // work.batch_size / statistics.median(seconds[1:])}


def of_torch(workload: str) -> dict[str, float]:
    from benchmarks import in_torch
    from benchmarks.workloads import WORKLOADS

    seconds = in_torch.epochs(workload)
    work = WORKLOADS[workload]
    return {"steps/s": work.samples // work.batch_size / statistics.median(seconds[1:])}


def main() -> None:
    runner, workload = sys.argv[1:]
    if runner in ("raw", "scan"):
        found = by_hand(runner, workload)
    elif runner == "torch":
        found = of_torch(workload)
    else:
        found = of_package(runner, workload)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
