"""The report of an export, as a notebook shows it."""

import os
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("flatbuffers")

ROOT = Path(__file__).absolute().parents[2]

CELL = """
import kernelkit as kk
model = kk.Sequential([kk.Input((3,), name="x<y"), kk.layers.Dense(2, name="kind")])
model.export("model.shlo", format="stablehlo", platforms=["cpu"])
"""


@pytest.mark.notebook
def test_a_notebook_shows_the_report_as_a_table_with_the_largest_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=300,
        startup_timeout=180,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    (output,) = notebook.cells[0].outputs  # nothing is printed beside it
    assert output.output_type == "execute_result"
    rows = dict(re.findall(r"<tr><th[^>]*>(.*?)</th><td[^>]*>(.*?)</td></tr>", output.data["text/html"]))
    size = os.path.getsize(tmp_path / "model.shlo")
    assert rows.keys() == {"file", "format", "size", "input", "output", "largest difference to the model"}
    assert rows["file"] == "model.shlo" and rows["format"] == "stablehlo" and rows["size"] == f"{size / 1e3:.1f} KB"
    assert rows["input"] == "x&lt;y (None, 3) float32" and rows["output"].endswith("(None, 2) float32")
    error, by = rows["largest difference to the model"].split(", ")
    assert float(error) < 1e-5 and by == "run by jax"
