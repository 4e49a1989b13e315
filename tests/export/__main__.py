"""Runs the tests of all formats, each in an environment of its own: `python -m tests.export [NAME ...]`.

The packages of these formats are large, and some of them crash in one process, so CI does not install them. The
environments are made in `build/export`; the last lines are the table of docs/export.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from tests.conformance import ledger, runs

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "export"


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
        ("test_onnx.py", "test_onnx_graphs.py", "test_onnx_layers.py", "test_more_models.py", "test_calls.py"),
        ("onnx_test.py",),
    ),
    "openvino": Environment(
        ("openvino==2026.4.1", "onnx"), ("test_openvino.py", "test_calls.py"), ("openvino_test.py",)
    ),
    "tensorflow": Environment(
        ("tensorflow-cpu==2.21.0",),
        ("test_saved_model.py", "test_calls.py"),
        ("saved_model_test.py", "tfsm_layer_test.py"),
    ),
    "torch": Environment(("torch==2.13.0",), ("test_torch.py", "test_torch_bridge.py", "test_calls.py")),
    "litert": Environment(("ai-edge-litert==2.3.0", "litert-converter==0.5.0"), ("test_litert.py", "test_calls.py")),
}
COMMON = ("pytest", "h5py", "rich", "flatbuffers", "absl-py", "kagglehub", "regex", "tokenizers")
ALONE = ("keras==3.15.1", "keras-hub==0.32.0")  # what they need of TensorFlow is left out; Keras itself is not imported


def main() -> int:
    """Run the environments that the command line names; return 1 if a test fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.export", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(ENVIRONMENTS), help="environments (all)")
    names = parser.parse_args().names
    lines, failed = [], False
    for name in names:
        environment = ENVIRONMENTS[name]
        python = set_up(name, environment)
        ours, problems = run_ours(python, environment)
        keras, more = run_keras(python, environment)
        for line in (*problems, *more):
            print(f"{name}: {line}")
        failed |= bool(problems or more)
        lines.append(f"| {name} | `{environment.packages[0]}` | {ours} | {keras} |")
    print("\n| environment | runtime | tests that pass | Keras's own export tests that pass |\n|---|---|---|---|")
    print("\n".join(lines))
    return int(failed)


def set_up(name: str, environment: Environment) -> Path:
    """Make an environment, unless it is there, and return its Python."""
    folder = BUILD / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = [*environment.packages, *COMMON, f"jax=={version('jax')}"]
    told = "\n".join([*wanted, *ALONE])
    if not stamp.exists() or stamp.read_text() != told:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", python]
        subprocess.run([*install, *wanted], check=True)
        subprocess.run([*install, "--no-deps", *ALONE], check=True)
        stamp.write_text(told)
    return python


def settings() -> dict[str, str]:
    """Return the variables of a test process: all turns, on the CPU, one thread a runtime for models this small."""
    chosen = {"KERNELKIT_TEST_TURN": "all", "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"}
    return os.environ | {"PYTHONPATH": str(ROOT)} | chosen


def run_ours(python: Path, environment: Environment) -> tuple[str, list[str]]:
    """Run this folder's tests; return their count in words, and what failed."""
    record = python.parents[1] / "tests.xml"
    files = [f"tests/export/{file}" for file in environment.tests]
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={record}", *files]
    subprocess.run(command, cwd=ROOT, env=settings(), check=False)
    cases = list(ET.parse(record).iter("testcase"))
    bad = [case.get("name", "") for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return f"{len(cases) - len(bad) - skipped} of {len(cases)}", [f"fails: {name}" for name in bad]


def run_keras(python: Path, environment: Environment) -> tuple[str, list[str]]:
    """Run Keras's export tests against kernelkit; return their count in words, and what speaks against the ledger."""
    if not environment.keras:
        return "-", []
    program = (
        "import dataclasses, json, sys; from tests.conformance import runs;"
        "json.dump([dataclasses.asdict(o) for o in runs.run(sys.argv[2:])], open(sys.argv[1], 'w'))"
    )
    record = python.parents[1] / "keras.json"
    files = [f"export/{file}" for file in environment.keras]
    subprocess.run([str(python), "-c", program, str(record), *files], cwd=ROOT, env=settings(), check=True)
    outcomes = [o for o in json.loads(record.read_text()) if o["outcome"] != "skipped"]
    passed = {o["test"] for o in outcomes if o["outcome"] == "passed"}
    _, of_keras = ledger.read_keras_passes()
    expected = {t for t in of_keras if t.partition("::")[0] in {file.removesuffix(".py") for file in files}}
    problems = runs.problems(expected, passed, ledger.read_not_passing())
    why = {o["test"]: o["message"][:120] for o in outcomes}
    return f"{len(passed)} of {len(outcomes)}", [
        f"of Keras: {line} {why.get(line.split(': ')[-1], '')}" for line in problems
    ]


if __name__ == "__main__":
    sys.exit(main())
