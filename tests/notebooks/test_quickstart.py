"""The quickstart as `make demo` runs it, and as it is committed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "01_quickstart.ipynb"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[str, str]:
    """What `make demo` prints, and the page it leaves."""
    html = tmp_path_factory.mktemp("build") / "quickstart.html"
    command = [sys.executable, ROOT / "tools" / "demo.py", NOTEBOOK, html]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout, html.read_text(encoding="utf-8")


@pytest.mark.one_in(2)
@pytest.mark.notebook
def test_the_report_fits_a_screen_and_names_what_was_done(demo):
    printed, _ = demo
    assert len(printed.splitlines()) <= 24
    for word in ("data", "model", "test accuracy", "seconds"):
        assert word in printed
    assert float(re.search(r"test accuracy\s+([\d.]+)%", printed).group(1)) >= 97


@pytest.mark.notebook
def test_the_page_shows_summary_and_curves_without_a_kernel(demo):
    _, page = demo
    body = page[page.index("<main") :]
    for word in ("conv2d", "max_pooling2d", "dense", "38,314"):
        assert word in body
    assert len(re.findall(r'<img[^>]+src="data:image/png|<svg', body)) >= 5
    assert "widget-view" not in body


@pytest.mark.notebook
def test_the_page_loads_nothing_from_elsewhere(demo):
    _, page = demo
    assert re.findall(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=\s*["'](?!data:|#)[^"']+""", page) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/**/*.ipynb")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_committed_notebook_is_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}
    for cell in code:
        ast.parse(re.sub(r"^( *)%", r"\1# %", cell.source, flags=re.MULTILINE).replace("# %pip", "pass  # %pip"))
