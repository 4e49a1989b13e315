"""The lessons: one source in two languages becomes two notebooks, which are run and tested.

A source, ``notebooks/src/NN_name.py``, is a Python file in the percent format. Its cells are

    # %% [markdown] en     text in English, followed by
    # %% [markdown] ko     the same in Korean
    # %%                   code, the same in both; ``say("right", "맞아요")`` becomes one of its strings
    # %% [check]           code that is folded away in the notebooks: the check of an exercise
    # %% [exercise]        the student's cell, with ``...`` where an answer belongs
    # %% [solution]        what stands in its place in a teacher's notebook; in no student's notebook
    # %% [test]            what must hold when the lesson has run; in no notebook

    python tools/lessons.py build              # writes both notebooks of each lesson, and README's buttons
    python tools/lessons.py build --check      # says which are out of step with their sources
    python tools/lessons.py run [NAME ...]     # runs lessons with their solutions and tests; all without names
    python tools/lessons.py run --turn         # runs one lesson in one language, another one after each commit
    python tools/lessons.py teacher            # writes notebooks with the solutions to build/teacher
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from kernelkit import teaching

NOTEBOOKS = ROOT / "notebooks"
SOURCES = NOTEBOOKS / "src"
EXECUTED = ROOT / "build" / "lessons"
LANGUAGES = ("en", "ko")
KINDS = ("markdown", "code", "check", "exercise", "solution", "test")
READMES = (ROOT / "README.md", ROOT / "README.ko.md")
REPOSITORY: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
BUTTON = re.compile(r"((?:mybinder\.org/v2/gh|colab\.research\.google\.com/github)/)[\w.-]+/[\w.-]+")
HEADER = re.compile(r"^# %%(?: \[(\w+)\])?(?: (en|ko))?\s*$")
INSTALL = f"""\
# On Colab and its like: installs kernelkit from its repository (about a minute). Elsewhere: nothing.
import importlib.util

if importlib.util.find_spec("kernelkit") is None:
    %pip install --quiet "kernelkit[notebook] @ git+{REPOSITORY}"
