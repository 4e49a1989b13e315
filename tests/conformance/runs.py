"""Running Keras's test files, against kernelkit or against Keras itself, in processes of their own."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.conformance import recorder
from tests.conformance.wheel import SITE, SRC, needs_devices

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Outcome:
    """How a test ended: passed, failed, skipped, or error for a file that could not be imported."""

    test: str
    outcome: str
    seconds: float
    message: str = ""


def run(files: list[str], subject: str = "kernelkit", workers: int = 1, keep: set[str] | None = None) -> list[Outcome]:
    """Run test files and return how each test ended.

    Args:
        files: Paths below `keras/src`.
        subject: "kernelkit" or "keras": what the tests import.
        workers: Processes at a time.
        keep: Names of the tests to run; all of them by default.
    """
    shares = _shares(files, workers)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(max(1, workers)) as pool:
        jobs = [pool.submit(_run_process, share, subject, keep, f"{folder}/{i}") for i, share in enumerate(shares)]
        return [outcome for job in jobs for outcome in job.result()]


def _shares(files: list[str], workers: int) -> list[list[str]]:
    """Return the files in shares of about equal size, the largest first. Those for several devices are one more."""
    several, files = [f for f in files if needs_devices(f)], [f for f in files if not needs_devices(f)]
    shares: list[list[str]] = [[] for _ in range(max(1, workers))]
    sizes = [0] * len(shares)
    for file in sorted(files, key=lambda f: -(SRC / f).stat().st_size):
        least = sizes.index(min(sizes))
        shares[least].append(file)
        sizes[least] += (SRC / file).stat().st_size
    return [sorted(share) for share in [*shares, several] if share]


def _run_process(files: list[str], subject: str, keep: set[str] | None, record: str) -> list[Outcome]:
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        recorder.RECORD: record,
    }
    if any(needs_devices(f) for f in files):
        environment |= {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "NPROC": "16"}
    if keep is not None:
        Path(record + ".keep").write_text("\n".join(sorted(keep)))
        environment[recorder.KEEP] = record + ".keep"
    plugins = ["tests.conformance.recorder", *(["tests.conformance.hook"] if subject == "kernelkit" else [])]
    command = [
        *(
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--assert=plain",
            "--tb=short",
            "--continue-on-collection-errors",
            f"--rootdir={SITE}",
            "-c",
            os.devnull,
        ),
        *(argument for plugin in plugins for argument in ("-p", plugin)),
        *("-p", "no:cacheprovider", "-p", "no:randomly", "-o", "python_files=*_test.py"),
        *(str(SRC / file) for file in files),
    ]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    path = Path(record)
    lines = path.read_text().splitlines() if path.exists() else []
    if done.returncode not in (0, 1, 2, 5) or (not lines and done.returncode != 5):
        message = (done.stderr.strip() or done.stdout.strip())[-2000:]
        print(f"pytest ended with {done.returncode}: {message}", file=sys.stderr)
    return [Outcome(**json.loads(line)) for line in lines]


def problems(expected: set[str], passed: set[str], listed: dict) -> list[str]:
    """Return what speaks against the list: tests that fail and are not on it, tests on it that pass."""
    lines = [f"not on the list and not passing: {test}" for test in sorted(expected - passed - set(listed))]
    return lines + [f"on the list and passing: {test}" for test in sorted(expected & passed & set(listed))]
