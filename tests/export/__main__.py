"""Runs the tests of all formats, each in an environment of its own: `python -m tests.export [NAME ...] [--go-on]`.

The packages of these formats are large, and some of them crash in one process, so CI does not install them. The
environments are made in `build/export`. Each outcome is printed at once, and a test that hangs or crashes fails alone.
Outcomes are kept beside the environment: `--go-on` leaves out the tests that passed before, `--seconds 250` stops
in time and tells what is left. The last lines are the table of docs/export.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from tests.conformance import ledger, runs
from tests.export import two_jaxes, watched
from tests.export.watched import ROOT, Outcome

BUILD = ROOT / "build" / "export"
LIMIT = 180.0  # seconds of a test


class Environment(NamedTuple):
    """What a runtime needs, and which tests run with it.

    Attributes:
        packages: What pip installs; the first one is named in the table.
        tests: Files of this folder.
        keras: Keras's own test files, below `keras/src/export`.
    """

    packages: tuple[str, ...]
    tests: tuple[str, ...]
    keras: tuple[str, ...] = ()


ENVIRONMENTS = {
    "onnx": Environment(
        ("onnxruntime==1.32.0", "onnx"),
        (
            *("test_onnx.py", "test_onnx_graphs.py", "test_onnx_layers.py", "test_onnx_drawn.py"),
            *("test_more_models.py", "test_users_models.py", "test_calls.py", "test_kerashub.py", "test_stablehlo.py"),
        ),
        ("onnx_test.py",),
    ),
    "openvino": Environment(
        ("openvino==2026.4.1", "onnx"),
        ("test_openvino.py", "test_users_models.py", "test_calls.py", "test_kerashub.py"),
        ("openvino_test.py",),
    ),
    "tensorflow": Environment(
        ("tensorflow-cpu==2.21.0",),
        ("test_saved_model.py", "test_users_models.py", "test_calls.py", "test_kerashub.py"),
        ("saved_model_test.py", "tfsm_layer_test.py"),
    ),
    "torch": Environment(
        ("torch==2.13.0",),
        ("test_torch.py", "test_torch_bridge.py", "test_users_models.py", "test_calls.py", "test_kerashub.py"),
    ),
    "litert": Environment(
        ("ai-edge-litert==2.3.0", "litert-converter==0.5.0"),
        ("test_litert.py", "test_users_models.py", "test_calls.py", "test_kerashub.py"),
    ),
}
COMMON = ("pytest", "hypothesis", "h5py", "rich", "flatbuffers", "absl-py", "kagglehub", "regex", "tokenizers")
ALONE = ("keras==3.15.1", "keras-hub==0.32.0")  # what they need of TensorFlow is left out; Keras itself is not imported


def main() -> int:
    """Run the environments that the command line names; return 1 if a test fails or is left."""
    parser = argparse.ArgumentParser(prog="python -m tests.export", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"environments: {', '.join(ENVIRONMENTS)}, jaxes (all)")
    parser.add_argument("--go-on", action="store_true", help="leave out the tests that passed before")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after about so many seconds")
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    lines, ended_well = [], True
    for name in options.names or [*ENVIRONMENTS, "jaxes"]:
        if name == "jaxes":
            ended_well &= two_jaxes.main(BUILD / name)
            continue
        environment = ENVIRONMENTS[name]
        python = set_up(name, environment)
        ours, well = run_ours(name, python, environment, options.go_on, until)
        keras, problems = run_keras(python, environment, options.go_on, until)
        say(*(f"{name}: {line}" for line in problems))
        ended_well &= well and not problems
        lines.append(f"| {name} | `{environment.packages[0]}` | {ours} | {keras} |")
    if lines:
        say("\n| environment | runtime | tests that pass | Keras's own export tests that pass |\n|---|---|---|---|")
        say(*lines)
    return int(not ended_well)


def say(*lines: str) -> None:
    """Print lines at once, wherever the output goes."""
    for line in lines:
        print(line, flush=True)


def set_up(name: str, environment: Environment) -> Path:
    """Make an environment, unless it is there, and return its Python."""
    folder = BUILD / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = [*environment.packages, *COMMON, f"jax=={version('jax')}"]
    told = "\n".join([*wanted, *ALONE])
    if not stamp.exists() or stamp.read_text() != told:
        say(f"{name}: installing {', '.join(environment.packages)} ...")
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", python]
        subprocess.run([*install, *wanted], check=True)
        subprocess.run([*install, "--no-deps", *ALONE], check=True)
        stamp.write_text(told)
    return python


def settings() -> dict[str, str]:
    """Return the variables of a test process: all turns, on the CPU, one thread a runtime for models this small.

    What one environment has compiled with jax serves the next ones: they test the same models.
    """
    chosen = {"KERNELKIT_TEST_TURN": "all", "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"}
    chosen |= {"JAX_COMPILATION_CACHE_DIR": str(BUILD / "programs")}
    chosen |= {
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.02",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    return os.environ | {"PYTHONPATH": str(ROOT)} | chosen


def run_ours(name: str, python: Path, environment: Environment, go_on: bool, until: float) -> tuple[str, bool]:
    """Run this folder's tests; return their count in words, and whether all of them passed."""
    record = python.parents[1] / "outcomes.json"
    known = {o["test"]: Outcome(**o) for o in json.loads(record.read_text())} if go_on and record.exists() else {}
    files = [f"tests/export/{file}" for file in environment.tests]
    tests, unread = watched.collect(python, files, settings())
    outcomes = {test: known[test] for test in tests if test in known and known[test].outcome != "failed"}
    left = [test for test in tests if test not in outcomes]
    if time.monotonic() < until:
        for outcome in watched.run(python, left, settings(), LIMIT):
            outcomes[outcome.test] = outcome
            told = f" {outcome.message[:300]}" if outcome.outcome == "failed" else ""
            say(f"{name}: {outcome.outcome} {outcome.test.split('/')[-1]} {outcome.seconds:.1f} s{told}")
            record.write_text(json.dumps([o._asdict() for o in outcomes.values()], indent=0))
            if time.monotonic() > until:
                break
    ended = [*outcomes.values(), *unread]
    failed = [o for o in ended if o.outcome == "failed"]
    passed = sum(o.outcome == "passed" for o in ended)
    missing = len([test for test in tests if test not in outcomes])
    say(*(f"{name}: fails: {o.test}: {o.message[:300]}" for o in failed))
    for reason, count in reasons(ended).items():
        say(f"{name}: {count} skipped: {reason}")
    words = f"{passed} of {passed + len(failed) + missing}" + (f", {missing} not run" if missing else "")
    return words, not failed and not missing


