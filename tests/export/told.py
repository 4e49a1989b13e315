"""Runs tests and tells each outcome at once as a line of JSON: `python -m tests.export.told FD NODE ...`.

`FD` is the number of an open file descriptor. `--collect` before the nodes only names the tests. The parent
(`tests/export/watched.py`) reads the lines, so it knows which test a process was in when it hung or died.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

import pytest


class Teller:
    """Tells of each test when it starts and how it ended.

    Args:
        file: Where the lines go.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.outcome: dict[str, str] = {}

    def tell(self, **line: str) -> None:
        print(json.dumps(line), file=self.file, flush=True)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self.tell(event="found", test=item.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.outcome = {"outcome": "passed", "message": ""}
        self.tell(event="start", test=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.outcome = {"outcome": "skipped", "message": reason}
        elif report.failed and self.outcome["outcome"] != "failed":
            crash = getattr(report.longrepr, "reprcrash", None)
            self.outcome = {"outcome": "failed", "message": crash.message if crash else str(report.longrepr)}

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.tell(event="end", test=nodeid, **self.outcome)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.tell(event="end", test=report.nodeid, outcome="failed", message=str(report.longrepr)[-500:])
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.tell(event="end", test=report.nodeid, outcome="skipped", message=reason)


def main() -> None:
    number, *nodes = sys.argv[1:]
    options = ["-q", "--tb=short", "-p", "no:cacheprovider"]
    if nodes[0] == "--collect":
        options += ["--collect-only"]
        nodes = nodes[1:]
    with os.fdopen(int(number), "w") as file:
        code = pytest.main([*options, *nodes], plugins=[Teller(file)])
    sys.stdout.flush()
    os._exit(int(code))  # some runtimes crash while the process ends, when all is told


if __name__ == "__main__":
    main()
