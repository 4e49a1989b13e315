"""Training speed beside Keras, hand-written jax and PyTorch: each runner in a process of its own, in turn.

    python -m benchmarks.run [mlp cnn lstm transformer] [--rounds N]

Prints the tables and writes them to ``benchmarks/results/<machine>.json``. Figures of one run belong together: machines
differ, and so does the same machine from hour to hour. PyTorch is measured where it is installed.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNNERS = ("kernelkit", "keras", "keras-32", "raw", "scan", "torch")
WORKLOADS = ("mlp", "cnn", "lstm", "transformer")


def measure(runner: str, workload: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.runner", runner, workload]
    # Without programs on disk: each process compiles, as Keras does. benchmarks/first.py shows what they gain.
    environment = os.environ | {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "2", "KERNELKIT_COMPILE_CACHE": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}


def machine() -> dict[str, str]:
    import jax

    device = jax.devices()[0]
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*:\s*(.*)", info.read_text())):
        model = found[1]
    packages = ("jax", "numpy", "keras", "torch")
    versions = {p: importlib.metadata.version(p) for p in packages if importlib.util.find_spec(p)}
    return {
        "date": datetime.date.today().isoformat(),
        "device": model if device.platform == "cpu" else device.device_kind,
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        **versions,
    }


def tables(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the figures as Markdown."""
    runners = list(next(iter(results.values())))
    lines = ["| steps/s | " + " | ".join(runners) + " | to Keras | to the best by hand | to PyTorch |"]
    lines.append("|---" * (len(runners) + 4) + "|")
    for workload, found in results.items():
        speed = {r: found[r]["steps/s"] for r in runners}
        ours, hand = speed["kernelkit"], max(speed["raw"], speed["scan"])
        ratios = [ours / speed["keras"], ours / hand, ours / speed["torch"] if "torch" in speed else None]
        cells = [f"{v:,.0f}" for v in speed.values()] + ["" if r is None else f"{r:.2f}" for r in ratios]
        lines.append(f"| {workload} | " + " | ".join(cells) + " |")
    names = [n for n in next(iter(results.values()))["kernelkit"] if n != "steps/s"]
    lines += ["", "| kernelkit / Keras | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for workload, found in results.items():
        pairs = [(found["kernelkit"][n], found["keras"][n]) for n in names]
        lines.append(f"| {workload} | " + " | ".join(f"{a:.3g} / {b:.3g} = {a / b:.2f}" for a, b in pairs) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workloads", nargs="*", default=WORKLOADS, help="all of them by default")
    parser.add_argument("--rounds", type=int, default=2, help="how often each runner has its turn")
    arguments = parser.parse_args()
    runners = [r for r in RUNNERS if r != "torch" or importlib.util.find_spec("torch")]
    results: dict = {}
    for workload in arguments.workloads:
        turns = [{r: measure(r, workload) for r in runners} for _ in range(arguments.rounds)]
        results[workload] = {r: medians([turn[r] for turn in turns]) for r in runners}
        print(f"{workload} done", file=sys.stderr, flush=True)
    about = machine()
    print("\n" + ", ".join(f"{k} {v}" for k, v in about.items()) + "\n\n" + tables(results))
    name = re.sub(r"[^a-z0-9]+", "-", f"{about['device']}-{about['cores']}-cores".lower()).strip("-")
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": about, "results": results}, indent=1) + "\n")
    print(f"\nwritten to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
