"""The documentation site: guides, lessons and a reference of every public name, as a folder that needs no network.

    python tools/docs_site.py                 # writes build/site/index.html
    python tools/docs_site.py --only api      # the reference alone: what CI builds
    python tools/docs_site.py --check         # follows every link inside of build/site

Lessons are shown as `make lessons` has left them in build/lessons; those that were not run are shown without outputs.
"""

from __future__ import annotations

import argparse
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGES = ROOT / "build" / "site-pages"
SITE = ROOT / "build" / "site"
GUIDES = {
    "Start": ["teaching", "coming-from-keras", "coming-from-pytorch"],
    "Guides": ["viz", "debugger", "graph", "saving", "export", "serving"],
    "House": ["architecture", "benchmarks", "conformance"],
}
# Modules with more names than fit a page, and the modules in whose files their names are written.
CUT = {"ops", "layers"}


def public_modules() -> dict[str, ModuleType]:
    """The public modules by the name that users write, `kernelkit.layers` first."""
    import kernelkit

    found = {}
    for name in kernelkit.__all__:
        thing = getattr(kernelkit, name)
        if inspect.ismodule(thing):
            found[name] = thing
            for inner in getattr(thing, "__all__", ()):
                if inspect.ismodule(getattr(thing, inner, None)):
                    found[f"{name}.{inner}"] = getattr(thing, inner)
    found["viz"] = kernelkit.viz
    found["optimizers.schedules"] = kernelkit.optimizers.schedules
    return dict(sorted(found.items()))


def public_names(module: ModuleType) -> list[str]:
    """The names of functions and classes that a module offers."""
    listed = getattr(module, "__all__", None)
    names = listed or [n for n in vars(module) if not n.startswith("_")]
    kept = []
    for name in sorted(names):
        thing = getattr(module, name, None)
        if not (inspect.isclass(thing) or inspect.isroutine(thing)):
            continue
        home = getattr(thing, "__module__", "") or ""
        if home.startswith("kernelkit") and (listed or home.startswith(module.__name__)):
            kept.append(name)
    return kept


def page_of(module: str, name: str, thing: object) -> str:
    """The page on which a name is described."""
    if module not in CUT:
        return module
    home = getattr(thing, "__module__", "").removeprefix(f"kernelkit.{module}").strip(".").split(".")[0]
    return f"{module}.{home.lstrip('_') or 'base'}"


def described() -> dict[str, tuple[str, object, list[str]]]:
    """What the reference describes: by its public name, the page, the object, and the other names that it has."""
    import kernelkit

    found: dict[str, tuple[str, object, list[str]]] = {}
    by_identity: dict[int, str] = {}
    for title, module in {**public_modules(), "": kernelkit}.items():
        for name in public_names(module):
            thing = getattr(module, name)
            path = f"kernelkit.{title}.{name}" if title else f"kernelkit.{name}"
            if id(thing) in by_identity:
                found[by_identity[id(thing)]][2].append(path)
                continue
            by_identity[id(thing)] = path
            found[path] = (page_of(title, name, thing) if title else "kernelkit", thing, [])
    return found


def write_reference() -> int:
    """Write the pages of the reference; return how many names they describe."""
    folder = PAGES / "api"
    folder.mkdir(parents=True)
    pages: dict[str, list[str]] = {}
    names = described()
    for path, (page, thing, others) in names.items():
        kind, members = ("autoclass", "   :members:\n") if inspect.isclass(thing) else ("autofunction", "")
        also = f"\nAlso {', '.join(f'``{other}``' for other in others)}.\n" if others else ""
        pages.setdefault(page, []).append(f".. {kind}:: {path}\n{members}{also}")
    for page, entries in pages.items():
        title = page if page == "kernelkit" else f"kernelkit.{page}"
        text = f"{title}\n{'=' * len(title)}\n\n" + "\n".join(entries)
        (folder / f"{page}.rst").write_text(text, encoding="utf-8")
    count = len(names) + sum(len(others) for _, _, others in names.values())
    head = f"Reference\n=========\n\n{count} public names, each with its example.\n"
    listed = "\n".join(f"   {page}" for page in sorted(pages))
    (folder / "index.rst").write_text(f"{head}\n.. toctree::\n   :maxdepth: 1\n\n{listed}\n", encoding="utf-8")
    return count


