"""What is built of TypeScript and committed is built of the sources that are there."""

import gzip
import hashlib
import json
import re

import pytest

from tests.viz.lab import ROOT

FRONTEND = ROOT / "kernelkit" / "viz" / "frontend" / "src"
STATIC = ROOT / "kernelkit" / "viz" / "static"
EXTENSION = ROOT / "labextension"


def digest(*folders):
    """The same as in kernelkit/viz/frontend/sources.mjs."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted((p for p in folder.iterdir() if p.is_file()), key=lambda p: p.name):
            found.update(f"{path.name}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def test_the_extension_is_built_of_these_sources():
    """If it is not: `npm ci && npm run build` in labextension/."""
    kept = json.loads((EXTENSION / "built" / "install.json").read_text())["sources"]
    assert kept == digest(
        *(EXTENSION / name for name in ("src", "src/files", "src/trainings", "schema")),
        *(FRONTEND / name for name in ("graph", "curves", "shared")),
    )


@pytest.mark.parametrize("name", ["curves", "debugger", "graph"])
def test_the_widget_is_built_of_these_sources(name):
    """If it is not: `npm ci && npm run build` in kernelkit/viz/frontend/."""
    code = (STATIC / f"{name}.js").read_text(encoding="utf-8")
    [kept] = re.findall(r"^// Sources: (\w+)$", code, flags=re.MULTILINE)
    assert kept == digest(FRONTEND / name, FRONTEND / "shared")
    assert len(code.encode()) < 120 * 1024 and "innerHTML" not in code


def test_what_each_start_of_jupyterlab_loads_is_small():
    """The entry and the two modules that it names; everything else is loaded when it is needed."""
    eager, total = 0, 0
    for path in (EXTENSION / "built" / "static").glob("*.js"):
        code = path.read_bytes()
        total += len(code)
        if path.name.startswith("remoteEntry") or b'"kernelkit-labextension:' in code:
            eager += len(gzip.compress(code))
            assert b"createElementNS" not in code  # nothing that draws
    assert 1_000 < eager < 15 * 1024 and total < 260 * 1024
