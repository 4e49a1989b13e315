"""The TypeScript: checked, tested, and built anew in a folder of its own into what is committed."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_in(2)

ROOT = Path(__file__).absolute().parents[1]
FRONTEND = Path("kernelkit") / "viz" / "frontend"
LEFT_OUT = shutil.ignore_patterns("node_modules", "build", "lib", "static", "built")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The folders that npm needs, without what was built. In CI a machine without npm is a failure."""
    if shutil.which("npm") is None:
        message = "npm was not found: the TypeScript can neither be tested nor built"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    folder = tmp_path_factory.mktemp("checkout")
    for name in (FRONTEND, Path("labextension")):
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    layouts = Path("tests") / "diagram"
    shutil.copytree(ROOT / layouts, folder / layouts)
    (folder / "kernelkit" / "viz" / "static").mkdir()
    return folder


def npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["npm", *arguments], cwd=folder, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, f"npm {' '.join(arguments)}:\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"


def differences(built: Path, kept: Path) -> list[str]:
    """The files that are not the same, byte by byte, in two folders."""
    names = {p.relative_to(folder).as_posix() for folder in (built, kept) for p in folder.rglob("*") if p.is_file()}
    same = [n for n in names if (built / n).is_file() and (kept / n).is_file()]
    unlike = [n for n in same if not filecmp.cmp(built / n, kept / n, shallow=False)]
    return sorted({*unlike, *(names - set(same))})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "built", "kept"),
    [
        (FRONTEND, Path("kernelkit/viz/static"), Path("kernelkit/viz/static")),
        (Path("labextension"), Path("labextension/built"), Path("labextension/built")),
    ],
    ids=["widgets", "labextension"],
)
def test_npm_checks_tests_and_builds_what_is_committed(checkout, folder, built, kept):
    npm(checkout / folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    npm(checkout / folder, "run", "check")
    if folder.name == "labextension":
        npm(checkout / folder, "run", "lint")  # the widgets too
    npm(checkout / folder, "test")
    npm(checkout / folder, "run", "build")
    assert differences(checkout / built, ROOT / kept) == [], "run `npm ci && npm run build` and commit what it writes"