"""


@dataclass(frozen=True)
class Cell:
    """A cell of a source: its kind, its language (of texts only), its text, and the line of its header."""

    kind: str
    language: str | None
    text: str
    line: int


class SourceError(ValueError):
    """A source that is not in the form; the message names the line."""


def sources() -> list[Path]:
    """The sources of all lessons, in their order."""
    return sorted(SOURCES.glob("[0-9][0-9]_*.py"))


def read(path: Path) -> list[Cell]:
    """Return the cells of a source.

    Raises:
        SourceError: If a header is unknown, a text has no twin in the other language, or an exercise no solution.
    """
    cells: list[Cell] = []
    kind, language, lines, at = None, None, [], 0

    def close() -> None:
        if kind is not None:
            cells.append(Cell(kind, language, _text(kind, lines, at, path), at))

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("# %%"):
            found = HEADER.match(line)
            name = (found.group(1) or "code") if found else ""
            if name not in KINDS or (name == "markdown") != bool(found and found.group(2)):
                raise SourceError(f"{path.name}:{number}: {line!r} heads no cell.")
            close()
            kind, language, lines, at = name, found.group(2) if found else None, [], number
        else:
            lines.append(line)
    close()
    _check_pairs(cells, path)
    return cells


def _text(kind: str, lines: list[str], at: int, path: Path) -> str:
    if kind == "markdown":
        for number, line in enumerate(lines, at + 1):
            if line.strip() and not line.startswith("#"):
                raise SourceError(f"{path.name}:{number}: a line of text begins with '# '.")
        lines = [re.sub(r"^# ?", "", line) for line in lines]
    return "\n".join(lines).strip("\n")


def _check_pairs(cells: list[Cell], path: Path) -> None:
    for i, cell in enumerate(cells):
        before, after = cells[i - 1] if i else None, cells[i + 1] if i + 1 < len(cells) else None
        if cell.language == "en" and (after is None or after.language != "ko"):
            raise SourceError(f"{path.name}:{cell.line}: no Korean text follows this one.")
        if cell.language == "ko" and (before is None or before.language != "en"):
            raise SourceError(f"{path.name}:{cell.line}: no English text stands before this one.")
        if cell.kind == "exercise" and (after is None or after.kind != "solution"):
            raise SourceError(f"{path.name}:{cell.line}: no solution follows this exercise.")


def say(code: str, language: str) -> str:
    """Return code in which each ``say("English", "한국어")`` is the string of the language."""
    calls = [
        node
        for node in ast.walk(ast.parse(_without_magics(code)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
    ]
    lines = code.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:i])) for i in range(len(lines) + 1)]
    whole = code.encode()
    for call in sorted(calls, key=lambda c: (c.lineno, c.col_offset), reverse=True):
        word = call.args[LANGUAGES.index(language)]
        begin, end = (starts[call.lineno - 1] + call.col_offset, starts[call.end_lineno - 1] + call.end_col_offset)
        text = whole[starts[word.lineno - 1] + word.col_offset : starts[word.end_lineno - 1] + word.end_col_offset]
        whole = whole[:begin] + text + whole[end:]
    return whole.decode()


def _without_magics(code: str) -> str:
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)


def notebook(cells: Iterable[Cell], language: str, *, solved: bool = False, tested: bool = False) -> NotebookNode:
    """Return the notebook of a lesson.

    Args:
        cells: The cells of its source.
        language: ``"en"`` or ``"ko"``.
        solved: Whether solutions stand in the place of the student's cells.
        tested: Whether the cells that test the lesson are there, for a run that nobody reads.
    """
    book = nbformat.v4.new_notebook()
    book.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "colab": {"provenance": [], "toc_visible": True},
    }
    left_out = {"exercise" if solved else "solution"} | (set() if tested else {"test"})
    first = True
    for cell in cells:
        if cell.kind in left_out or cell.language not in (None, language):
            continue
        if cell.kind == "markdown":
            book.cells.append(nbformat.v4.new_markdown_cell(cell.text))
            continue
        if first:
            book.cells.append(_code(INSTALL.strip(), "install"))
            first = False
        book.cells.append(_code(say(cell.text, language), cell.kind))
    for i, cell in enumerate(book.cells):
        cell["id"] = f"cell-{i:02d}"
        cell.metadata["slideshow"] = {"slide_type": _slide(cell)}
    return book


def _slide(cell: NotebookNode) -> str:
    """Where a cell stands among slides: a heading begins one, what follows stands on it, exercises are left out."""
    if cell.cell_type == "markdown":
        return "slide" if cell.source.startswith("#") else "-"
    return "skip" if set(cell.metadata.get("tags", ())) & {"install", "check", "exercise", "solution"} else "-"


def _code(text: str, kind: str) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(text)
    if kind in ("check", "install"):
        cell.metadata = {"jupyter": {"source_hidden": True}, "cellView": "form", "tags": ["hide-input", kind]}
    elif kind in ("exercise", "solution", "test"):
        cell.metadata = {"tags": [kind]}
    return cell


def target(path: Path, language: str) -> Path:
    """The notebook that a source is built into."""
    folder = NOTEBOOKS if language == "en" else NOTEBOOKS / language
    return folder / f"{path.stem}.ipynb"


def way_on(path: Path, language: str) -> list[NotebookNode]:
    """The cell that leads from a lesson to the next one; none after the last."""
    later = [other for other in sources() if other.stem > path.stem]
    if not later:
        return []
    title = next(cell.text for cell in read(later[0]) if cell.language == language).splitlines()[0].removeprefix("# ")
    words = {"en": "Next lesson", "ko": "다음 수업"}[language]
    cell = nbformat.v4.new_markdown_cell(f"**{words}:** [{later[0].stem[:2]} {title}]({later[0].stem}.ipynb)")
    cell["id"], cell.metadata["slideshow"] = "way-on", {"slide_type": "skip"}
    return [cell]


def built(path: Path, language: str, *, solved: bool = False) -> str:
    """The text of a lesson's notebook file."""
    book = notebook(read(path), language, solved=solved)
    book.cells += way_on(path, language)
    return nbformat.writes(book) + "\n"


