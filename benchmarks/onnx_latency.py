"""ONNX files of kernelkit beside those of jax2onnx, the exporter that Keras uses on jax: time to run and to write them.

It needs an environment of its own, since jax2onnx brings 47 packages:

    python -m venv build/jax2onnx
    build/jax2onnx/bin/pip install jax2onnx==0.17.1 keras==3.15.1 jax==0.10.2 onnxruntime h5py rich
    PYTHONPATH=. build/jax2onnx/bin/python benchmarks/onnx_latency.py

Each model is written in the code that both run. The two files are timed in turn, in one process, with one thread.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np

ROUNDS = 41
SECONDS = 0.01  # of one measurement


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--batch", type=int, default=32)
    arguments.add_argument("--only", nargs="*", default=[])
    options = arguments.parse_args()
    import keras

    import kernelkit

    print(
        f"Batch of {options.batch}; nodes of the graph; CPU time: milliseconds a run, the median of {ROUNDS} rounds.\n"
    )
    print("| model | kernelkit: nodes | ms | written in s | jax2onnx: nodes | ms | written in s | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    ratios = []
    for name, build in models().items():
        if options.only and name not in options.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            own, own_seconds = written(build(kernelkit), f"{folder}/own.onnx")
            try:
                other, other_seconds = written(build(keras), f"{folder}/other.onnx")
                feeds = [inputs(session, options.batch) for session in (own, other)]
                times = in_turn([own, other], feeds)
            except Exception as error:  # what jax2onnx cannot write or onnxruntime not run
                told = str(error).strip().split("\n")[0][:60].replace("|", "/")
                time_alone = in_turn([own], [inputs(own, options.batch)])[0]
                print(f"| {name} | {nodes(own)} | {time_alone:.3f} | {own_seconds:.2f} | {told} | | | |", flush=True)
                continue
        ratios.append(times[0] / times[1])
        print(
            f"| {name} | {nodes(own)} | {times[0]:.3f} | {own_seconds:.2f} | {nodes(other)} | {times[1]:.3f} "
            f"| {other_seconds:.2f} | {ratios[-1]:.2f} |",
            flush=True,
        )
    print(f"\nMedian of {len(ratios)} ratios: {statistics.median(ratios):.2f}.")


def models() -> dict[str, Callable[[Any], Any]]:
    """Return builders of models, by name: what people teach with, then small models of every kind."""
    from benchmarks import workloads
    from tests.export import zoo

    def small(name: str) -> Callable[[Any], Any]:
        def build(library: Any) -> Any:
            zoo.kk, zoo.L = library, library.layers
            return zoo.ZOO[name]()

        return build

    taught = {f"{name} (taught)": load.model for name, load in workloads.WORKLOADS.items()}
    return taught | {name: small(name) for name in zoo.ZOO}


def written(model: Any, path: str) -> tuple[Any, float]:
    """Export a model and open the file in onnxruntime; return the session and the seconds to write."""
    import jax
    import jax2onnx  # noqa: F401  (not counted below)
    import onnxruntime

    given = model.inputs[0] if len(model.inputs) == 1 else model.input
    model(jax.tree.map(lambda t: np.zeros((1, *t.shape[1:]), t.dtype), given))  # Keras exports what was called
    before = time.process_time()
    if type(model).__module__.startswith("kernelkit"):
        from kernelkit.export import onnx, program

        onnx.save(program.trace(model), path)  # what export does, without its check of the file
    else:
        model.export(path, format="onnx", verbose=False)
    seconds = time.process_time() - before
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, settings)
    session.path_nodes = count(path)
    return session, seconds


def count(path: str) -> int:
    import onnx

    def all_nodes(graph: Any) -> int:
        inner = sum(all_nodes(a.g) for node in graph.node for a in node.attribute if a.HasField("g"))
        return len(graph.node) + inner

    return all_nodes(onnx.load(path).graph)


def nodes(session: Any) -> int:
    return session.path_nodes


def inputs(session: Any, batch: int) -> dict[str, np.ndarray]:
    """Return a batch for a session."""
    rng = np.random.default_rng(0)
    made = {}
    for one in session.get_inputs():
        shape = [size if isinstance(size, int) else batch for size in one.shape]
        is_float = "float" in one.type
        kind = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(int64)": "int64"}[one.type]
        made[one.name] = (rng.random(shape) if is_float else rng.integers(0, 11, shape)).astype(kind)
    return made


def in_turn(sessions: list[Any], feeds: list[dict]) -> list[float]:
    """Return the milliseconds of a run of each session: measured in turn, the median."""
    repeats = []
    for session, feed in zip(sessions, feeds, strict=True):
        session.run(None, feed)
        before = time.perf_counter()
        session.run(None, feed)
        repeats.append(max(1, int(SECONDS / (time.perf_counter() - before))))
    times: list[list[float]] = [[] for _ in sessions]
    for _ in range(ROUNDS):
        for which, (session, feed) in enumerate(zip(sessions, feeds, strict=True)):
            before = time.process_time()
            for _ in range(repeats[which]):
                session.run(None, feed)
            times[which].append((time.process_time() - before) / repeats[which] * 1e3)
    return [statistics.median(one) for one in times]


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
