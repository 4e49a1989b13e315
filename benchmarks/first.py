"""From the start of a process to the end of the first epoch of the CNN, import included.

    python -m benchmarks.first [--rounds N]

Keras; kernelkit in a new folder for compiled programs; kernelkit once more, with the programs that it left there, as
when a notebook is run again.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

EPOCH = """
import importlib, sys
from benchmarks.workloads import WORKLOADS
keras = importlib.import_module(sys.argv[1])
work = WORKLOADS["cnn"]
x, y = work.data()
model = work.model(keras)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=work.batch_size, verbose=0)
"""


def seconds(package: str, programs: str) -> float:
    environment = os.environ | {"KERAS_BACKEND": "jax", "KERNELKIT_COMPILE_CACHE": programs}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", EPOCH, package], cwd=ROOT, env=environment, check=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {"Keras": [], "kernelkit, first run": [], "kernelkit, second run": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as programs:
            taken["Keras"].append(seconds("keras", "0"))
            taken["kernelkit, first run"].append(seconds("kernelkit", programs))
            taken["kernelkit, second run"].append(seconds("kernelkit", programs))
    to = statistics.median(taken["Keras"])
    for name, values in taken.items():
        print(f"{name:24s}{statistics.median(values):6.2f} s  {statistics.median(values) / to:.2f}")


if __name__ == "__main__":
    main()
