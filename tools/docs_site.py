"""The documentation site: guides, lessons and a reference of every public name, as a folder that needs no network.

    python tools/docs_site.py                 # writes build/site/index.html
    python tools/docs_site.py --only api      # the reference alone
    python tools/docs_site.py --part 3/20     # of the reference every 20th name, from the third on: tries the rest fast
    python tools/docs_site.py --check         # follows every link inside of build/site

Lessons are shown as `make lessons` has left them in build/lessons; those that were not run are shown without outputs.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tools import docs_reference
from tools.lessons import REPOSITORY

PAGES = ROOT / "build" / "site-pages"
SITE = ROOT / "build" / "site"
# Every document in docs/ stands in one of these parts of the side bar.
GUIDES = {
    "Learn": ["teaching"],
    "Guides": ["viz", "debugger", "graph", "saving", "quantization", "export", "serving", "scale", "tuning"],
    "Coming from": ["coming-from-keras", "coming-from-pytorch"],
    "Reference": ["architecture", "benchmarks", "conformance"],
}
LESSONS = {"en": (ROOT / "notebooks", "lessons"), "ko": (ROOT / "notebooks" / "ko", "lessons-ko")}
OTHER = {"en": ("ko", "이 수업을 한국어로 읽기"), "ko": ("en", "This lesson in English")}
EXAMPLE = """\
import kernelkit as keras
from kernelkit import layers
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
model = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 16, y, epochs=10, validation_split=0.2)
"""
PICTURES = {
    "panel": "The live panel in the middle of a training: curves of loss and accuracy, buttons to pause, step and stop",
    "debugger": "The step debugger has found the operation, the line and the sample that made the first NaN",
}
CARDS = (
    (
        "lessons/index",
        "Lessons",
        "From a first network to a Transformer: each runs in about a minute, and its exercises check themselves.",
    ),
    ("lessons-ko/index", "한국어 수업", "같은 수업을 한국어로. 코드는 같고, 연습 문제를 바로 채점해 줍니다."),
    (
        "guides/debugger",
        "Step debugger",
        "Walk through a training in both directions, find the first NaN, try another future.",
    ),
    (
        "guides/viz",
        "Seen and steered",
        "Live curves with pause, step, stop and learning rate; pictures that stay in the notebook.",
    ),
    ("guides/coming-from-keras", "Coming from Keras", "What differs, and how to run packages that say `import keras`."),
    ("guides/mistakes/README", "Mistakes", "The twenty commonest errors, each with its cure."),
    ("api/index", "Reference", "Every public name: signature, arguments, source, examples."),
    ("guides/teaching", "For teachers", "Run a class, hand it out without a network, write exercises."),
)


def place_in_site(target: Path) -> str | None:
    """The page, relative to the site, that shows a file of the repository; None if none does."""
    if target.is_dir():
        target /= "README.md"
    if not target.exists():
        return None
    if target.is_relative_to(ROOT / "docs"):
        return f"guides/{target.relative_to(ROOT / 'docs').as_posix()}"
    for folder, place in LESSONS.values():
        if target.suffix == ".ipynb" and target.parent == folder:
            return f"{place}/{target.name}"
    return {ROOT / "README.md": "index.md", ROOT / "README.ko.md": "lessons-ko/index.md"}.get(target)


def bend_links(text: str, source: Path, page: str) -> str:
    """Return a document's text with its links led to where things stand in the site, or in the repository.

    Args:
        text: Markdown.
        source: The file that it comes from.
        page: The page that it becomes, such as ``"guides/viz.md"``.
    """

    def bend(match: re.Match[str]) -> str:
        words, link = match.group(1), match.group(2)
        file, _, fragment = link.partition("#")
        target = (source.parent / file).resolve()
        place = place_in_site(target)
        if place is None:
            kind = "tree" if target.is_dir() else "blob"
            return f"[{words}]({REPOSITORY}/{kind}/main/{target.relative_to(ROOT).as_posix()})"
        there = os.path.relpath(place, os.path.dirname(page))
        return f"[{words}]({there}{'#' + fragment if fragment else ''})"

    return re.sub(r"\[([^\]\n]+)\]\((?!https?:|#|mailto:)([^)\s]+)\)", bend, text)


def write_guides(pages: Path) -> None:
    """Copy the documents and their pictures."""
    for path in [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "mistakes").glob("*.md"))]:
        page = f"guides/{path.relative_to(ROOT / 'docs').as_posix()}"
        text = bend_links(path.read_text(encoding="utf-8"), path, page)
        if path.name == "README.md":
            text += "\n```{toctree}\n:hidden:\n:glob:\n\nK*\n```\n"
        (pages / page).parent.mkdir(parents=True, exist_ok=True)
        (pages / page).write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "pictures", pages / "guides" / "pictures")


def write_lessons(pages: Path) -> tuple[int, int]:
    """Copy the lessons in both languages, with the outputs of their last run where there was one.

    Returns:
        How many there are, and how many of them have outputs.
    """
    count = ran = 0
    for language, (folder, place) in LESSONS.items():
        (pages / place).mkdir(parents=True)
        names = [path.stem for path in sorted(folder.glob("*.ipynb"))]
        for name in names:
            executed = ROOT / "build" / "lessons" / f"{name}.{language}.ipynb"
            book = nbformat.read(executed if executed.exists() else folder / f"{name}.ipynb", as_version=4)
            other, words = OTHER[language]
            twin = LESSONS[other][0] / f"{name}.ipynb"
            if twin.exists():
                link = f"[{words}](../{LESSONS[other][1]}/{name}.ipynb)"
                book.cells.insert(1, nbformat.v4.new_markdown_cell(link))
            if language == "ko":
                book.metadata["mystnb"] = {"code_prompt_show": "코드 보기", "code_prompt_hide": "코드 숨기기"}
            book.nbformat_minor = 5  # the form in which cells have names
            for i, cell in enumerate(book.cells):
                cell["id"] = f"cell-{i:02d}"
            nbformat.write(book, pages / place / f"{name}.ipynb")
            count, ran = count + 1, ran + executed.exists()
        (pages / place / "index.md").write_text(_lesson_list(language, place, names), encoding="utf-8")
    return count, ran


def _lesson_list(language: str, place: str, names: list[str]) -> str:
    readme = ROOT / ("README.md" if language == "en" else "README.ko.md")
    heading = "Lessons" if language == "en" else "수업"
    text = readme.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    title = "Lessons" if language == "en" else "한국어 수업"
    tree = "\n".join(["```{toctree}", ":hidden:", "", *names, "```"])
    return bend_links(f"# {title}\n{text}\n\n{tree}\n", readme, f"{place}/index.md")


def front_page() -> str:
    """The site's first page and its side bar."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tagline = next(line for line in readme.splitlines() if line.startswith("**")).strip("*")
    lines = ["# kernelkit", "", f"*{tagline}*", "", *_picture("panel")]
    lines += ["```python", EXAMPLE.rstrip(), "```", "", "Code written for Keras runs with only the import changed.", ""]
    lines += ["```bash", f'pip install "kernelkit[notebook] @ git+{REPOSITORY}"', "```", "", *_picture("debugger")]
    lines += ["::::{grid} 1 2 2 2", ":gutter: 3", ""]
    for page, title, words in CARDS:
        lines += [f":::{{grid-item-card}} {title}", f":link: {page}", ":link-type: doc", "", words, ":::", ""]
    lines += ["::::", ""]
    trees = {caption: [f"guides/{page}" for page in pages] for caption, pages in GUIDES.items()}
    trees["Learn"] = ["lessons/index", "lessons-ko/index", *trees["Learn"], "guides/mistakes/README"]
    trees["Reference"] = ["api/index", *trees["Reference"]]
    for caption, entries in trees.items():
        lines += [f"```{{toctree}}\n:caption: {caption}\n:hidden:\n", *entries, "```", ""]
    return "\n".join(lines)


