"""The command line: `python -m tests.clusters [ray] [ipyparallel]`, in an environment of its own in build/clusters."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "clusters"
PYTHON = BUILD / "venv" / "bin" / "python"
PACKAGES = "ray[train]==2.60.0 ipyparallel==9.2.0 ipykernel anywidget"
KINDS = ("ipyparallel", "ray")
TURNS = 8
"""One of so many commits has Ray's turn; ipyparallel is in the suite, test_engines_browser.py."""


def main() -> int:
    """Run what the command line asks for; return 1 if something fails."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.clusters", description="Train on local clusters of Ray and ipyparallel."
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{' or '.join(KINDS)}; all by default")
    parser.add_argument("--python", default=None, help="an environment that has the packages already")
    parser.add_argument("--turn", action="store_true", help=f"Ray after one of {TURNS} commits, else nothing (CI)")
    chosen = parser.parse_args()
    if unknown := set(chosen.kinds) - set(KINDS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    kinds, options = chosen.kinds or KINDS, []
    if chosen.turn:
        commits = subprocess.run(["git", "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=False)
        left = -int(commits.stdout.strip() or 0) % TURNS
        print("Ray's turn" if not left else f"Ray's turn comes {left} commits from here", flush=True)
        if left:
            return 0
        kinds, options = ("ray",), ["--unbroken"]
    python = chosen.python or set_up()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "RAY_USAGE_STATS_ENABLED": "0"}
    environment.pop("XLA_FLAGS", None)
    failed = 0
    for kind in kinds:
        command = [python, HERE / f"try_{kind}.py", *options]
        failed |= subprocess.run(command, env=environment, timeout=500, check=False).returncode != 0
    return int(failed)


def set_up() -> Path:
    """Make the environment of the packages, if it is not there in this form, and return its Python."""
    stamp = BUILD / "packages.txt"
    if not (PYTHON.exists() and stamp.exists() and stamp.read_text() == PACKAGES):
        uv = str(Path(sys.executable).with_name("uv"))
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, PYTHON.parents[1]], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", PYTHON]
        subprocess.run([*install, "--editable", ROOT, *PACKAGES.split()], check=True)
        stamp.write_text(PACKAGES)
    return PYTHON


if __name__ == "__main__":
    sys.exit(main())
