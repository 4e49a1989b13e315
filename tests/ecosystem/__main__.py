"""The command line: `python -m tests.ecosystem [FAMILY ...]`; see `--help`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.ecosystem import compare
from tests.ecosystem.families import ALL

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "ecosystem"
PYTHON = BUILD / "venv" / "bin" / "python"

PACKAGES = """
keras==3.15.1 keras-hub==0.32.0 keras-rs==0.4.0 keras-tuner==1.4.8 six bayesflow==2.0.12 scikeras==0.13.0
ncps==1.0.1 keras-mdn-layer==1.0.0
""".split()
LEFT_OUT = ("tensorflow", "tensorflow-text", "torch")
"""What the packages ask for and do not need on jax."""


def main() -> int:
    """Run what the command line asks for; return 1 if something fails that is not in the ledger."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.ecosystem",
        description="Compare what packages written for Keras compute on Keras and on kernelkit in its place.",
    )
    parser.add_argument("names", nargs="*", help="families of KerasHub and examples of other packages (all)")
    parser.add_argument("--turn", type=int, metavar="N", help="only N names, others after each commit")
    parser.add_argument("--suite", metavar="PATH", help="run the tests of a checkout with kernelkit in Keras's place")
    chosen = parser.parse_args()
    set_up()
    if chosen.suite:
        return run(["-m", "kernelkit.as_keras", "-m", "pytest", "-q", chosen.suite]).returncode
    known = [*ALL, *examples()]
    unknown = sorted(set(chosen.names) - set(known))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}. Known: {', '.join(known)}")
    names = chosen.names or (turn(known, chosen.turn) if chosen.turn else known)
    families, scripts = [n for n in names if n in ALL], [n for n in names if n not in ALL]
    keras, ours = BUILD / "keras", BUILD / "kernelkit"
    if families:
        work([], keras, None, "all", families)
        work(["-m", "kernelkit.as_keras"], ours, keras, "all", families)
        work([], keras, ours, "read", families)
    for script in scripts:
        path = str(HERE / "examples" / f"try_{script}.py")
        for prefix, folder in ([], keras), (["-m", "kernelkit.as_keras"], ours):
            folder.mkdir(parents=True, exist_ok=True)
            done = run([*prefix, path], stdout=subprocess.PIPE)
            (folder / f"{script}.txt").write_text(done.stdout if done.returncode == 0 else f"exit {done.returncode}\n")
    return compare.report(keras, ours, families, scripts)


def set_up() -> None:
    """Make the environment of the packages, if it is not there in this form."""
    stamp, wanted = BUILD / "packages.txt", "\n".join(PACKAGES)
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    uv = str(Path(sys.executable).with_name("uv"))
    BUILD.mkdir(parents=True, exist_ok=True)
    overrides = BUILD / "overrides.txt"
    overrides.write_text("".join(f"{name}; sys_platform == 'never'\n" for name in LEFT_OUT))
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, PYTHON.parents[1]], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", PYTHON, "--override", overrides]
    subprocess.run([*install, "pytest", "scikit-learn", "--editable", ROOT, *PACKAGES], check=True)
    stamp.write_text(wanted)


def examples() -> list[str]:
    """Return the names of the scripts that show other packages."""
    return sorted(path.stem.removeprefix("try_") for path in (HERE / "examples").glob("try_*.py"))


def turn(known: list[str], count: int) -> list[str]:
    """Return the names whose turn it is after this commit."""
    commits = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    start = count * int(commits.stdout or 0)
    return [known[(start + i) % len(known)] for i in range(count)]


def work(prefix: list[str], own: Path, other: Path | None, parts: str, families: list[str]) -> None:
    """Run the worker; its own errors are facts in its files."""
    run([*prefix, str(HERE / "worker.py"), str(own), str(other or "-"), parts, *families]).check_returncode()


def run(arguments: list[str], **options: object) -> subprocess.CompletedProcess:
    """Run Python in the packages' environment."""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    environment["PYTHONWARNINGS"] = "ignore"
    return subprocess.run([str(PYTHON), *arguments], env=environment, text=True, check=False, **options)  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main())