def _picture(name: str) -> list[str]:
    lines = []
    for theme in ("light", "dark"):
        image = f"guides/pictures/{name}-{theme}.png"
        lines += [f"```{{image}} {image}", f":alt: {PICTURES[name]}", f":class: only-{theme}", "```", ""]
    return lines


def write_pages(pages: Path, parts: tuple[str, ...] = ("api", "guides"), names: tuple[int, int] = (0, 1)) -> str:
    """Lay out all pages in a folder; return a line about them.

    Args:
        pages: The folder.
        parts: Which parts of the site are written.
        names: ``(i, n)`` takes every n-th public name from the i-th on.
    """
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    shutil.copytree(ROOT / "docs" / "site", pages, dirs_exist_ok=True)
    said = f"{docs_reference.write(pages / 'api', names)} public names"
    if "guides" not in parts:
        tree = "# kernelkit\n\n```{toctree}\napi/index\n```\n"
        (pages / "index.md").write_text(tree, encoding="utf-8")
        return said
    write_guides(pages)
    count, ran = write_lessons(pages)
    (pages / "index.md").write_text(front_page(), encoding="utf-8")
    return f"{said}, {count} lessons, {ran} of them with what they show (make lessons runs them)"


def build(pages: Path, site: Path, jobs: int = 2) -> int:
    """Run Sphinx over pages that are laid out, warnings counting as errors; return its exit status."""
    shutil.rmtree(site, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", str(jobs), "-b", "html", pages, site]
    status = subprocess.run(command, cwd=ROOT).returncode
    drop_dead_backlinks(site)
    return status


def drop_dead_backlinks(site: Path) -> None:
    """Take out the links from sources to descriptions that stand under another name."""
    places: dict[Path, set[str]] = {}

    def check(match: re.Match[str]) -> str:
        file, _, fragment = match.group(1).partition("#")
        target = (path.parent / file).resolve()
        if target not in places:
            text = target.read_text(encoding="utf-8") if target.exists() else ""
            places[target] = set(re.findall(r'\bid="([^"]+)"', text))
        return match.group(0) if fragment in places[target] else ""

    for path in (site / "_modules").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r'<a class="viewcode-back" href="([^"]+)">.*?</a>', check, text), encoding="utf-8")


class Links(HTMLParser):
    """The addresses that a page points to, and the places in it that can be pointed at."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if value and name in ("href", "src"):
                self.links.append(value)
            elif value and name in ("id", "name"):
                self.places.add(value)


def dead_links(site: Path = SITE) -> Iterator[str]:
    """The links inside a site that lead nowhere."""
    pages = {}
    for path in site.rglob("*.html"):
        pages[path.resolve()] = parser = Links()
        parser.feed(path.read_text(encoding="utf-8"))
    for path, parser in pages.items():
        for link in parser.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                yield f"{path.relative_to(site.resolve())}: {link}: no such file"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
                yield f"{path.relative_to(site.resolve())}: {link}: no such place"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=["api"])
    parser.add_argument(
        "--part", default="0/1", metavar="I/N", help="of the reference every N-th name, from the I-th on"
    )
    parser.add_argument("--check", action="store_true", help="follow the links of the site that was built")
    arguments = parser.parse_args()
    if arguments.check:
        dead = list(dead_links())
        print("\n".join(dead) or "every link leads somewhere")
        return bool(dead)
    first, every = map(int, arguments.part.split("/"))
    print(write_pages(PAGES, ("api",) if arguments.only else ("api", "guides"), (first, every)), flush=True)
    status = build(PAGES, SITE)
    print(f"{SITE / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
