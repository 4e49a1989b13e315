"""Tests in processes of their own, each test with a time limit: one that hangs or crashes does not end the others."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PIECE = 25  # tests of one process: what they have compiled and loaded is given back when it ends


class Outcome(NamedTuple):
    """How a test ended: passed, failed, or skipped; with the seconds and the first words of the error."""

    test: str
    outcome: str
    message: str
    seconds: float


def collect(python: Path, nodes: list[str], environment: dict[str, str]) -> tuple[list[str], list[Outcome]]:
    """Return the tests of files, and the files that cannot be read or have no test here."""
    found, ended = [], []
    for line in _lines(python, ["--collect", *nodes], environment, limit=120):
        if line["event"] == "found":
            found.append(line["test"])
        elif line["event"] == "end":
            ended.append(Outcome(line["test"], line["outcome"], line["message"], 0.0))
        elif line["event"] == "over":
            ended.append(Outcome(" ".join(nodes), "failed", line["message"], 0.0))
    return found, ended


def run(python: Path, tests: list[str], environment: dict[str, str], limit: float) -> Iterator[Outcome]:
    """Run tests and yield each outcome when it is there.

    Args:
        python: The Python of an environment.
        tests: Names of tests.
        environment: Variables of the processes.
        limit: Seconds of a test, with the start of its process.
    """
    left = list(tests)
    while left:
        current, since, before = left[0], time.monotonic(), len(left)
        for line in _lines(python, left[:PIECE], environment, limit):
            if line["event"] == "start":
                current, since = line["test"], time.monotonic()
            elif line["event"] == "end":
                if line["test"] in left:
                    left.remove(line["test"])
                yield Outcome(line["test"], line["outcome"], line["message"], time.monotonic() - since)
                current = left[0] if left else ""
            elif line["event"] == "over" and current in left:
                left.remove(current)
                yield Outcome(current, "failed", line["message"], time.monotonic() - since)
                break
        if len(left) == before:
            yield Outcome(left.pop(0), "failed", "its process ended and did not run it", time.monotonic() - since)


def _lines(python: Path, arguments: list[str], environment: dict[str, str], limit: float) -> Iterator[dict[str, str]]:
    """Yield what a process tells; an event `over` if it ends or falls silent while a test runs."""
    with tempfile.TemporaryFile() as said:
        yield from _told(python, arguments, environment, limit, said)


def _told(
    python: Path, arguments: list[str], environment: dict[str, str], limit: float, said: BinaryIO
) -> Iterator[dict[str, str]]:
    reading, writing = os.pipe()
    command = [str(python), "-m", "tests.export.told", str(writing), *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,
    )
    os.close(writing)
    running = None
    try:
        rest, until = b"", time.monotonic() + limit
        while True:
            ready, _, _ = select.select([reading], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                yield {"event": "over", "message": f"not done within {limit:g} seconds"}
                return
            part = os.read(reading, 2**16)
            if not part:
                break
            until = time.monotonic() + limit
            *whole, rest = (rest + part).split(b"\n")
            for text in whole:
                line = json.loads(text)
                running = {"start": line["test"], "end": None}.get(line["event"], running)
                yield line
        code = process.wait(20)
        if running is not None or code not in (0, 1, 5):
            name = signal.Signals(-code).name if code < 0 else f"code {code}"
            yield {"event": "over", "message": f"the process ended with {name}: {_last_words(said)}"}
    finally:
        os.close(reading)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _last_words(said: BinaryIO) -> str:
    """Return the last line that a process wrote to its standard error."""
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "without a word")
