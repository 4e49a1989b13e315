"""What it costs to make, describe, copy, save and load large models, beside Keras on jax.

    python -m benchmarks.building [--layers 1000] [--rounds 2]

Both libraries run in a process of their own, in turn. Figures are CPU seconds, the least of the rounds. Keras needs a
higher limit of recursion for more than some 300 layers; it gets one.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def measured(library: Any, layers: int) -> dict[str, float]:
    """Return CPU seconds by task."""
    sys.setrecursionlimit(100_000)
    kl = library.layers
    seconds: dict[str, float] = {}

    def timed(task: str, run: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = run()
        seconds[task] = time.process_time() - start
        return result

    def one_by_one() -> Any:
        model = library.Sequential()
        model.add(kl.Input((16,)))
        for _ in range(100):
            model.add(kl.Dense(16))
        return model

    def functional() -> Any:
        inputs = x = kl.Input((16,))
        for _ in range(layers):
            x = kl.Dense(16, activation="relu")(x)
        return library.Model(inputs, x)

    def convolutional() -> Any:
        inputs = x = kl.Input((32, 32, 8))
        for _ in range(layers // 4):
            x = kl.ReLU()(kl.BatchNormalization()(kl.Conv2D(8, 3, padding="same")(x)))
            x = kl.Dropout(0.1)(x)
        return library.Model(inputs, x)

    library.Sequential([kl.Input((16,)), kl.Dense(16, activation="relu")])
    timed("100 Dense, Sequential.add one by one", one_by_one)
    timed("100 Dense, as a list", lambda: library.Sequential([kl.Input((16,)), *(kl.Dense(16) for _ in range(100))]))
    model = timed(f"{layers} Dense, functional", functional)
    timed(f"{layers // 4} convolutions, batch norms, relus, dropouts", convolutional)
    timed("summary", lambda: model.summary(print_fn=lambda *_, **__: None))
    timed("compile", lambda: model.compile("adam", "mse"))
    weights = timed("get_weights", model.get_weights)
    timed("set_weights", lambda: model.set_weights(weights))
    timed("to_json", model.to_json)
    timed("clone_model", lambda: library.models.clone_model(model))
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.keras"
        timed("save", lambda: model.save(path))
        timed("load_model", lambda: library.models.load_model(path))
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--library", help="measure one library here, and print JSON")
    options = parser.parse_args()
    if options.library:
        print(json.dumps(measured(importlib.import_module(options.library), options.layers)))
        return
    found: dict[str, list[dict[str, float]]] = {"kernelkit": [], "keras": []}
    environment = os.environ | {"KERAS_BACKEND": "jax", "KERNELKIT_COMPILE_CACHE": "0"}
    for _ in range(options.rounds):
        for library, rounds in found.items():
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.building", "--library", library]
            command += ["--layers", str(options.layers)]
            text = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
            rounds.append(json.loads(text.splitlines()[-1]))
    print("| CPU seconds | kernelkit | Keras | ratio |\n|---|---|---|---|")
    for task in found["keras"][0]:
        ours, theirs = (min(r[task] for r in found[name]) for name in ("kernelkit", "keras"))
        print(f"| {task} | {ours:.3f} | {theirs:.3f} | {ours / theirs:.2f} |")


if __name__ == "__main__":
    main()