def with_buttons(text: str) -> str:
    """A README whose Binder and Colab buttons lead to the repository that pyproject.toml names."""
    return BUTTON.sub(rf"\g<1>{REPOSITORY.removeprefix('https://github.com/')}", text)


def expected_files() -> dict[Path, str]:
    """The text of each file that is built: the notebooks, and the READMEs for their buttons."""
    expected = {target(path, language): built(path, language) for path in sources() for language in LANGUAGES}
    return expected | {path: with_buttons(path.read_text(encoding="utf-8")) for path in READMES}


def out_of_step() -> list[Path]:
    """The files that are not what the sources say."""
    expected = expected_files()
    return [p for p, text in expected.items() if not p.exists() or p.read_text(encoding="utf-8") != text]


def build() -> None:
    for path, text in expected_files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run(path: Path, language: str = "en") -> float:
    """Run a lesson with its solutions and tests; leave the notebook that it became in build/lessons.

    Returns:
        The seconds that it took.

    Raises:
        AssertionError: If the check of an exercise does not say right to its solution.
    """
    from nbclient import NotebookClient

    book = notebook(read(path), language, solved=True, tested=True)
    started = time.perf_counter()
    EXECUTED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(book, timeout=300, store_widget_state=False, resources={"metadata": {"path": folder}})
        try:
            client.execute()
        finally:  # what a lesson that failed has shown is there to be looked at
            shown = nbformat.from_dict(book)
            shown.cells = [cell for cell in book.cells if "test" not in cell.metadata.get("tags", [])]
            nbformat.write(shown, EXECUTED / f"{path.stem}.{language}.ipynb")
    judged = verdicts(book)
    right = repr(teaching.Verdict(True, language=language))
    assert judged and all(words.startswith(right) for words in judged), f"{path.stem}: {judged}"
    return time.perf_counter() - started


def verdicts(book: NotebookNode) -> list[str]:
    """What the checks said of the solutions of a lesson that was run."""
    shown = [cell.outputs[-1:] for cell in book.cells if "solution" in cell.metadata.get("tags", ())]
    return [outputs[0].get("data", {}).get("text/plain", "") if outputs else "" for outputs in shown]


def whose_turn() -> tuple[Path, str]:
    """One lesson in one language, the next one after each commit; after all in English all in Korean."""
    count = subprocess.run(["git", "rev-list", "--count", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    turn = int(count.stdout) if count.returncode == 0 else int(time.time() // 86400)
    return of_turn(turn)


def of_turn(turn: int) -> tuple[Path, str]:
    """The lesson and the language of a turn."""
    language, number = divmod(turn, len(sources()))
    return sources()[number], LANGUAGES[language % len(LANGUAGES)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build").add_argument("--check", action="store_true")
    running = commands.add_parser("run")
    running.add_argument("names", nargs="*")
    running.add_argument("--turn", action="store_true")
    running.add_argument("--language", choices=LANGUAGES, default="en")
    commands.add_parser("teacher")
    arguments = parser.parse_args()
    if arguments.command == "build" and arguments.check:
        late = out_of_step()
        print("\n".join(f"{p.relative_to(ROOT)} is not what its source says: make notebooks" for p in late))
        return bool(late)
    if arguments.command == "build":
        build()
    elif arguments.command == "teacher":
        for path in sources():
            for language in LANGUAGES:
                place = ROOT / "build" / "teacher" / language / f"{path.stem}.ipynb"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(built(path, language, solved=True), encoding="utf-8")
    else:
        chosen = [p for p in sources() if not arguments.names or any(n in p.stem for n in arguments.names)]
        if not chosen:
            parser.error(f"no lesson is named like {arguments.names}")
        for path, language in [whose_turn()] if arguments.turn else [(p, arguments.language) for p in chosen]:
            print(f"{path.stem}, {language}: {run(path, language):.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
