"""The lessons' sources, and the notebooks that are built from them; `make lessons` runs them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbconvert
import nbformat
import pytest

import kernelkit as kk
from tools import lessons

ROOT = Path(__file__).resolve().parents[2]
each_lesson = pytest.mark.parametrize("source", lessons.sources(), ids=lambda path: path.stem)


def test_the_notebooks_are_what_their_sources_say():
    assert [str(path) for path in lessons.out_of_step()] == [], "run: make notebooks"


def test_each_korean_notebook_has_a_source():
    assert {p.stem for p in (ROOT / "notebooks" / "ko").glob("*.ipynb")} == {p.stem for p in lessons.sources()}


@each_lesson
def test_both_languages_have_the_same_shape(source):
    english, korean = (lessons.notebook(lessons.read(source), language).cells for language in ("en", "ko"))
    assert [c.cell_type for c in english] == [c.cell_type for c in korean]
    for one, other in zip(english, korean):
        if one.cell_type == "markdown":
            for mark in (r"^#+ ", r"`[^`]+`", r"\$\$?[^$]+\$\$?", r"\]\(([^)]+)\)"):
                ours, theirs = (re.findall(mark, c.source, flags=re.MULTILINE) for c in (one, other))
                assert sorted(ours) == sorted(theirs), one.source
            if re.search(r"[a-z]{4}", re.sub(r"`[^`]+`", "", one.source)):
                assert re.search(r"[가-힣]", other.source), other.source
            assert not re.search(r"[가-힣]", one.source), one.source
        else:
            assert "say(" not in one.source + other.source


@each_lesson
def test_the_code_of_both_languages_differs_in_strings_alone(source):
    def code(language):
        cells = [c.source for c in lessons.notebook(lessons.read(source), language).cells if c.cell_type == "code"]
        trees = [ast.parse(re.sub(r"^(\s*)%.*$", r"\1pass", cell, flags=re.MULTILINE)) for cell in cells]
        for node in (node for tree in trees for node in ast.walk(tree)):
            if isinstance(node, ast.JoinedStr):
                node.values = []
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""
        return [ast.dump(tree) for tree in trees]

    assert code("en") == code("ko")


@each_lesson
def test_a_korean_notebook_prints_no_english_sentence(source):
    """Names of layers and of curves stay, and so do words in a plot, for which Colab and Binder have no Korean font."""

    def strings(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif not isinstance(node, ast.Call):
            yield from (text for child in ast.iter_child_nodes(node) for text in strings(child))

    cells = lessons.notebook(lessons.read(source), "ko", solved=True).cells
    code = "\n".join(
        re.sub(r"^(\s*)%.*$", r"\1pass", c.source, flags=re.MULTILINE) for c in cells if c.cell_type == "code"
    )
    calls = [
        node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    printed = [text for call in calls for argument in call.args for text in strings(argument)]
    assert [text for text in printed if re.search(r"[a-z]{2} [a-z]{2}|[a-z]{4}:", text)] == []
    assert calls


@each_lesson
def test_no_line_of_code_is_cut_at_the_edge_of_a_projector(source):
    """A Korean letter is as wide as two others. Checks are folded away."""
    for language in lessons.LANGUAGES:
        cells = [c for c in lessons.notebook(lessons.read(source), language).cells if c.cell_type == "code"]
        shown = [c.source for c in cells if "hide-input" not in c.metadata.get("tags", ())]
        lines = [line for text in shown for line in text.splitlines()]
        wide = [line for line in lines if sum(2 if ord(letter) > 0x1100 else 1 for letter in line) > 120]
        assert wide == []
        assert len(lines) > 50


@each_lesson
def test_a_notebook_has_what_colab_reads(source):
    for language in lessons.LANGUAGES:
        book = nbformat.read(lessons.target(source, language), as_version=4)
        nbformat.validate(book)
        assert book.metadata.kernelspec.name == "python3"
        assert book.metadata.colab.toc_visible is True
        title, first, *others = book.cells
        assert title.source.startswith("# ")
        # Colab folds a form away, JupyterLab a hidden source; what the cell does is told in the line that stays.
        assert first.metadata.cellView == "form"
        assert first.metadata.jupyter.source_hidden is True
        told, code = first.source.split("\n", 1)
        assert told.startswith("# On Colab") and "installs kernelkit" in told
        assert 'if importlib.util.find_spec("kernelkit") is None:\n    %pip install' in code
        assert not any("%pip" in cell.source or "!pip" in cell.source for cell in others)
        # Widgets that are not Colab's own ask for its custom manager; kernelkit's own views ask for it themselves.
        code = "\n".join(cell.source for cell in others if cell.cell_type == "code")
        assert not re.search(r"ipywidgets|anywidget|custom_widget_manager|google\.colab", code)


@each_lesson
def test_a_lesson_ends_in_exercises_that_can_be_solved_and_says_what_it_must_reach(source):
    cells = lessons.read(source)
    kinds = [cell.kind for cell in cells]
    assert kinds.count("exercise") >= 2
    assert kinds.count("exercise") == kinds.count("solution")
    checks = "\n".join(c.text for c in cells if c.kind == "check")
    made = set(re.findall(r"^def (check_\w+)", checks, flags=re.MULTILINE))
    for kind in ("exercise", "solution"):
        assert {name for c in cells if c.kind == kind for name in re.findall(r"\b(check_\w+)\(", c.text)} == made
    tests = "\n".join(c.text for c in cells if c.kind == "test")
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(tests)))
    assert "assert" not in "".join(c.source for c in lessons.notebook(cells, "en").cells if "test" in str(c.metadata))


def test_each_lesson_leads_to_the_next_one():
    for language in lessons.LANGUAGES:
        books = [nbformat.read(lessons.target(source, language), as_version=4) for source in lessons.sources()]
        for book, after, source in zip(books, books[1:], lessons.sources()[1:]):
            words, link = re.findall(r"\[\d\d ([^\]]+)\]\(([^)]+)\)", book.cells[-1].source)[-1]
            assert link == f"{source.stem}.ipynb"
            assert after.cells[0].source.startswith(f"# {words}\n")
            assert book.cells[-1].metadata.slideshow.slide_type == "skip"


@each_lesson
def test_a_lesson_asks_for_nothing_from_the_network(source):
    code = "\n".join(c.text for c in lessons.read(source) if c.kind != "markdown")
    assert not re.search(r"https?:|fetch_|get_file|load_data\(|urllib|requests", code)


@pytest.mark.parametrize(
    ("stem", "score"),
    [
        ("08_char_lstm", "assert loss < 1.9"),  # nats a letter; guessing gives 3.4
        ("11_gan", "assert clear > 0.6"),  # share of fakes in which a judge of digits sees a digit
        ("13_memory_network", "assert accuracy > 0.9"),
        ("14_neural_turing_machine", "assert score > 0.98"),  # bits copied right
    ],
)
def test_the_four_models_that_must_learn_hold_their_final_score_where_lessons_are_run(stem, score):
    (source,) = (path for path in lessons.sources() if path.stem == stem)
    tests = [
        c.source
        for c in lessons.notebook(lessons.read(source), "en", tested=True).cells
        if "test" in c.metadata.get("tags", ())
    ]
    assert score in "\n".join(tests)


def test_turns_come_to_every_lesson_in_both_languages():
    count = len(lessons.sources())
    turns = [lessons.of_turn(turn) for turn in range(7, 7 + 2 * count)]
    assert len(set(turns)) == 2 * count
    assert "lessons ARGS=--turn" in (ROOT / ".ci" / "run").read_text()


def test_a_run_looks_at_what_the_checks_said_of_the_solutions():
    def cell(*outputs):
        cell = nbformat.v4.new_code_cell("check_1(2)", metadata={"tags": ["solution"]})
        cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": text}) for text in outputs]
        return cell

    book = nbformat.v4.new_notebook(cells=[cell("Right. Two."), cell("3", "Not yet."), cell()])
    assert lessons.verdicts(book) == ["Right. Two.", "Not yet.", ""]


def test_slides_keep_the_pictures_and_leave_out_what_is_folded_away():
    book = lessons.notebook(lessons.read(lessons.sources()[4]), "en")
    shown = next(c for c in book.cells if c.cell_type == "code" and "plt.show" in c.source)
    picture = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}
    shown.outputs = [nbformat.v4.new_output("display_data", picture)]
    page, _ = nbconvert.SlidesExporter().from_notebook_node(book)
    headings = [c for c in book.cells if c.cell_type == "markdown" and c.source.startswith("#")]
    assert len(re.findall(r"<section>\s*<section", page)) == len(headings) >= 5
    assert "data:image/png;base64,iVBORw0KGgo=" in page
    assert "find_spec" not in page and "def check_1" not in page


def test_the_options_of_the_exporter_that_teachers_are_told_of_exist():
    told = re.findall(r"--SlidesExporter\.(\w+)=", (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8"))
    assert set(told) <= set(nbconvert.SlidesExporter.class_trait_names(config=True))
    assert len(set(told)) == 6


def test_a_string_in_two_languages_becomes_one_of_them():
    code = 'print(say("yes", "네"), 1)\nx = f(\n    a=say(\n        "left",\n        "왼쪽",\n    )\n)\n'
    assert lessons.say(code, "en") == 'print("yes", 1)\nx = f(\n    a="left"\n)\n'
    assert lessons.say(code, "ko") == 'print("네", 1)\nx = f(\n    a="왼쪽"\n)\n'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("# %% [markdown] en\n# Hello\n# %%\n1\n", "no Korean text follows"),
        ("# %% [markdown] ko\n# 안녕\n", "no English text stands before"),
        ("# %% [markdown] en\nHello\n", "a.py:2: a line of text begins with"),
        ("# %% [exercise]\ncheck(...)\n# %%\n1\n", "no solution follows"),
        ("# %% [quiz]\n1\n", "heads no cell"),
        ("# %% [markdown]\n# Hello\n", "heads no cell"),
    ],
)
def test_a_source_that_is_not_in_the_form_is_refused(source, message, tmp_path):
    (tmp_path / "a.py").write_text(source, encoding="utf-8")
    with pytest.raises(lessons.SourceError, match=message):
        lessons.read(tmp_path / "a.py")


def test_a_check_says_right_wrong_or_no_answer_yet():
    check = kk.teaching.exercise(lambda answer: None if answer == 2 else "Count again.", right="Both.")
    assert [repr(check(a)) for a in (2, 3)] == ["Right. Both.", "Not yet. Count again."]
    assert [check(a).right for a in (2, 3, ...)] == [True, False, None]
    assert not check(...)
    assert "NameError" not in repr(check(...))


def test_an_answer_that_the_check_cannot_use_is_wrong_and_says_why():
    check = kk.teaching.exercise(lambda answer: None if answer.shape == (2,) else "No.", language="ko")
    assert not check("text")
    assert "AttributeError" in repr(check("text"))
    assert repr(check(...)).startswith("아직 답이 없어요")


def test_what_a_student_typed_is_shown_as_text():
    check = kk.teaching.exercise(lambda answer: f"{answer} is wrong.")
    assert "<img" not in check("<img src=x onerror=alert(1)>")._repr_html_()


def test_a_check_that_returns_no_sentence_is_a_mistake_of_its_author():
    with pytest.raises(TypeError, match="returned bool"):
        kk.teaching.exercise(lambda answer: answer == 1)(2)
    with pytest.raises(ValueError, match="'en', 'ko'"):
        kk.teaching.exercise(language="fr")
