"""The documentation site: what `make docs` gives to Sphinx is whole, and Sphinx builds a part of it."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import re
from pathlib import Path

import nbformat
import pytest

import kernelkit
from tools import docs_reference, docs_site, lessons


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    """The pages of the site, laid out."""
    folder = tmp_path_factory.mktemp("site")
    docs_site.write_pages(folder / "pages")
    return folder / "pages"


def text_of(page: Path) -> str:
    if page.suffix != ".ipynb":
        return page.read_text(encoding="utf-8")
    return "\n\n".join(c.source for c in nbformat.read(page, as_version=4).cells if c.cell_type == "markdown")


def listed(pages: Path) -> set[str]:
    """The pages that the tables of contents name, from the first page on."""
    found, left = {"index"}, ["index"]
    while left:
        page = left.pop()
        path = next(p for ending in (".md", ".rst", ".ipynb") if (p := pages / f"{page}{ending}").exists())
        for block in re.findall(
            r"```\{toctree\}\n(.*?)```|^\.\. toctree::\n(.*)", text_of(path), re.DOTALL | re.MULTILINE
        ):
            for line in "".join(block).splitlines():
                name = line.strip()
                if not name or name.startswith(":"):
                    continue
                names = (
                    [p.relative_to(pages).with_suffix("").as_posix() for p in path.parent.glob(f"{name}.md")]
                    if "*" in name
                    else [(path.parent / name).relative_to(pages).as_posix()]
                )
                left += [n for n in names if n not in found]
                found |= set(names)
    return found


def test_sphinx_builds_a_part_of_the_reference_and_all_guides_without_a_warning(tmp_path):
    turn = os.environ["KERNELKIT_TEST_TURN"]
    docs_site.write_pages(tmp_path / "pages", names=(int(turn) if turn.isdigit() else 0, 40))
    assert docs_site.build(tmp_path / "pages", tmp_path / "site", jobs=1) == 0
    assert list(docs_site.dead_links(tmp_path / "site")) == []
    built = {page.stem for page in (tmp_path / "site" / "api" / "names").glob("*.html")}
    assert built == {page.stem for page in (tmp_path / "pages" / "api" / "names").glob("*.rst")}
    assert len(built) >= 25
    for name in built:
        page = (tmp_path / "site" / "api" / "names" / f"{name}.html").read_text(encoding="utf-8")
        assert "&gt;&gt;&gt; " in page or 'class="gp"' in page, f"{name}: its example is not shown"
        assert "[source]" in page, f"{name}: no link to its source"

    # Read from a folder, the search lists its results and asks for no other page (a browser would refuse).
    page = (tmp_path / "site" / "search.html").read_text(encoding="utf-8")
    assert 0 < page.index("_static/documentation_options.js") < page.index("_static/offline.js")
    assert "SHOW_SEARCH_SUMMARY = false" in (tmp_path / "site" / "_static" / "offline.js").read_text(encoding="utf-8")


def test_every_document_stands_in_one_part_of_the_side_bar():
    documents = sorted(path.stem for path in (docs_site.ROOT / "docs").glob("*.md"))
    assert sorted(page for part in docs_site.GUIDES.values() for page in part) == documents


def test_the_side_bar_leads_to_every_page_but_those_of_single_names(pages):
    there = {
        p.relative_to(pages).with_suffix("").as_posix()
        for p in pages.rglob("*")
        if p.suffix in (".md", ".rst", ".ipynb")
    }
    assert listed(pages) == {page for page in there if not page.startswith("api/names/")}


def test_every_link_between_pages_leads_to_a_page(pages):
    dead = []
    for page in [p for p in pages.rglob("*") if p.suffix in (".md", ".ipynb")]:
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text_of(page)):
            if not (page.parent / link).resolve().exists():
                dead.append(f"{page.relative_to(pages)}: {link}")
    for page in (pages / "api").rglob("*.rst"):
        for link in re.findall(r":doc:`[^<`]*<([^>`]+)>`", text_of(page)):
            if not (page.parent / f"{link}.rst").resolve().exists():
                dead.append(f"{page.relative_to(pages)}: {link}")
    assert dead == []


def test_cards_and_pictures_of_the_first_page_are_there(pages):
    front = text_of(pages / "index.md")
    assert len(re.findall(r"^```\{image\} (\S+)", front, re.MULTILINE)) == 4
    for image in re.findall(r"^```\{image\} (\S+)", front, re.MULTILINE):
        assert (pages / image).exists(), image
    for card in re.findall(r"^:link: (\S+)", front, re.MULTILINE):
        assert list((pages / card).parent.glob(f"{Path(card).name}.*")), card


def test_every_public_name_has_a_page_of_its_own(pages):
    entries = docs_reference.described()
    files = [entry.page.lower() for entry in entries]
    assert len(files) == len(set(files)), "file names must differ also where they ignore case"
    assert {p.stem for p in (pages / "api" / "names").iterdir()} == {entry.page for entry in entries}
    paths = {path for entry in entries for path in (entry.path, *entry.others)}
    for name in kernelkit.__all__:
        thing = getattr(kernelkit, name)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            assert f"kernelkit.{name}" in paths
    for path in ("layers.Dense", "callbacks.Callback", "distribution.DataParallel", "preprocessing.text.Tokenizer"):
        assert f"kernelkit.{path}" in paths


def test_a_page_names_what_its_module_lists(pages):
    for entry in docs_reference.described():
        assert entry.summary, f"{entry.path} has no docstring"
        module = text_of(pages / "api" / f"{entry.module or 'kernelkit'}.rst")
        assert f"<names/{entry.page}>" in module
        assert f"auto{'class' if inspect.isclass(entry.thing) else 'function'}:: {entry.path}\n" in text_of(
            pages / "api" / "names" / f"{entry.page}.rst"
        )


def test_every_layer_and_op_stands_below_a_heading():
    for entry in docs_reference.described():
        assert docs_reference.heading_of(entry) != "Others", f"{entry.path}: add its file to HEADINGS"


def test_what_differs_from_keras_stands_on_the_page_of_the_name(pages):
    text = text_of(pages / "api" / "names" / "kernelkit.distillation.LogitsDistillation.rst")
    assert ".. admonition:: Differs from Keras" in text and "can be negative" in text


def test_each_lesson_links_to_its_twin_in_the_other_language(pages):
    for source in lessons.sources():
        english, korean = (text_of(pages / place / f"{source.stem}.ipynb") for place in ("lessons", "lessons-ko"))
        assert f"](../lessons-ko/{source.stem}.ipynb)" in english
        assert f"](../lessons/{source.stem}.ipynb)" in korean


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_readmes_list_every_lesson(readme):
    text = (docs_site.ROOT / readme).read_text(encoding="utf-8")
    folder = "notebooks/ko/" if ".ko" in readme else "notebooks/"
    assert re.findall(rf"^\| \[\d\d [^\]]+\]\({folder}(\w+)\.ipynb\)", text, re.MULTILINE) == [
        source.stem for source in lessons.sources()
    ]


def test_the_source_of_every_public_name_is_found():
    entries = docs_reference.described()
    assert [entry.path for entry in entries if docs_reference.source_of(entry) is None] == []
    places = {entry.path: docs_reference.source_of(entry) for entry in entries}
    for path, words in {
        "kernelkit.ops.trunc": "trunc = unary(",  # made by a call
        "kernelkit.backend.is_int_dtype": "def is_int(",  # another name
        "kernelkit.layers.Dense": "class Dense(",
    }.items():
        module, first, _ = places[path]
        lines = Path(importlib.import_module(module).__file__).read_text(encoding="utf-8").splitlines()
        assert lines[first - 1].startswith(words), path


def test_every_public_name_has_a_runnable_example():
    lacking = [e.path for e in docs_reference.described() if ">>> " not in (inspect.getdoc(e.thing) or "")]
    assert lacking == []


def test_examples_that_never_run_need_a_download_or_a_cluster_or_cannot_be_taken_back():
    parse = doctest.DocTestParser().get_examples
    never = set()
    for entry in docs_reference.described():
        lines = [x.source for x in parse(inspect.getdoc(entry.thing) or "") if not re.match("import |from ", x.source)]
        if lines and all("doctest: +SKIP" in line for line in lines):
            never.add(entry.path)
    downloads = {path for path in never if path.startswith("kernelkit.datasets.") or "decode_predictions" in path}
    assert never - downloads == {
        "kernelkit.config.enable_unsafe_deserialization",
        "kernelkit.distribution.ipyparallel",  # `make clusters` runs this one and the next
        "kernelkit.distribution.ray_trainer",
    }