def write_guides() -> None:
    """Copy the documents, with their links bent to where things stand in the site."""
    for path in [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "mistakes").glob("*.md"))]:
        place = PAGES / "guides" / path.relative_to(ROOT / "docs")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_links(path.read_text(encoding="utf-8"), path), encoding="utf-8")
    if (ROOT / "docs" / "pictures").exists():
        shutil.copytree(ROOT / "docs" / "pictures", PAGES / "guides" / "pictures")


def _links(text: str, path: Path) -> str:
    def bend(match: re.Match[str]) -> str:
        words, link = match.group(1), match.group(2)
        target = (path.parent / link.partition("#")[0]).resolve()
        if target.is_relative_to(ROOT / "docs"):
            return match.group(0)
        if target.suffix == ".ipynb" and target.exists():
            up = "../" * (len(path.relative_to(ROOT / "docs").parts))
            folder = "lessons-ko" if target.parent.name == "ko" else "lessons"
            return f"[{words}]({up}{folder}/{target.stem}.ipynb)"
        return words  # a file of the repository that is no page

    return re.sub(r"\[([^\]\n]+)\]\((?!https?:|#|mailto:)([^)\s]+)\)", bend, text)


def write_lessons() -> None:
    """Copy the lessons in both languages, with the outputs of their last run where there was one."""
    for folder, language, place in (
        (ROOT / "notebooks", "en", "lessons"),
        (ROOT / "notebooks" / "ko", "ko", "lessons-ko"),
    ):
        (PAGES / place).mkdir(parents=True)
        for path in sorted(folder.glob("*.ipynb")):
            ran = ROOT / "build" / "lessons" / f"{path.stem}.{language}.ipynb"
            shutil.copy(ran if ran.exists() else path, PAGES / place / path.name)


def write_index(parts: list[str]) -> None:
    lines = ["# kernelkit", ""]
    if "guides" in parts:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        lines += [next(line for line in readme.splitlines() if line.startswith("**")), ""]
        lines += [
            "```{image} guides/pictures/panel-light.png",
            ":alt: The live panel in the middle of a training",
            "```",
            "",
        ]
    for part, title, pages in (
        ("lessons", "Lessons", sorted(p.stem for p in (PAGES / "lessons").glob("*.ipynb"))),
        ("lessons-ko", "한국어 수업", sorted(p.stem for p in (PAGES / "lessons-ko").glob("*.ipynb"))),
    ):
        if pages:
            lines += [f"```{{toctree}}\n:caption: {title}\n:maxdepth: 1\n", *(f"{part}/{p}" for p in pages), "```", ""]
    if "guides" in parts:
        for title, pages in GUIDES.items():
            there = [f"guides/{p}" for p in pages if (PAGES / "guides" / f"{p}.md").exists()]
            lines += [f"```{{toctree}}\n:caption: {title}\n:maxdepth: 1\n", *there, "```", ""]
        if (PAGES / "guides" / "mistakes").exists():
            lines += ["```{toctree}\n:caption: Mistakes\n:maxdepth: 1\n:glob:\n", "guides/mistakes/*", "```", ""]
    lines += ["```{toctree}\n:caption: Reference\n:maxdepth: 2\n", "api/index", "```", ""]
    (PAGES / "index.md").write_text("\n".join(lines), encoding="utf-8")


def build(parts: list[str]) -> int:
    """Lay out the pages and run Sphinx over them; return its exit status."""
    for folder in (PAGES, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    PAGES.mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "site" / "conf.py", PAGES / "conf.py")
    print(f"{write_reference()} public names")
    if "guides" in parts:
        write_guides()
        write_lessons()
    write_index(parts)
    command = [sys.executable, "-m", "sphinx", "-q", "--keep-going", "-j", "2", "-b", "html", PAGES, SITE]
    return subprocess.run(command, cwd=ROOT).returncode


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
    parser.add_argument("--check", action="store_true", help="follow the links of the site that was built")
    arguments = parser.parse_args()
    if arguments.check:
        dead = list(dead_links())
        print("\n".join(dead) or "every link leads somewhere")
        return bool(dead)
    status = build(["api"] if arguments.only else ["api", "guides"])
    print(f"{SITE / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
