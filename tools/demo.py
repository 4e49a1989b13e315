"""Execute a notebook from start to end without a browser, report on a screen, and leave its page as HTML.

The notebook's last code cell holds what to report in a dict named ``results``: nothing is known of the notebook here.

    python tools/demo.py notebooks/01_quickstart.ipynb build/quickstart.html
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from rich.console import Console
from rich.panel import Panel
from rich.status import Status
from rich.table import Table
from traitlets.config import Config

# A page that needs no kernel and no network: pictures and tables stay, widgets give way to what they left behind.
OFFLINE = Config(
    HTMLExporter={
        "embed_images": True,
        "exclude_anchor_links": True,
        "mathjax_url": "",
        "require_js_url": "",
        "jquery_url": "",
    },
    NbConvertBase={
        "display_data_priority": [
            "text/html",
            "image/svg+xml",
            "image/png",
            "image/jpeg",
            "text/markdown",
            "text/latex",
            "text/plain",
        ]
    },
)


def execute(path: Path, status: Status) -> tuple[NotebookNode, dict[str, object]]:
    """Return the executed notebook and its ``results``."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("print(repr(results))"))

    def on_cell_start(cell: NotebookNode, cell_index: int) -> None:
        status.update(f"Executing {path}, cell {cell_index + 1} of {len(notebook.cells)} ...")

    client = NotebookClient(
        notebook,
        timeout=600,
        store_widget_state=False,
        on_cell_start=on_cell_start,
        extra_arguments=["--Application.log_level=ERROR"],  # its warnings are not about this notebook
    )
    client.execute(cwd=str(path.parent))
    last = max(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    printed = notebook.cells[last].outputs[-1].text
    del notebook.cells[last:]  # the page ends before it, and before the link to the next lesson
    return notebook, ast.literal_eval(printed)


def page(notebook: NotebookNode, title: str) -> str:
    """Return an executed notebook as one HTML page that stands alone."""
    body, _ = HTMLExporter(config=OFFLINE).from_notebook_node(notebook, {"metadata": {"name": title}})
    return body


def report(results: dict[str, object], seconds: float, html: Path) -> Panel:
    """Return the results as one screen."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    for name, value in results.items():
        table.add_row(name, f"{value:.2%}" if isinstance(value, float) and "accuracy" in name else str(value))
    table.add_row("seconds", f"{seconds:.1f} (the whole notebook)")
    table.add_row("page", str(html))
    return Panel(table, title="kernelkit", expand=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("html", type=Path)
    arguments = parser.parse_args()
    console = Console()
    started = time.perf_counter()
    try:
        with console.status("Starting a kernel ...") as status:
            notebook, results = execute(arguments.notebook, status)
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    arguments.html.parent.mkdir(parents=True, exist_ok=True)
    arguments.html.write_text(page(notebook, arguments.notebook.stem), encoding="utf-8")
    console.print(report(results, seconds, arguments.html))
    return 0


if __name__ == "__main__":
    sys.exit(main())
