"""A fit as a learner runs it, beside Keras on jax: 20 epochs with validation and metrics, in a notebook's kernel.

    python -m benchmarks.learner [NAME ...] [--epochs 20] [--steps 30] [--rounds 1]

kernelkit shows its live panel, Keras its progress bar; a client reads what both send, as a notebook does. Compiling is
included. The models are those of `benchmarks.textbook`. Seconds of the clock need a quiet machine; CPU seconds of the
kernel are printed beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

from benchmarks.textbook import MODELS

ROOT = Path(__file__).resolve().parent.parent

PROGRAM = """
import json, os, sys, time
sys.path.insert(0, {root!r})
os.chdir({root!r})
import {library} as library
from benchmarks.textbook import CATEGORIES, MODELS
model, samples, labels, batch, loss = MODELS[{name!r}](library)
kind = "accuracy" if loss == CATEGORIES else "mae"
metrics = [[kind]] * len(loss) if isinstance(loss, list) else [kind]
model.compile("adam", loss, metrics=metrics)
rows, held = {steps} * batch, max(1, {steps} // 5) * batch
data = samples(rows), labels(rows)
validation = samples(held), labels(held)
if isinstance(data[0], list):
    validation = tuple(validation)
wall, cpu = time.perf_counter(), time.process_time()
history = model.fit(*data, batch_size=batch, epochs={epochs}, validation_data=validation)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print("MEASURED " + json.dumps({{"wall": wall, "cpu": cpu, "epochs": len(history.history["val_loss"])}}))
"""


def measure(library: str, name: str, epochs: int, steps: int) -> dict[str, float]:
    """Return seconds of the clock and of the CPU, and how many messages the client got."""
    environment = os.environ | {"KERAS_BACKEND": "jax", "KERNELKIT_COMPILE_CACHE": "0"}
    manager, client = start_new_kernel(env=environment)
    heard = {"messages": 0, "text": ""}

    def hear(message: dict[str, Any]) -> None:
        heard["messages"] += 1
        if message["msg_type"] == "stream":
            heard["text"] += message["content"]["text"]

    try:
        code = PROGRAM.format(root=str(ROOT), library=library, name=name, epochs=epochs, steps=steps)
        reply = client.execute_interactive(code, output_hook=hear, timeout=900)
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    found = json.loads(heard["text"].split("MEASURED ")[-1].splitlines()[0])
    if found.pop("epochs") != epochs:
        raise RuntimeError(f"{library} trained {name} for other than {epochs} epochs.")
    return found | {"messages": heard["messages"]}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("names", nargs="*", default=list(MODELS))
    arguments.add_argument("--epochs", type=int, default=20)
    arguments.add_argument("--steps", type=int, default=30)
    arguments.add_argument("--rounds", type=int, default=1)
    chosen = arguments.parse_args()
    print("| kernelkit / Keras = times as fast | seconds of the clock | CPU seconds | messages |\n|---|---|---|---|")
    for name in chosen.names:
        runs: dict[str, list[dict[str, float]]] = {"kernelkit": [], "keras": []}
        for _ in range(chosen.rounds):
            for library, found in runs.items():
                found.append(measure(library, name, chosen.epochs, chosen.steps))
        ours, theirs = ({k: statistics.median(r[k] for r in f) for k in f[0]} for f in runs.values())
        cells = [f"{ours[k]:.3g} / {theirs[k]:.3g} = {theirs[k] / ours[k]:.2f}" for k in ("wall", "cpu")]
        print(f"| {name} | {' | '.join(cells)} | {ours['messages']:.0f} / {theirs['messages']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