def reasons(outcomes: list[Outcome]) -> dict[str, int]:
    """Count why tests were skipped."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.outcome == "skipped":
            counts[outcome.message] = counts.get(outcome.message, 0) + 1
    return counts


def run_keras(python: Path, environment: Environment, go_on: bool, until: float) -> tuple[str, list[str]]:
    """Run Keras's export tests against kernelkit; return their count in words, and what speaks against the ledger."""
    if not environment.keras:
        return "-", []
    program = (
        "import dataclasses, json, sys; from tests.conformance import runs;"
        "json.dump([dataclasses.asdict(o) for o in runs.run(sys.argv[2:])], open(sys.argv[1], 'w'))"
    )
    outcomes = []
    for file in environment.keras:
        record = python.parents[1] / f"keras_{file.removesuffix('.py')}.json"
        if not go_on or not record.exists():
            if time.monotonic() > until:
                return "not run", [f"Keras's {file} was not run"]
            say(f"Keras's {file} ...")
            record.unlink(missing_ok=True)
            command = [str(python), "-c", program, str(record), f"export/{file}"]
            try:
                subprocess.run(command, cwd=ROOT, env=settings(), check=True, timeout=900)
            except subprocess.SubprocessError as error:
                return "not run", [f"Keras's {file}: {error}"]
        outcomes += [o for o in json.loads(record.read_text()) if o["outcome"] != "skipped"]
    passed = {o["test"] for o in outcomes if o["outcome"] == "passed"}
    _, of_keras = ledger.read_keras_passes()
    expected = {
        t for t in of_keras if t.partition("::")[0] in {f"export/{f.removesuffix('.py')}" for f in environment.keras}
    }
    problems = runs.problems(expected, passed, ledger.read_not_passing())
    why = {o["test"]: o["message"][:120] for o in outcomes}
    return f"{len(passed)} of {len(outcomes)}", [
        f"of Keras: {line} {why.get(line.split(': ')[-1], '')}" for line in problems
    ]


if __name__ == "__main__":
    sys.exit(main())
